// The page: tabs of questions, what you have, the answer, how it is worked out.
import { useEffect, useState } from 'preact/hooks';
import { html } from '../html.js';
import { t, worded } from '../i18n/language.js';
import { Exports } from '../exports/bar.js';
import { Drawer } from '../drawer/drawer.js';
import { engine, useAnswer } from '../engine/engine.js';
import { OptionField } from '../controls/fields.js';
import { Group } from '../controls/group.js';
import { atOnce, keyOfModel, modelOf } from '../model/model.js';
import { ModelPicker, modelLine } from '../model/picker.js';
import { panelOf } from '../panels/index.js';
import { keyOf } from '../state/question.js';
import { useAddress } from '../state/store.js';
import { Header } from './header.js';
import { Safe } from './safe.js';
import { Status } from './status.js';

/** @typedef {import('../panels/panel.js').Panel} Panel */
/** @typedef {import('../panels/panel.js').FieldGroup} FieldGroup */
/** @typedef {import('../panels/panel.js').Values} Values */
/** @typedef {import('../panels/panel.js').Problem} Problem */
/** @typedef {import('../model/model.js').Given} Given */

/** @param {{speak: (language: any) => void}} props */
export function App({ speak }) {
  const { panel: id, values } = useAddress();
  const panel = panelOf(id);
  const given = useModel(values);
  const question = given.told ? asking(panel, values, given.told) : null;
  const told = useAnswer(panel.id, question);
  const busy = told.pending || (!given.told && !given.wrong);
  const problems = given.wrong ? [{ field: 'model', message: given.wrong }] : told.problems;
  const answered = told.question?.ask === panel.ask ? told.answer : null;
  useEffect(() => {
    const answer = answered ? panel.title(answered) : t(`panel.${panel.id}`);
    document.title = t('frame.title', { answer, panel: t(`panel.${panel.id}`) });
  }, [answered]);
  return html`
    <a class="skip" href="#answer" onClick=${(/** @type {Event} */ e) => skip(e)}>${t('frame.skip')}</a>
    <${Header} panel=${panel} speak=${speak} />
    <div class="columns ${values.x ? 'explained' : ''}">
      <form class="given" aria-label=${t('frame.given')} onSubmit=${(/** @type {Event} */ e) => e.preventDefault()}>
        ${panel.groups.map((group) => html`<${Part} key=${group.id} group=${group} panel=${panel} values=${values} problems=${problems} answer=${answered} />`)}
        <p class="private">${t(engine.kind === 'browser' ? 'frame.private' : 'frame.service')}</p>
      </form>
      <main id="answer" tabindex="-1" aria-label=${t('frame.answer')} aria-busy=${busy} class=${busy ? 'pending' : ''}>
        <${Status} told=${told} problems=${problems} />
        ${!answered && busy && html`<div class="coming" aria-hidden="true"><i></i><i></i><i></i><i></i></div>`}
        ${answered && html`<${Safe} of=${answered}><${panel.Answer} answer=${answered} question=${told.question} values=${values} /><//>
          <${Exports} key=${panel.id} panel=${panel} answer=${answered} question=${told.question} />`}
      </main>
      ${values.x && html`<${Drawer} key=${panel.id} panel=${panel} question=${told.question} shown=${values.x} />`}
    </div>`;
}

/** @param {Event} event */
function skip(event) {
  event.preventDefault(); // the address is the state
  document.getElementById('answer')?.focus();
}

/** @param {Panel} panel @param {Values} values @param {Given} given */
function asking(panel, values, { model, files, held }) {
  const question = panel.question(values, model);
  if (!question || !('model' in question || 'models' in question)) return question; // the model's files belong to the model
  return { ...question, ...((files || question.files) && { files: { ...question.files, ...files } }), ...(held && { held }) };
}

/** The model that the address says: some are unpacked first. @param {Values} values */
function useModel(values) {
  const key = keyOfModel(values);
  const [unpacked, set] = useState(/** @type {{key: string, told: Given | null, wrong: string}} */ ({ key: '', told: null, wrong: '' }));
  const told = atOnce(values);
  useEffect(() => {
    if (told) return undefined;
    let stale = false;
    modelOf(values).then(
      (found) => stale || set({ key, told: found, wrong: '' }),
      (error) => stale || set({ key, told: null, wrong: error.message }),
    );
    return () => void (stale = true);
  }, [key]);
  if (told) return { told, wrong: '' };
  return unpacked.key === key ? unpacked : { told: null, wrong: '' };
}

/** @param {{group: FieldGroup, panel: Panel, values: Values, problems: Problem[], answer: any}} props */
function Part({ group, panel, values, problems, answer }) {
  if (group.id === 'model') {
    const wrong = problems.some(({ field }) => field.startsWith('model'));
    return html`<${Group} title=${t('group.model')} summary=${modelLine(values)} wrong=${wrong}><${ModelPicker} values=${values} problems=${problems} /><//>`;
  }
  const fields = (group.fields ?? []).filter((name) => group.when?.[name]?.(values) ?? true);
  const wrong = problems.some(({ field }) => fields.some((name) => field === `options.${name}`));
  return html`<${Group} title=${t(`group.${group.id}`)} summary=${(group.line ?? chosen(panel.ask, fields))(values)} wrong=${wrong} open=${group.open}>
    ${fields.map((name) => html`<${group.controls?.[name] ?? OptionField} key=${name} ask=${panel.ask} name=${name} values=${values} problems=${problems} answer=${answer} />`)}
  <//>`;
}

/** The chosen values of some fields, in one line. @param {string} ask @param {string[]} fields */
const chosen = (ask, fields) => (/** @type {Values} */ values) => {
  const parts = fields.filter((name) => values[keyOf(ask, name)]).map((name) => `${worded(`field.${name}`) ? t(`field.${name}`) : name} ${values[keyOf(ask, name)]}`);
  return parts.join(' · ') || t('controls.default');
};
