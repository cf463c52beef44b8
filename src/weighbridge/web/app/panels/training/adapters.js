// Ways of fine-tuning, one click each, and the parts of --lora that people change most.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Labelled, Suggested } from '../../controls/fields.js';
import { field, keyOf } from '../../state/question.js';
import { change } from '../../state/store.js';

/** @typedef {import('../../state/address.js').Values} Values */
/** @typedef {{values: Values}} Props */

const LORA = keyOf('train', 'lora');
const { parts, ways } = field('train', 'lora');

/** What each way sets, as Python says: all of it, so that one takes another's place. @type {Record<string, Values>} */
const WAYS = Object.fromEntries(Object.entries(ways ?? {}).map(([way, options]) => [way, Object.fromEntries(Object.entries(options).map(([name, value]) => [keyOf('train', name), String(value ?? '')]))]));

/** What a part of the text most often is. @param {string} name */
const usual = (name) => parts?.find((part) => part.name === name)?.suggested ?? [];

/** The way that is chosen. @param {Values} values */
function wayOf(values) {
  const lora = values[LORA] ?? '';
  if (lora) return values['train.quant'] ? 'qlora' : /(^|,)dora\b/.test(lora) ? 'dora' : 'lora';
  return values['train.reference'] === 'true' ? 'dpo' : 'full';
}

/** @param {Props} props */
export function WayField({ values }) {
  const now = wayOf(values);
  return html`<div class="field"><span class="label" id="train-way">${t('tuning.way')}</span>
    <div class="ways" role="group" aria-labelledby="train-way">${Object.keys(WAYS).map((way) => html`<button type="button" key=${way} aria-pressed=${way === now} onClick=${() => change(WAYS[way], { step: true })}>${t(`tuning.way.${way}`)}</button>`)}</div>
    <p class="help">${t(`tuning.way.${now}.help`)}</p></div>`;
}

/** A part of --lora: its value, and the text with another. */
const RANK = /(^|,)r=(\d*)/;
const TARGETS = /(^|,)targets=((?:[^,=]*)(?:,[^,=]+(?=,|$)(?!=))*)/;

/** Flags that stand alone in --lora, so that they are no targets. */
const FLAGS = new Set(parts?.filter(({ flag }) => flag).map(({ name }) => name));

/** The targets of a text, without flags that follow them. @param {string} text */
function targetsOf(text) {
  const found = TARGETS.exec(text);
  return found ? found[2].split(',').filter((name) => !FLAGS.has(name)).join(',') : '';
}

/** @param {string} text @param {string} targets */
function withTargets(text, targets) {
  const found = TARGETS.exec(text);
  const flags = found ? found[2].split(',').filter((name) => FLAGS.has(name)) : [];
  const said = targets ? [`targets=${targets}`, ...flags] : flags;
  if (!found) return [text, ...said].filter(Boolean).join(',');
  return text.replace(found[0], `${found[1]}${said.join(',')}`).replace(/^,|,$/g, '');
}

/** @param {Props} props */
export function RankField({ values }) {
  const text = values[LORA] ?? '';
  const put = (/** @type {string} */ rank) => change({ [LORA]: RANK.test(text) ? text.replace(RANK, `$1r=${rank}`) : `r=${rank},${text}` });
  return html`<${Labelled} id="train.lora.rank" label=${t('tuning.rank')} help=${t('tuning.rank.help')}>
    <${Suggested} id="train.lora.rank" numeric=${true} value=${RANK.exec(text)?.[2] ?? ''} hint=${usual('r')[0]} choices=${usual('r')} onChange=${put} /><//>`;
}

/** @param {Props} props */
export function TargetsField({ values }) {
  const text = values[LORA] ?? '';
  return html`<${Labelled} id="train.lora.targets" label=${t('tuning.targets')} help=${t('tuning.targets.help')}>
    <${Suggested} id="train.lora.targets" value=${targetsOf(text)} choices=${usual('targets')} onChange=${(/** @type {string} */ v) => change({ [LORA]: withTargets(text, v) })} /><//>`;
}

/** @param {Values} values */
export function tuningLine(values) {
  const way = wayOf(values);
  const more = [values[LORA], values['train.quant'], values['train.freeze'] && `${t('field.freeze')} ${values['train.freeze']}`].filter(Boolean);
  return [t(`tuning.way.${way}`), ...more].join(' · ');
}
