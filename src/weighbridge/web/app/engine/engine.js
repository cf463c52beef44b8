// The engine of this page, and a hook that keeps an answer beside a question.
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import EXAMPLE from '../generated/example.json';
import FIELDS from '../generated/fields.json';
import { BrowserEngine } from './browser.js';
import { paused } from './pause.js';
import { Queue } from './queue.js';
import { ServiceEngine } from './service.js';
import { served } from './start.js';

/** @typedef {import('../state/question.js').Question} Question */
/** @typedef {{field: string, message: string}} Problem */
/**
 * @typedef {object} Told
 * @property {any} answer the last good one
 * @property {Question | null} question that it answers
 * @property {Problem[]} problems of the newest question
 * @property {string} failed what went wrong, where nothing is wrong with the question
 * @property {boolean} pending the newest question has not been answered
 */
/** @typedef {Omit<Told, 'pending'> & {heard: string}} Kept ``heard``: the newest question that was answered, as text */

/** What the reader waits for: the answers of the panels, and the drawer. Everything else is asked beside. */
const PANELS = new Set(Object.keys(FIELDS));
const FIRST = new Set([...PANELS, 'drawer']);

/** @type {BrowserEngine | ServiceEngine} */
export const engine = served() ? new ServiceEngine() : new BrowserEngine();
/** Queues in which something is asked; the page says so while there are any. @type {Set<string>} */
const busy = new Set();

/** @param {string} name */
const told = (name) => (/** @type {boolean} */ asking) => {
  if (asking) busy.add(name);
  else busy.delete(name);
  document.documentElement.toggleAttribute('data-asking', busy.size > 0);
};

const first = new Queue((question) => engine.ask(question), told('first'));
const beside = new Queue((question) => engine.askBeside(question), told('beside'), paused);

/** Ask once. @param {string} slot @param {Question} question */
export const ask = (slot, question) => (FIRST.has(slot) ? first : beside).put(slot, question);

/** When every question has been answered. */
export async function settled() {
  await first.idle();
  await beside.idle();
  await first.idle();
}

/** @type {Kept} */
const NOTHING = { answer: null, question: null, problems: [], failed: '', heard: '' };

/** What is known at once: the worked example. @param {Question | null} question @param {string} key @returns {Kept} */
function known(question, key) {
  return key === JSON.stringify(EXAMPLE.question) ? { ...NOTHING, answer: EXAMPLE.answer, question, heard: key } : NOTHING;
}

/**
 * The answer to a question that may change: the last good one stays while the next is worked out.
 * @param {string} slot
 * @param {Question | null} question ``null``: nothing to ask yet
 * @returns {Told}
 */
export function useAnswer(slot, question) {
  const key = question ? JSON.stringify(question) : '';
  const [told, tell] = useState(() => known(question, key));
  const newest = useRef(key);
  newest.current = key;
  useLayoutEffect(() => { // asked before the page is painted, so that Python works meanwhile
    if (!question) return undefined;
    const at = known(question, key);
    if (at.answer) return void tell(at);
    const timer = setTimeout(async () => {
      const next = await heard(slot, question);
      if (next && newest.current === key) tell((before) => ({ ...before, ...next, heard: key }));
    });
    return () => clearTimeout(timer);
  }, [key]);
  return { ...told, pending: Boolean(key) && told.heard !== key };
}

/** @param {string} slot @param {Question} question @returns {Promise<Partial<Kept> | null>} */
async function heard(slot, question) {
  try {
    const answer = await ask(slot, question);
    if (!answer) return null;
    if (answer.errors) return { problems: answer.errors, failed: '' };
    return { answer: answer.value, question, problems: [], failed: '' };
  } catch (error) {
    const failed = String(error); // a panel says it above its answer, everything else where its problems stand
    return { failed, problems: PANELS.has(slot) ? [] : [{ field: '', message: failed }] };
  }
}
