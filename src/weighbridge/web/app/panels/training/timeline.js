// One step drawn over time: which pass runs on which stage, and what stands on one of them meanwhile.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Chart } from '../../charts/chart.js';
import { memoryColour, styled } from '../../charts/colours.js';
import { binary, exact, percent, seconds, three } from '../../format/number.js';
import { change } from '../../state/store.js';
import { keyOf } from '../../state/question.js';
import { memoryName, step, there } from '../shared/memory.js';
import { Pictured, Table } from '../shared/table.js';
import { fileOf } from './answer.js';
import { SaveTrace } from './trace.js';

/** What stages do, each with its colour. @type {Record<string, string>} */
const DOING = {
  forward: '#56b4e9', backward: '#e69f00', 'backward input': '#e69f00', 'backward weight': '#f0c808',
  'gather weights': '#009e73', 'reduce gradients': '#cc79a7', optimizer: '#999999',
};

/** @param {string} doing */
const doingName = (doing) => t(`doing.${doing.replaceAll(' ', '_')}`);

/** @param {{answer: any, question: import('../../state/question.js').Question, values: Record<string, string>}} props */
export function Timeline({ answer, question, values }) {
  const { timeline, model } = answer;
  const drawn = timeline.micro_batches_drawn < timeline.micro_batches;
  const hint = [
    timeline.schedule,
    t('train.bubble', { share: percent(timeline.bubble) }),
    drawn && t('train.drawn', { some: exact(timeline.micro_batches_drawn), all: exact(timeline.micro_batches) }),
  ].filter(Boolean).join(' · ');
  return html`<${Gantt} timeline=${timeline} name=${model.name} hint=${hint} question=${question} />
    ${timeline.memory && html`<${Memory} timeline=${timeline} name=${model.name} pick=${timeline.stages.length > 1 && html`<${StageChoice} count=${answer.ranks.length} ask=${question.ask} values=${values} />`} />`}`;
}

/** Which stage's memory is drawn. @param {{count: number, ask: string, values: Record<string, string>}} props */
function StageChoice({ count, ask, values }) {
  const key = keyOf(ask, 'stage');
  const stages = Array.from({ length: count }, (_, place) => String(place));
  return html`<select class="small" aria-label=${t('train.stage.shown')} onChange=${(/** @type {any} */ e) => change({ [key]: e.currentTarget.value }, { step: true })}>
    <option value="" selected=${!values[key]}>${t('train.stage.fullest')}</option>
    ${stages.map((stage) => html`<option value=${stage} selected=${stage === values[key]}>${t('train.stage', { stage })}</option>`)}</select>`;
}

/** @param {any} timeline @returns {(value: number) => string} */
const timed = ({ unit }) => (unit === 'seconds' ? (value) => (value ? seconds(value) : '0') : (value) => t('train.passes', { value: three(value) }));

/** @param {{timeline: any, name: string, hint: string, question: import('../../state/question.js').Question}} props */
function Gantt({ timeline, name, hint, question }) {
  const { stages } = timeline;
  const kinds = Object.keys(DOING).filter((doing) => stages.some((/** @type {any} */ stage) => stage.passes.some((/** @type {any} */ one) => one.doing === doing)));
  const table = html`<${Table} bare=${true} title=${t('train.gantt')} file=${fileOf(`${name}-timeline`)}
    columns=${[{ name: t('train.stage.head') }, { name: t('train.doing') }, { name: t('train.micro'), number: true }, { name: t('train.from'), number: true }, { name: t('train.until'), number: true }]}
    lines=${stages.flatMap((/** @type {any} */ stage) => stage.passes.map((/** @type {any} */ one, /** @type {number} */ place) => ({ key: `${stage.pipeline_stage}.${place}`, cells: [{ text: exact(stage.pipeline_stage), raw: stage.pipeline_stage }, { text: doingName(one.doing), raw: one.doing }, { text: one.micro_batch === null ? '' : exact(one.micro_batch), raw: one.micro_batch }, { text: timed(timeline)(one.start), raw: one.start }, { text: timed(timeline)(one.end), raw: one.end }] })))} />`;
  return html`<${Pictured} title=${t('train.gantt')} hint=${hint} table=${table}>
    <${Chart} name=${fileOf(`${name}-timeline`)} label=${`${t('train.gantt')}: ${hint}`} of=${timeline} height=${Math.min(72 + 26 * stages.length, 520)} option=${() => ganttOption(timeline)} />
    <ul class="legend">${kinds.map((doing) => html`<li key=${doing}><i style=${{ background: DOING[doing] }}></i>${doingName(doing)}</li>`)}</ul>
    <${SaveTrace} question=${question} file=${`${fileOf(name)}-trace.json`} /><//>`;
}

/** @param {any} timeline @returns {any} */
function ganttOption(timeline) {
  const { stages, duration } = timeline;
  const say = timed(timeline);
  const rows = stages.flatMap((/** @type {any} */ stage, /** @type {number} */ place) => stage.passes.map((/** @type {any} */ one) => [place, one.start, one.end, one.doing, one.micro_batch, one.chunk]));
  return {
    grid: { left: 8, right: 16, top: 6, bottom: 8, containLabel: true },
    xAxis: { type: 'value', min: 0, max: duration, axisLabel: { formatter: say, hideOverlap: true }, splitLine: { show: false } },
    yAxis: { type: 'category', inverse: true, data: stages.map((/** @type {any} */ stage) => t('train.stage', { stage: stage.pipeline_stage })), axisTick: { show: false } },
    tooltip: { formatter: (/** @type {any} */ { value: [, start, end, doing, batch] }) => `${doingName(doing)}${batch === null ? '' : ` · ${t('train.micro')} ${batch}`}\n${say(start)} – ${say(end)}` },
    series: [{ type: 'custom', renderItem: slice, encode: { x: [1, 2], y: 0 }, data: rows, clip: true }],
  };
}

/** @param {any} _params @param {any} api */
function slice(_params, api) {
  const [left, top] = api.coord([api.value(1), api.value(0)]);
  const [right] = api.coord([api.value(2), api.value(0)]);
  const height = Math.min(api.size([0, 1])[1] * 0.78, 26);
  const width = Math.max(right - left - 0.5, 0.5);
  const batch = api.value(4);
  return {
    type: 'rect',
    shape: { x: left, y: top - height / 2, width, height, r: width > 6 ? 2 : 0 },
    style: { fill: DOING[api.value(3)] ?? '#888888', opacity: Number(api.value(5)) % 2 ? 0.72 : 1 },
    ...(width > 15 && Number.isFinite(batch) && { textContent: { style: { text: String(batch), fill: '#000', fontSize: 10 } }, textConfig: { position: 'inside' } }),
  };
}

/** @param {{timeline: any, name: string, pick: any}} props */
function Memory({ timeline, name, pick }) {
  const { memory } = timeline;
  const keys = there(Object.keys(memory.bytes).map((key) => ({ [key]: Math.max(...memory.bytes[key]) })));
  const title = t('train.over.time', { stage: memory.pipeline_stage });
  const say = timed(timeline);
  const table = html`<${Table} bare=${true} title=${title} file=${fileOf(`${name}-memory-over-time`)}
    columns=${[{ name: t('train.time') }, ...[...keys.map(memoryName), t('memory.all')].map((one) => ({ name: one, number: true }))]}
    lines=${memory.times.slice(0, 400).map((/** @type {number} */ time, /** @type {number} */ place) => ({ key: String(place), cells: [{ raw: time, text: say(time) }, ...keys.map((key) => ({ raw: memory.bytes[key][place], text: binary(memory.bytes[key][place]) })), { raw: memory.total[place], text: binary(memory.total[place]) }] }))} />`;
  const hint = t('train.over.time.hint', { peak: binary(memory.peak) });
  return html`<${Pictured} title=${title} hint=${hint} actions=${pick} table=${table}>
    <${Chart} name=${fileOf(`${name}-memory-over-time`)} label=${`${title}: ${hint}`} of=${timeline} height=${280} option=${() => memoryOption(timeline, keys)} /><//>`;
}

/** @param {any} timeline @param {string[]} keys @returns {any} */
function memoryOption(timeline, keys) {
  const { memory, memory: { peak: most }, duration } = timeline;
  const say = timed(timeline);
  return {
    grid: { left: 8, right: 16, top: 34, bottom: 8, containLabel: true },
    legend: { type: 'scroll', top: 0, itemWidth: 12, itemHeight: 12 },
    tooltip: { trigger: 'axis', formatter: (/** @type {any[]} */ at) => [say(at[0].value[0]), ...[...at].reverse().map(({ seriesName, value }) => `${seriesName}  ${binary(value[1])}`)].join('\n') },
    xAxis: { type: 'value', min: 0, max: duration, axisLabel: { formatter: say, hideOverlap: true }, splitLine: { show: false } },
    yAxis: { type: 'value', interval: step(most), max: most * 1.05, axisLabel: { formatter: (/** @type {number} */ v) => (v > most ? '' : binary(v)) } },
    series: keys.map((key) => ({
      name: memoryName(key), type: 'line', stack: 'all', step: 'end', symbol: 'none', lineStyle: { width: 0.5, color: styled('--ground') },
      itemStyle: { color: memoryColour(key) }, areaStyle: { color: memoryColour(key), opacity: 1 },
      data: memory.times.map((/** @type {number} */ time, /** @type {number} */ place) => [time, memory.bytes[key][place]]),
    })),
  };
}
