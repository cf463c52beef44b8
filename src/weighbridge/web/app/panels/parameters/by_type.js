// Bytes of all parameters by data type.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { binary, decimal, exact } from '../../format/number.js';
import { csv, save } from '../../format/save.js';
import { fileOf } from '../training/answer.js';
import { Figure } from '../../drawer/figure.js';

/** @param {{answer: any}} props */
export function ByType({ answer: { bytes, model } }) {
  const most = Math.max(...Object.values(bytes.by_dtype));
  return html`<section class="view">
    <header><h2>${t('params.by.type')}</h2>
      <button type="button" class="quiet" onClick=${() => save(`${fileOf(model.name)}-bytes.csv`, 'text/csv', csv([[t('params.type'), t('params.bytes')], ...Object.entries(bytes.by_dtype)]))}>${t('table.csv')}</button></header>
    <div class="scroll" tabindex="0" role="region" aria-label=${t('params.by.type')}><table>
      <thead><tr><th scope="col">${t('params.type')}</th><th scope="col" class="number">${t('params.bytes')}</th>
        <th scope="col" class="number">${t('params.decimal')}</th><th scope="col" class="number">${t('params.binary')}</th><td class="bar"></td></tr></thead>
      <tbody>${Object.entries(bytes.by_dtype).map(([dtype, size]) => html`<tr key=${dtype}>
        <th scope="row">${dtype}</th><td class="number"><${Figure} of=${`bytes:${dtype}`}>${exact(size)}<//></td>
        <td class="number">${decimal(size)}</td><td class="number">${binary(size)}</td>
        <td class="bar"><i style=${{ width: `${(100 * size) / most}%` }}></i></td></tr>`)}</tbody>
    </table></div>
  </section>`;
}
