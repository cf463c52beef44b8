// The explanation drawer: a figure's derivation, level by level. It stays open and follows while inputs change.
import { useEffect, useRef } from 'preact/hooks';
import { CopyButton } from '../controls/copy.js';
import { html } from '../html.js';
import { Said } from '../i18n/said.js';
import { t } from '../i18n/language.js';
import { change } from '../state/store.js';
import { useAnswer } from '../engine/engine.js';
import { latexOf, treeOf } from './steps.js';
import { StepView } from './step.js';
import { Beside } from './beside.js';

/** @typedef {import('../panels/panel.js').Panel} Panel */
/** @typedef {import('../state/question.js').Question} Question */

/** @param {{panel: Panel, question: Question | null, shown: string}} props */
export function Drawer({ panel, question, shown }) {
  const explained = question && panel.explain(shown, question);
  const { answer, pending, problems } = useAnswer('drawer', explained ? explained.question : null);
  const steps = answer && explained ? explained.steps(answer) : [];
  const tables = (answer && explained?.tables?.(answer)) ?? [];
  const head = useRef(/** @type {HTMLElement | null} */ (null));
  const opener = useRef(/** @type {Element | null} */ (null));
  useEffect(() => {
    if (document.activeElement?.matches('.figure')) opener.current = document.activeElement;
    head.current?.focus({ preventScroll: true });
  }, [shown]);
  const close = () => {
    change({ x: '' }, { step: true });
    if (opener.current instanceof HTMLElement) opener.current.focus({ preventScroll: true });
  };
  return html`<aside id="drawer" class="drawer" aria-label=${t('drawer.title')} aria-busy=${pending}
      onKeyDown=${(/** @type {KeyboardEvent} */ e) => e.key === 'Escape' && close()}>
    <header>
      <h2 tabindex="-1" ref=${head}>${t('drawer.title')}</h2>
      ${steps.length > 0 && html`<${CopyButton} text=${() => latexOf(steps)} idle="drawer.copy" done="drawer.copied" />`}
      <button type="button" class="icon" onClick=${close} aria-label=${t('drawer.close')} title=${t('drawer.close')}>×</button>
    </header>
    ${problems.map(({ message }) => html`<${Said} of="p" class="problem" text=${message} />`)}
    ${steps.length > 0 && html`<${StepView} node=${treeOf(steps)} level=${1} />`}
    <${Beside} tables=${tables} />
    ${answer && !steps.length && !tables.length && html`<p>${t('drawer.none')}</p>`}
  </aside>`;
}
