// Which laws are asked, and a law of one's own: what `weighbridge scaling fit --json` printed.
import { useState } from 'preact/hooks';
import LAWS from '../../generated/laws.json';
import { html } from '../../html.js';
import { Problem } from '../../controls/problem.js';
import { t } from '../../i18n/language.js';
import { toldOf } from '../../controls/fields.js';
import { change } from '../../state/store.js';
import { NAMES } from './looks.js';

/** @typedef {import('../../state/address.js').Values} Values */
/** @typedef {import('../../engine/engine.js').Problem} Problem */

const KEY = 'scaling.law';
export const OWN_KEY = 'scaling.own';

/** What Python calls a law of one's own that has no name: the file's name. */
const NAMELESS = 'own';

/** The file that a question brings a law of one's own in. */
export const OWN_FILE = `${NAMELESS}.json`;

/** Laws that are asked while none is chosen. @param {Values} values */
export const usual = (values) => LAWS.filter(({ only_with: needed }) => !needed || values[`scaling.${needed}`]).map(({ name }) => name);

/** Laws that are asked. @param {Values} values */
export const chosen = (values) => (values[KEY] ? values[KEY].split('\n') : usual(values));

/** @param {{values: Values, problems: Problem[]}} props */
export function LawChoice({ values, problems }) {
  const now = new Set(chosen(values));
  const put = (/** @type {string[]} */ names) => change({ [KEY]: names.join('\n') === usual(values).join('\n') ? '' : names.join('\n') }, { step: true });
  const flip = (/** @type {string} */ name) => put(NAMES.filter((one) => (one === name ? !now.has(one) : now.has(one))));
  const told = toldOf(problems, 'law');
  return html`<fieldset class="checks"><legend>${t('scaling.laws')}</legend>
    ${LAWS.map(({ name, title }) => html`<label key=${name}><input type="checkbox" checked=${now.has(name)} disabled=${now.size === 1 && now.has(name)} onChange=${() => flip(name)} /> <span><b>${name}</b> <cite class="soft" lang="en">${title}</cite></span></label>`)}
    ${told.map((text) => html`<${Problem} text=${text} />`)}
    ${values[KEY] && html`<button type="button" class="quiet" onClick=${() => put(usual(values))}>${t('scaling.laws.all')}</button>`}</fieldset>`;
}

/** In one line. @param {Values} values */
export const lawsLine = (values) => (values[KEY] ? chosen(values).join(' · ') : t('scaling.laws.count', { count: usual(values).length }));

/** @param {{values: Values, problems: Problem[]}} props */
export function OwnLaw({ values, problems }) {
  const [typed, type] = useState('');
  const [said, say] = useState('');
  const told = problems.filter(({ field }) => field === `files.${OWN_FILE}`).map(({ message }) => message);
  const read = (/** @type {string} */ text) => {
    type(text);
    const wrong = text.trim() && wrongWith(text);
    say(wrong || '');
    if (text.trim() && !wrong) change({ [OWN_KEY]: JSON.stringify(JSON.parse(text)) }, { step: true });
  };
  const picked = async (/** @type {any} */ event) => read((await event.currentTarget.files[0]?.text()) ?? '');
  if (values[OWN_KEY] && !told.length)
    return html`<p class="dropped">${t('scaling.own.there', { name: nameOf(values[OWN_KEY]) })}</p>
      <button type="button" class="quiet" onClick=${() => change({ [OWN_KEY]: '' }, { step: true })}>${t('scaling.own.away')}</button>`;
  return html`<p class="hint">${t('scaling.own.about')}</p>
    <pre class="line" tabindex="0"><code>weighbridge scaling fit runs.csv --json > ours.json</code></pre>
    <div class="field"><label for="scaling-own">${t('scaling.own.paste')}</label>
      <textarea id="scaling-own" rows="5" spellcheck=${false} value=${typed} onInput=${(/** @type {any} */ e) => read(e.currentTarget.value)}></textarea></div>
    <div class="field"><label for="scaling-own-file">${t('scaling.own.file')}</label><input id="scaling-own-file" type="file" accept=".json,.csv" onChange=${picked} /></div>
    ${[said, ...told].filter(Boolean).map((text) => html`<${Problem} text=${text} />`)}`;
}

/** What is wrong with a text as a law, in words; nothing where it may be one, which Python then reads. @param {string} text */
function wrongWith(text) {
  try {
    const data = JSON.parse(text);
    return data && typeof data === 'object' && 'constants' in data ? '' : t('scaling.own.none');
  } catch {
    return t(/^[\w ,;"]*(parameters|tokens|compute|loss)[\w ,;"]*\r?\n/i.test(text.trimStart()) ? 'scaling.own.csv' : 'scaling.own.none');
  }
}

/** @param {string} text */
const nameOf = (text) => JSON.parse(text).law?.name ?? NAMELESS;
