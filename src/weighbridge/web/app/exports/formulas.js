// Derivations of the figures that stand on the page, as MathML: browsers show it without fonts of ours.
import katex from 'katex';
import { html } from '../html.js';
import { Said } from '../i18n/said.js';
import { t } from '../i18n/language.js';
import { ask } from '../engine/engine.js';
import { latexName, sides, treeOf } from '../drawer/steps.js';

/** @typedef {import('../state/question.js').Question} Question */
/** @typedef {import('../panels/panel.js').Panel} Panel */
/** @typedef {import('../drawer/steps.js').StepNode} StepNode */
/** @typedef {{of: string, label: string, tree: StepNode}} Derivation */

/** Derivations in a report: those of the sentence come first, then those of the tables. */
const MOST = 60;

/**
 * @param {Panel} panel
 * @param {Question} question
 * @param {Element} shown where the figures stand
 * @param {(done: number, all: number) => void} told
 * @returns {Promise<Derivation[]>}
 */
export async function derivations(panel, question, shown, told) {
  const wanted = [...figuresOf(shown)].slice(0, MOST);
  /** @type {Map<string, any>} */
  const heard = new Map();
  const found = [];
  for (const [place, [of, label]] of wanted.entries()) {
    told(place, wanted.length);
    const explained = panel.explain(of, question);
    if (!explained) continue;
    const key = JSON.stringify(explained.question);
    if (!heard.has(key)) heard.set(key, await explanation(explained.question));
    const steps = explained.steps(heard.get(key));
    if (steps.length) found.push({ of, label, tree: treeOf(steps) });
  }
  return found;
}

/** @param {Question} question */
async function explanation(question) {
  const told = await ask('report', question);
  if (!told || told.errors) throw new Error(told?.errors?.map(({ message }) => message).join('; ') ?? 'another report was asked for');
  return told.value;
}

/** Figures by name, in the order of the page. @param {Element} shown */
function figuresOf(shown) {
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const one of shown.querySelectorAll('[data-of]')) {
    const of = one.getAttribute('data-of') ?? '';
    if (!found.has(of)) found.set(of, labelOf(one));
  }
  return found;
}

/** What a figure is called: its own name, else what it says. @param {Element} figure */
const labelOf = (figure) => figure.getAttribute('aria-label') ?? figure.textContent ?? '';

/** @param {string} tex */
const mathml = (tex) => katex.renderToString(tex, { output: 'mathml', throwOnError: false, displayMode: false });

/** @param {{tex: string, of: string}} props */
const Line = ({ tex, of }) => html`<div class=${of} dangerouslySetInnerHTML=${{ __html: mathml(tex) }}></div>`;

/** A quantity with what it is made of, below it. @param {{node: StepNode}} props */
export function Written({ node: { step, children } }) {
  return html`<section class="step">
    <div class="equation"><${Line} tex=${latexName(step.symbol)} of="name" />
      ${sides(step).map((terms) => html`<${Line} tex=${`= ${terms.join(' ')}`} of="side" />`)}</div>
    ${step.note && html`<${Said} of="p" class="note" text=${step.note} />`}
    ${step.source && html`<p class="source">${t('drawer.source')}: <cite lang="en">${step.source}</cite></p>`}
    ${children.map((child) => html`<${Written} node=${child} />`)}
  </section>`;
}
