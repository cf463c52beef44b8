// The step as the file that `train --trace` writes, for Perfetto (ui.perfetto.dev) and chrome://tracing: Python writes it when it is wanted.
import { useState } from 'preact/hooks';
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Said } from '../../i18n/said.js';
import { ask } from '../../engine/engine.js';
import { save } from '../../format/save.js';

/** @param {{question: import('../../state/question.js').Question, file: string}} props */
export function SaveTrace({ question, file }) {
  const [wrong, say] = useState('');
  const [asked, wait] = useState(false);
  const take = async () => {
    if (asked) return;
    wait(true);
    say('');
    try {
      const told = await ask('train-trace', { ...question, with: ['trace'] });
      if (told?.errors) say(told.errors[0].message);
      else if (told) save(file, 'application/json', told.value.trace);
    } catch (error) {
      say(String(error));
    }
    wait(false);
  };
  return html`<p class="saves"><button type="button" class="quiet" aria-busy=${asked} onClick=${take}>${t('train.trace')}</button></p>
    ${wrong && html`<${Said} of="p" class="problem" text=${wrong} />`}`;
}
