// A plan's own file, DeepSpeed's JSON, torchtitan's TOML or a JSON of transformers' TrainingArguments: it stands in the address.
import { useState } from 'preact/hooks';
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Labelled, labelOf } from '../../controls/fields.js';
import { LONGEST } from '../../state/address.js';
import { change } from '../../state/store.js';

/** @typedef {import('../../state/address.js').Values} Values */

const NAME = 'train.from';
const TEXT = 'plan.text';

/** The file as a question carries it. @param {Values} values */
export const fileOfPlan = (values) => (values[NAME] ? { files: { [values[NAME]]: { text: values[TEXT] ?? '' } } } : {});

/** @param {Values} values */
export const fileLine = (values) => values[NAME] ?? t('plan.file.none');

/** @param {{values: Values, problems: import('../../engine/engine.js').Problem[]}} props */
export function fileControl({ values, problems }) {
  const [wrong, tell] = useState('');
  const told = problems.filter(({ field }) => field === 'options.from' || field.startsWith('files.')).map(({ message }) => message);
  const take = async (/** @type {File | undefined} */ file) => {
    if (!file) return;
    const text = await file.text();
    if (text.length > LONGEST) return tell(t('plan.file.large', { name: file.name }));
    tell('');
    change({ [NAME]: file.name.replace(/[^\w.-]/g, '_').replace(/^\./, '_').slice(-80), [TEXT]: text }, { step: true });
  };
  return html`<${Labelled} id=${NAME} label=${labelOf('from')} help=${t('plan.file.help')} told=${wrong ? [wrong] : told}>
    <input id=${NAME} type="file" accept=".json,.toml" aria-describedby="${NAME}-help" onChange=${(/** @type {any} */ e) => take(e.currentTarget.files[0])} />
    ${values[NAME] && html`<p class="dropped"><b>${values[NAME]}</b> <button type="button" class="quiet" onClick=${() => change({ [NAME]: '', [TEXT]: '' }, { step: true })}>${t('plan.file.away')}</button></p>`}<//>`;
}
