// A button that copies a text, and says whether it could.
import { useState } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n/language.js';

/** Milliseconds that it is said for. */
const SAID = 2000;

/** @param {{text: () => string, idle: string, done: string}} props ``idle``, ``done``: keys of its words */
export function CopyButton({ text, idle, done }) {
  const [words, say] = useState(idle);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text());
      say(done);
    } catch {
      say('copy.failed'); // not allowed, or not there: without https there is no clipboard
    }
    setTimeout(() => say(idle), SAID);
  };
  return html`<button type="button" class="quiet" onClick=${copy} aria-live="polite">${t(words)}</button>`;
}
