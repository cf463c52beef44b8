// Where the time of a prompt's pass and of a token's pass goes.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Chart } from '../../charts/chart.js';
import { percent, seconds } from '../../format/number.js';
import { Pictured, Table } from '../shared/table.js';
import { fileOf } from '../training/answer.js';
import { boundName, partColour, partName, partsOption } from '../training/breakdown.js';

/** @param {{answer: any}} props */
export function Passes({ answer }) {
  return html`<${Pass} title=${t('infer.prefill')} pass=${answer.prefill} name=${fileOf(`${answer.model.name}-prefill`)} />
    <${Pass} title=${t('infer.decode')} pass=${answer.decode} name=${fileOf(`${answer.model.name}-decode`)} />`;
}

/** @param {{title: string, pass: any, name: string}} props */
function Pass({ title, pass, name }) {
  const order = Object.entries(pass.by_part).sort(([, a], [, b]) => b - a);
  const waits = Object.entries(pass.by_bound).map(([bound, value]) => `${boundName(bound)} ${percent(value / pass.seconds)}`).join(', ');
  const table = html`<${Table} bare=${true} title=${title} file=${name} columns=${[{ name: t('train.part') }, { name: t('train.time'), number: true }, { name: t('train.share'), number: true }]}
    lines=${order.map(([part, value]) => ({ key: part, cells: [{ raw: part, text: html`<i class="dot" style=${{ background: partColour(part) }}></i>${partName(part)}` }, { raw: value, text: seconds(value) }, { raw: value / pass.seconds, text: percent(value / pass.seconds) }] }))} />`;
  return html`<${Pictured} title=${title} hint=${`${seconds(pass.seconds)} · ${t('infer.waits', { waits })}`} table=${table}>
    <${Chart} name=${name} label=${`${title}: ${order.map(([part, value]) => `${partName(part)} ${percent(value / pass.seconds)}`).join(', ')}`} of=${pass} height=${88} option=${() => partsOption(pass.by_part, pass.seconds)} /><//>`;
}
