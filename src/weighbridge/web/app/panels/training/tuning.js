// What is trained, and what one pass over the data set takes.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Figure } from '../../drawer/figure.js';
import { dollars, exact, percent } from '../../format/number.js';
import { Table } from '../shared/table.js';
import { fileOf } from './answer.js';
import { duration } from './headline.js';

/** Figures of an epoch, in order, and how each is written. @type {[string, (value: any) => string][]} */
const EPOCH = [
  ['samples', exact], ['tokens', exact], ['laid', (v) => t(`tuning.laid.${v}`)], ['sequences', exact], ['cut_samples', exact],
  ['padding', percent], ['steps', exact], ['seconds', duration], ['dollars', dollars],
];

/** Figures that have a formula, and what they are called in it. @type {Record<string, string>} */
const OPENS = { sequences: 'epoch:sequences', padding: 'epoch:padding', steps: 'epoch:steps', seconds: 'epoch:epoch_seconds', dollars: 'epoch:dollars', parameters: 'trained:trained_parameters' };

/** @param {{answer: any}} props */
export function Tuning({ answer: { tuning, model } }) {
  const { trained_parameters: trained, parameters, longest_sequence: longest, epoch } = tuning;
  const line = (/** @type {string} */ key, /** @type {any} */ value, /** @type {string} */ text) => ({ key, cells: [t(`tuning.${key}`), { raw: value, text: OPENS[key] ? html`<${Figure} of=${OPENS[key]} label=${`${t(`tuning.${key}`)}: ${text}`}>${text}<//>` : text }] });
  const lines = [line('parameters', trained, exact(trained)), line('share', trained / parameters, percent(trained / parameters))];
  if (longest !== null) lines.push(line('longest_sequence', longest, exact(longest)));
  if (epoch) lines.push(...EPOCH.filter(([key]) => epoch[key] !== null).map(([key, say]) => line(key, epoch[key], say(epoch[key]))));
  return html`<${Table} title=${t('tuning.title')} file=${fileOf(`${model.name}-tuning`)} lines=${lines} columns=${[{ name: t('run.figure') }, { name: t('run.value'), number: true }]} />`;
}
