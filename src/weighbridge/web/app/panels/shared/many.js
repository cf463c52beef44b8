// Answers to several questions beside each other: those that are known stay while others are worked out.
import { useEffect, useState } from 'preact/hooks';
import { ask } from '../../engine/engine.js';

/** @typedef {import('../../state/question.js').Question} Question */
/** @typedef {{answer: any, problems: {field: string, message: string}[]}} Heard */

/** Answers that were heard, by question: a change of one does not ask the others again. @type {Map<string, Heard>} */
const heard = new Map();

/** Milliseconds of quiet before they are asked: what is typed goes before. */
const QUIET = 500;

/** Answers that are kept. */
const MOST = 200;

/** @param {string} slot @param {Question} question @returns {Promise<Heard | null>} */
async function hear(slot, question) {
  const key = JSON.stringify(question);
  const known = heard.get(key);
  if (known) return known;
  const told = await ask(slot, question);
  if (!told) return null;
  const found = told.errors ? { answer: null, problems: told.errors } : { answer: told.value, problems: [] };
  if (heard.size >= MOST) heard.clear();
  heard.set(key, found);
  return found;
}

/**
 * @param {string} slot
 * @param {(Question | null)[]} questions
 * @returns {(Heard | null)[]} in their order; ``null`` for what is being worked out
 */
export function useMany(slot, questions) {
  const key = JSON.stringify(questions);
  const [found, set] = useState(/** @type {{key: string, answers: (Heard | null)[]}} */ ({ key: '', answers: [] }));
  useEffect(() => {
    let stale = false;
    const answers = questions.map((one) => (one && heard.get(JSON.stringify(one))) || null);
    set({ key, answers: [...answers] });
    const timer = setTimeout(async () => {
      for (const [place, question] of questions.entries()) {
        if (stale || !question || answers[place]) continue;
        answers[place] = await hear(slot, question).catch((error) => ({ answer: null, problems: [{ field: '', message: String(error) }] }));
        if (!stale) set({ key, answers: [...answers] });
      }
    }, QUIET);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [key]);
  return found.key === key ? found.answers : questions.map((one) => (one && heard.get(JSON.stringify(one))) || null);
}
