// One quantity of an explanation: its equation, what there is to say about it, and the quantities that it is made of.
import katex from 'katex';
import 'katex/dist/katex.min.css';
import { useEffect, useRef } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n/language.js';
import { equation } from './steps.js';

/** @typedef {import('./steps.js').StepNode} StepNode */

/** Levels that are open when the drawer opens. */
const OPEN = 1;

/** @param {{node: StepNode, level: number}} props */
export function StepView({ node, level }) {
  const { step, children } = node;
  return html`<section class="step">
    <${Equation} tex=${`\\begin{aligned}${equation(step)}\\end{aligned}`} />
    ${step.note && html`<p class="note" lang="en">${step.note}</p>`}
    ${step.source && html`<p class="source"><span>${t('drawer.source')}:</span> <cite lang="en">${step.source}</cite></p>`}
    ${children.map((child) => html`<details key=${child.step.path.join('/')} open=${level < OPEN}>
      <summary><code>${child.step.symbol}</code> <span class="value">${Number(child.step.value).toLocaleString()}</span></summary>
      <${StepView} node=${child} level=${level + 1} />
    </details>`)}
  </section>`;
}

/** @param {{tex: string}} props */
function Equation({ tex }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (place.current) katex.render(tex, place.current, { displayMode: true, throwOnError: false, output: 'htmlAndMathml' });
  }, [tex]);
  return html`<div class="equation" ref=${place} tabindex="0" role="group"></div>`;
}
