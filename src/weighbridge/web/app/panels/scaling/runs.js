// What each law was fitted on, and where this answer lies beside it.
import { html } from '../../html.js';
import { Said } from '../../i18n/said.js';
import { t, woven } from '../../i18n/language.js';
import { short } from '../../format/number.js';
import { Table } from '../shared/table.js';
import { LawName, Outside, Times } from './laws_table.js';
import { between, power } from './looks.js';

/** @param {{answers: any[]}} props */
export function Runs({ answers }) {
  const span = (/** @type {any} */ of, /** @type {(value: number) => string} */ say) => ({ raw: of ? `${of.low} to ${of.high}` : null, text: of ? between(of, say) : '–' });
  const columns = [{ name: t('scaling.law') }, { name: t('scaling.runs.parameters') }, { name: t('scaling.runs.tokens') }, { name: t('scaling.runs.compute') }, { name: t('scaling.runs.lies') }, { name: t('scaling.runs.source') }];
  return html`<${Table} title=${t('scaling.runs')} file="scaling-fitted-on" columns=${columns} lines=${answers.map((answer) => ({ answer, ...answer })).map(({ answer, law, outside }) => ({ key: law.name, cells: [
    { raw: law.name, text: html`<${LawName} law=${law.name} /><${Said} class="span" text=${law.data} />` }, span(law.fitted.parameters, short), span(law.fitted.tokens, short), span(law.fitted.compute, power),
    { raw: outside.map((/** @type {any} */ one) => `${one.quantity} ${one.times}`).join('; ') || 'inside', text: outside.length
      ? outside.map((/** @type {any} */ one) => html`<div class=${one.far ? 'small bad' : 'small'}>${woven('scaling.runs.out', { what: t(`scaling.quantity.${one.quantity}`), times: html`<${Times} answer=${answer} out=${one} />` })}</div>`)
      : html`<${Outside} answer=${answer} />` },
    { raw: law.source, text: html`<span class="small wide"><cite lang="en">${law.source}</cite>${law.note && html`<br /><${Said} text=${law.note} />`}</span>` }] }))}>
    <p class="hint">${t('scaling.runs.hint')}</p><//>`;
}
