// How the model's configuration is read: as which family, with which fields changed.
import { html } from '../../html.js';
import { t } from '../../i18n/language.js';
import { Labelled, Typed, labelOf, toldOf } from '../../controls/fields.js';
import { keyOf } from '../../state/question.js';
import { change } from '../../state/store.js';

/** The group of an ask. @param {string} ask @returns {import('../panel.js').FieldGroup} */
export function readingGroup(ask) {
  const Family = (/** @type {any} */ { values, problems }) => {
    const key = keyOf(ask, 'family');
    const said = toldOf(problems, 'family');
    return html`<${Labelled} id=${key} label=${labelOf('family')} help=${t('reading.family')} told=${said}>
      <${Typed} id=${key} value=${values[key] ?? ''} told=${said} onChange=${(/** @type {string} */ v) => change({ [key]: v })} /><//>`;
  };
  const Changed = (/** @type {any} */ { values, problems }) => {
    const key = keyOf(ask, 'set');
    const said = toldOf(problems, 'set');
    return html`<${Labelled} id=${key} label=${labelOf('set')} help=${t('reading.set')} told=${said}>
      <textarea id=${key} rows="3" spellcheck=${false} autocapitalize="off" aria-describedby="${key}-help" aria-invalid=${said.length > 0} value=${values[key] ?? ''}
        onInput=${(/** @type {any} */ e) => change({ [key]: e.currentTarget.value })}></textarea><//>`;
  };
  return { id: 'reading', fields: ['family', 'set'], controls: { family: Family, set: Changed } };
}
