// Where a step's time goes, and what each part waits for.
import { html } from '../../html.js';
import { Said } from '../../i18n/said.js';
import { t, worded } from '../../i18n/language.js';
import { Chart } from '../../charts/chart.js';
import { KIND_ORDER, kindColour } from '../../charts/colours.js';
import { percent, seconds } from '../../format/number.js';
import { Figure } from '../../drawer/figure.js';
import { Pictured, Table } from '../shared/table.js';
import { fileOf } from './answer.js';

/** Colours of what is no kind of module. @type {Record<string, string>} */
const OTHERS = {
  'tensor parallel': '#0072b2', 'context parallel': '#7a9a01', 'expert parallel': '#9a78d8', 'pipeline parallel': '#00b3b3', 'data parallel': '#3d5a99',
  messages: '#0072b2', 'pipeline bubble': '#c4c4c4', optimizer: '#009e73', launch: '#b08968', 'the host': '#b08968', other: '#dcd3c4',
};

/** @param {string} name */
export const partColour = (name) => OTHERS[name] ?? (KIND_ORDER.includes(name) ? kindColour(name) : '#888888');

/** @param {string} name */
export const partName = (name) => (worded(`part.${name}`) ? t(`part.${name}`) : worded(`kind.${name}`) ? t(`kind.${name}`) : name);

/** @param {string} name */
export const boundName = (name) => (worded(`bound.${name}`) ? t(`bound.${name}`) : name);

/** A pass or a step as one bar of parts. @param {Record<string, number>} parts @param {number} sum seconds of all @returns {any} */
export function partsOption(parts, sum) {
  return {
    grid: { left: 4, right: 20, top: 4, bottom: 24 },
    tooltip: { formatter: (/** @type {any} */ at) => `${at.seriesName}\n${seconds(at.value)} · ${percent(at.value / sum)}` },
    xAxis: { type: 'value', max: sum, axisLabel: { formatter: (/** @type {number} */ v) => (v ? seconds(v) : '0'), hideOverlap: true } },
    yAxis: { type: 'category', data: [''], show: false },
    series: Object.entries(parts).map(([name, value]) => ({
      name: partName(name), type: 'bar', stack: 'all', data: [value], barWidth: '80%', itemStyle: { color: partColour(name) },
      label: { show: value > sum / 9, color: '#000', fontSize: 11, formatter: `${partName(name)}\n${percent(value / sum)}` },
    })),
  };
}

/** @param {{answer: any}} props */
export function Breakdown({ answer }) {
  const { time, model } = answer;
  const sum = time.step_seconds;
  const order = Object.entries(time.breakdown).sort(([, a], [, b]) => b - a);
  const label = `${t('train.breakdown')}: ${order.map(([name, value]) => `${partName(name)} ${percent(value / sum)}`).join(', ')}`;
  const waits = (/** @type {string} */ name) => Object.entries(time.waits_for[name] ?? {}).map(([bound, value]) => `${boundName(bound)} ${seconds(value)}`).join(', ');
  const step = (/** @type {number} */ value, /** @type {string} */ name) => html`<${Figure} of="speed:step_seconds" label=${`${name}: ${seconds(value)}`}>${seconds(value)}<//>`;
  const table = html`<${Table} bare=${true} title=${t('train.breakdown')} file=${fileOf(`${model.name}-step`)}
    columns=${[{ name: t('train.part') }, { name: t('train.time'), number: true }, { name: t('train.share'), number: true }, { name: t('train.waits') }]}
    lines=${[...order.map(([name, value]) => ({ key: name, cells: [{ raw: name, text: html`<i class="dot" style=${{ background: partColour(name) }}></i>${partName(name)}` }, { raw: value, text: step(value, partName(name)) }, { raw: value / sum, text: percent(value / sum) }, waits(name)] })),
      { key: 'all', total: true, cells: [t('train.step'), { raw: sum, text: step(sum, t('train.step')) }, { raw: 1, text: percent(1) }, ''] }]} />`;
  return html`<${Pictured} title=${t('train.breakdown')} table=${table}>
    <${Chart} name=${fileOf(`${model.name}-step`)} label=${label} of=${answer} height=${96} option=${() => partsOption(time.breakdown, sum)} />
    <ul class="legend">${order.map(([name, value]) => html`<li key=${name}><i style=${{ background: partColour(name) }}></i>${partName(name)} <b>${percent(value / sum)}</b></li>`)}</ul>
    <p class="hint"><${Said} text=${time.basis.kernels} /><br /><${Said} text=${time.basis.messages} /></p><//>
    ${time.stages.length > 1 && html`<${StageTimes} answer=${answer} />`}`;
}

/** What one micro-batch takes on each stage. @param {{answer: any}} props */
function StageTimes({ answer: { time, model } }) {
  const figures = ['forward_seconds', 'backward_seconds', 'weights_awaited_seconds', 'gradients_and_optimizer_seconds'];
  const names = ['train.forward.pass', 'train.backward.pass', 'train.awaited', 'train.tail'];
  const lines = time.stages.map((/** @type {any} */ stage) => ({ key: String(stage.pipeline_stage), cells: [{ raw: stage.pipeline_stage, text: t('train.stage', { stage: stage.pipeline_stage }) }, ...figures.map((key, place) => ({ raw: stage[key], text: stage[key] ? html`<${Figure} of=${`passes:${key}:${stage.pipeline_stage}`} label=${`${t(names[place])}, ${t('train.stage', { stage: stage.pipeline_stage })}: ${seconds(stage[key])}`}>${seconds(stage[key])}<//>` : '0' }))] }));
  return html`<${Table} title=${t('train.stages.title')} file=${fileOf(`${model.name}-stages`)} lines=${lines} columns=${[{ name: t('train.stage.head') }, ...names.map((name) => ({ name: t(name), number: true }))]} />`;
}
