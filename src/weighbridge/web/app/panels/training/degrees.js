// Parallel sizes: those that divide the GPUs that the other sizes leave.
import { html } from '../../html.js';
import { t, worded } from '../../i18n/language.js';
import { Choice, Labelled, labelOf } from '../../controls/fields.js';
import { field } from '../../state/question.js';
import { change } from '../../state/store.js';
import { parts } from '../shared/cluster.js';

/** @typedef {import('../../state/address.js').Values} Values */

/** Sizes whose product divides the GPUs. */
const TOGETHER = ['tp', 'pp', 'cp'];

/** The largest size that is offered: beyond it one types into the address. */
const MOST = 256;

/** @param {Values} values @param {string} name */
const size = (values, name) => Number(values[`train.${name}`] || 1);

/** Sizes that can be. @param {string} name @param {Values} values @param {string} otherwise @returns {string[]} */
function possible(name, values, otherwise) {
  const gpus = Number(values['train.gpus']) || parts(values.cluster ?? otherwise)?.gpus || 1;
  const others = name === 'ep' ? size(values, 'pp') : TOGETHER.filter((other) => other !== name).reduce((all, other) => all * size(values, other), 1);
  const left = Math.max(1, Math.floor(gpus / others));
  const sizes = Array.from({ length: Math.min(left, MOST) }, (_, place) => place + 1).filter((one) => gpus % (one * others) === 0);
  return [...new Set([...sizes, size(values, name)])].sort((a, b) => a - b).map(String);
}

/**
 * @param {string} name
 * @param {string} otherwise the cluster while the address says none
 * @returns {(props: {values: Values, problems: import('../../engine/engine.js').Problem[]}) => any}
 */
export function degreeControl(name, otherwise) {
  const key = `train.${name}`;
  return function Degree({ values, problems }) {
    const told = problems.filter((problem) => problem.field === `options.${name}`).map(({ message }) => message);
    const help = `help.train.${name}`;
    return html`<${Labelled} id=${key} label=${labelOf(name)} help=${worded(help) ? t(help) : field('train', name).help} told=${told}>
      <${Choice} id=${key} value=${values[key] ?? '1'} choices=${possible(name, values, otherwise)} empty=${false} told=${told}
        onChange=${(/** @type {string} */ v) => change({ [key]: v === '1' ? '' : v }, { step: true })} /><//>`;
  };
}

/** The parallel sizes in one line. @param {Values} values */
export function parallelLine(values) {
  const said = ['tp', 'pp', 'vp', 'cp', 'ep', 'etp', 'zero'].filter((name) => values[`train.${name}`]);
  return said.map((name) => `${name.toUpperCase()} ${values[`train.${name}`]}`).join(' · ') || t('train.data.only');
}
