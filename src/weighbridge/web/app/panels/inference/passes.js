// Where the time of a prompt's pass and of a token's pass goes.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Chart } from '../../charts/chart.js';
import { percent, seconds } from '../../format/number.js';
import { Figure } from '../../drawer/figure.js';
import { Pictured, Table } from '../shared/table.js';
import { fileOf } from '../training/answer.js';
import { boundName, partColour, partName, partsOption } from '../training/breakdown.js';

/** @param {{answer: any}} props */
export function Passes({ answer }) {
  return html`<${Pass} title=${t('infer.prefill')} pass=${answer.prefill} of="ttft_alone_seconds" name=${fileOf(`${answer.model.name}-prefill`)} />
    <${Pass} title=${t('infer.decode')} pass=${answer.decode} of="inter_token_seconds" name=${fileOf(`${answer.model.name}-decode`)} />`;
}

/** @param {{title: string, pass: any, of: string, name: string}} props ``of``: the figure that it opens */
function Pass({ title, pass, of, name }) {
  const order = Object.entries(pass.by_part).sort(([, a], [, b]) => b - a);
  const waits = Object.entries(pass.by_bound).map(([bound, value]) => `${boundName(bound)} ${percent(value / pass.seconds)}`).join(', ');
  const table = html`<${Table} bare=${true} title=${title} file=${name} columns=${[{ name: t('train.part') }, { name: t('train.time'), number: true }, { name: t('train.share'), number: true }]}
    lines=${order.map(([part, value]) => ({ key: part, cells: [{ raw: part, text: html`<i class="dot" style=${{ background: partColour(part) }}></i>${partName(part)}` }, { raw: value, text: html`<${Figure} of=${of} label=${`${title}, ${partName(part)}: ${seconds(value)}`}>${seconds(value)}<//>` }, { raw: value / pass.seconds, text: percent(value / pass.seconds) }] }))} />`;
  return html`<${Pictured} title=${title} hint=${html`<${Figure} of=${of} label=${`${title}: ${seconds(pass.seconds)}`}>${seconds(pass.seconds)}<//> · ${t('infer.waits', { waits })}`} table=${table}>
    <${Chart} name=${name} label=${`${title}: ${order.map(([part, value]) => `${partName(part)} ${percent(value / pass.seconds)}`).join(', ')}`} of=${pass} height=${88} option=${() => partsOption(pass.by_part, pass.seconds)} /><//>`;
}
