// One quantity of an explanation: its equation, what there is to say about it, and the quantities that it is made of.
import katex from 'katex';
import 'katex/dist/katex.min.css';
import { useEffect, useRef } from 'preact/hooks';
import { html } from '../html.js';
import { Said } from '../i18n/said.js';
import { t } from '../i18n/language.js';
import { exact } from '../format/number.js';
import { latexName, sides } from './steps.js';

/** @typedef {import('./steps.js').StepNode} StepNode */

/** @param {{node: StepNode, level: number}} props */
export function StepView({ node, level }) {
  const { step, children } = node;
  const equation = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    const place = equation.current; // what scrolls is reached by keys
    if (place && place.scrollWidth > place.clientWidth) place.tabIndex = 0;
    else place?.removeAttribute('tabindex');
  });
  return html`<section class="step">
    <div class="equation" ref=${equation} role="group" aria-label=${`${step.symbol} = ${step.formula} = ${step.value}`}>
      <${Line} tex=${latexName(step.symbol)} of="name" />
      ${sides(step).map((terms) => terms.map((term, place) => html`<${Line} tex=${`${place ? '{}' : '='} ${term}`} of=${place ? 'term' : 'side'} />`))}
    </div>
    ${step.note && html`<${Said} of="p" class="note" text=${step.note} />`}
    ${step.source && html`<p class="source">${t('drawer.source')}: <cite lang="en">${step.source}</cite></p>`}
    ${children.map((child) => html`<details key=${child.step.path.join('/')}>
      <summary><code>${child.step.symbol}</code> <span class="value">${exact(child.step.value)}</span></summary>
      <${StepView} node=${child} level=${level + 1} />
    </details>`)}
  </section>`;
}

/** A line of an equation: it breaks at its operators where the drawer is narrow. @param {{tex: string, of: string}} props */
function Line({ tex, of }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  useEffect(() => {
    if (place.current) katex.render(tex, place.current, { throwOnError: false, output: 'htmlAndMathml' });
  }, [tex]);
  return html`<div class=${of} ref=${place}></div>`;
}
