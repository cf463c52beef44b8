// What a run takes: time, money, energy, what is lost to interruptions; every assumption with its source.
import { html } from '../../html.js';
import { Said } from '../../i18n/said.js';
import { t } from '../../i18n/language.js';
import { Figure } from '../../drawer/figure.js';
import { binary, dollars, exact, percent, seconds, short, three } from '../../format/number.js';
import { Table } from '../shared/table.js';
import { fileOf } from './answer.js';
import { duration } from './headline.js';

/** Figures that the JSON explains. */
const EXPLAINED = [
  'dollars', 'dollars_per_billion_parameters', 'gpu_hours', 'energy_kwh', 'co2_kg', 'goodput', 'days', 'interruptions',
  'steps', 'busy_seconds', 'recovery_seconds', 'checkpoint_seconds', 'checkpoint_interval_seconds',
];

/** Every figure, in order, and how it is written. @type {[string, (value: any) => string][]} */
const FIGURES = [
  ['tokens', short], ['steps', exact], ['days', three], ['busy_seconds', duration], ['gpu_hours', (v) => exact(Math.round(v))],
  ['price_per_gpu_hour', dollars], ['dollars', dollars], ['dollars_per_billion_parameters', dollars],
  ['mean_watts_per_gpu', (v) => `${three(v)} W`], ['pue', three], ['energy_kwh', (v) => `${short(v)} kWh`], ['grid_kg_per_kwh', (v) => `${three(v)} kg/kWh`], ['co2_kg', (v) => `${short(v)} kg`],
  ['goodput', percent], ['mtbf_gpu_hours', (v) => `${exact(Math.round(v))} h`], ['interruptions', three], ['recovery_seconds', duration],
  ['checkpoint_bytes', binary], ['storage_bytes_per_second', (v) => `${binary(v)}/s`], ['checkpoint_seconds', seconds], ['checkpoint_interval_seconds', duration],
];

/** Where an assumption's source stands under another name. @type {Record<string, string>} */
const SOURCES = { mean_watts_per_gpu: 'mean_watts', recovery_seconds: 'restart_seconds' };

/** @param {{answer: any}} props */
export function RunTable({ answer: { cost, model } }) {
  const lines = FIGURES.filter(([name]) => cost[name] !== null).map(([name, say]) => ({
    key: name,
    cells: [
      { raw: name, text: t(`run.${name}`) },
      { raw: cost[name], text: EXPLAINED.includes(name) ? html`<${Figure} of=${`cost:${name}`}>${say(cost[name])}<//>` : say(cost[name]) },
      { raw: cost.sources[SOURCES[name] ?? name] ?? '', text: html`<cite class="small"><${Said} text=${cost.sources[SOURCES[name] ?? name] ?? ''} /></cite>` },
    ],
  }));
  return html`<${Table} title=${t('run.title')} file=${fileOf(`${model.name}-run`)} lines=${lines}
    columns=${[{ name: t('run.figure') }, { name: t('run.value'), number: true }, { name: t('run.source') }]} />`;
}
