// An explanation as Python gives it (a list of quantities, each with its path) as a tree, and as LaTeX to copy.

/**
 * @typedef {object} Step
 * @property {string[]} path
 * @property {string} symbol
 * @property {string} unit
 * @property {string} note
 * @property {string} source
 * @property {string} formula
 * @property {string} latex
 * @property {string} latex_substituted
 * @property {number | bigint} value
 */
/** @typedef {{step: Step, children: StepNode[]}} StepNode */

/** The steps as a tree: the first is its root. @param {Step[]} steps @returns {StepNode} */
export function treeOf(steps) {
  /** @type {Map<string, StepNode>} */
  const nodes = new Map();
  for (const step of steps) {
    const node = { step, children: [] };
    nodes.get(step.path.slice(0, -1).join('\n'))?.children.push(node);
    nodes.set(step.path.join('\n'), node);
  }
  return /** @type {StepNode} */ (nodes.get(steps[0].path.join('\n')));
}

/** A quantity with what it is made of, where it is opened by itself or in another. @param {Step[]} steps @param {string} name */
export function below(steps, name) {
  const own = steps.find(({ path, symbol }) => symbol === name && path.length === 1) ?? steps.find(({ symbol }) => symbol === name);
  return own ? steps.filter(({ path }) => own.path.every((part, place) => path[place] === part)) : [];
}

/** A name as LaTeX writes it. @param {string} name */
export const latexName = (name) => String.raw`\mathrm{${name.replaceAll('_', String.raw`\_`)}}`;

/** A value as LaTeX writes it. @param {number | bigint} value */
function latexValue(value) {
  const whole = typeof value === 'bigint' || Number.isInteger(value);
  const number = Number(value);
  if (whole || (Math.abs(number) >= 1e-4 && Math.abs(number) < 1e6)) return (whole ? value : Number(number.toPrecision(6))).toLocaleString('en', { maximumFractionDigits: 12 }).replaceAll(',', '{,}');
  const [digits, exponent] = number.toExponential(5).split('e');
  return String.raw`${Number(digits)} \times 10^{${Number(exponent)}}`;
}

/**
 * The sides of a step's equation, each a list of terms: symbols, numbers, value. What says nothing new is left out.
 * @param {Step} step
 */
export function sides(step) {
  const value = latexValue(step.value) + (step.unit ? String.raw`\ \text{${step.unit}}` : '');
  const texts = new Set([latexValue(step.value)]);
  const rows = [step.latex, step.latex_substituted].filter((text) => {
    const fresh = !texts.has(text);
    texts.add(text);
    return fresh;
  });
  return [...rows.map(terms), [value]];
}

/** The terms of a sum, each with its sign: cut where a sign stands in no bracket. @param {string} text */
function terms(text) {
  const found = [''];
  let depth = 0;
  for (const word of text.split(' ')) {
    if (depth === 0 && (word === '+' || word === '-') && found[found.length - 1]) found.push('');
    found[found.length - 1] += `${word} `;
    depth += (word.match(/[{(]/g) ?? []).length - (word.match(/[})]/g) ?? []).length;
  }
  return found.map((term) => term.trim());
}

/** All steps, to paste into a paper. @param {Step[]} steps */
export const latexOf = (steps) => steps.map((step) => `\\begin{align*}\n${aligned(step)}\n\\end{align*}`).join('\n\n');

/** @param {Step} step */
function aligned(step) {
  const rows = sides(step).map((terms) => `= ${terms.join(' \\\\\n&\\quad ')}`);
  return `${latexName(step.symbol)} &${rows.join(' \\\\\n&')}`;
}
