// The engine of this page, and a hook that keeps an answer beside a question.
import { useEffect, useRef, useState } from 'preact/hooks';
import EXAMPLE from '../generated/example.json';
import { BrowserEngine } from './browser.js';
import { Queue } from './queue.js';
import { ServiceEngine } from './service.js';
import { served } from './start.js';

/** @typedef {import('../state/question.js').Question} Question */
/** @typedef {{field: string, message: string}} Problem */
/** @typedef {{answer: any, question: Question | null, problems: Problem[], pending: boolean, failed: string}} Told */

/** Milliseconds after a key, before a question is asked. */
const PAUSE = 20;

/** @type {BrowserEngine | ServiceEngine} */
export const engine = served() ? new ServiceEngine() : new BrowserEngine();
const queue = new Queue((question) => engine.ask(question));

/** Ask once. @param {string} slot @param {Question} question */
export const ask = (slot, question) => queue.put(slot, question);

/** @type {Told} */
const NOTHING = { answer: null, question: null, problems: [], pending: true, failed: '' };

/** What is known at once: the worked example. @param {Question | null} question @returns {Told} */
function known(question) {
  const same = question && JSON.stringify(question) === JSON.stringify(EXAMPLE.question);
  return same ? { ...NOTHING, answer: EXAMPLE.answer, question, pending: false } : NOTHING;
}

/**
 * The answer to a question that may change: the last good one stays while the next is worked out.
 * @param {string} slot
 * @param {Question | null} question ``null``: nothing to ask yet
 * @returns {Told}
 */
export function useAnswer(slot, question) {
  const [told, tell] = useState(() => known(question));
  const key = question && JSON.stringify(question);
  const newest = useRef(key);
  newest.current = key;
  useEffect(() => {
    if (!question) return undefined;
    const at = known(question);
    if (at.answer) return void tell(at);
    tell((before) => ({ ...before, pending: true }));
    const timer = setTimeout(async () => {
      const next = await heard(slot, question);
      if (next && newest.current === key) tell((before) => ({ ...before, ...next, pending: false }));
    }, PAUSE);
    return () => clearTimeout(timer);
  }, [key]);
  return told;
}

/** @param {string} slot @param {Question} question @returns {Promise<Partial<Told> | null>} */
async function heard(slot, question) {
  try {
    const answer = await ask(slot, question);
    if (!answer) return null;
    if (answer.errors) return { problems: answer.errors, failed: '' };
    return { answer: answer.value, question, problems: [], failed: '' };
  } catch (error) {
    return { failed: String(error), problems: [] };
  }
}
