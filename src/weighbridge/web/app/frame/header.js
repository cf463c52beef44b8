// The head of the page: its name, the questions, the language, the colours, a link to share.
import { useState } from 'preact/hooks';
import { CopyButton } from '../controls/copy.js';
import { html } from '../html.js';
import { LANGUAGES, spoken, t } from '../i18n/language.js';
import { PANELS } from '../panels/index.js';
import { encoded } from '../state/address.js';
import { change, useAddress } from '../state/store.js';
import { choose, chosenLook } from './look.js';

/** @param {{panel: import('../panels/panel.js').Panel, speak: (language: any) => void}} props */
export function Header({ panel, speak }) {
  const { values } = useAddress();
  const [look, setLook] = useState(chosenLook());
  const go = (/** @type {MouseEvent} */ event, /** @type {string} */ id) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    change({ x: '' }, { panel: id, step: true });
  };
  return html`<header class="head">
    <h1><svg viewBox="0 0 64 64" width="28" height="28" aria-hidden="true"><rect x="6" y="46" width="52" height="8" rx="3" fill="var(--accent)"/><rect x="12" y="32" width="10" height="12" rx="2" fill="#3d8ec9"/><rect x="24" y="22" width="10" height="22" rx="2" fill="#009e73"/><rect x="36" y="12" width="16" height="32" rx="2" fill="#e69f00"/></svg>Weighbridge</h1>
    <nav aria-label=${t('frame.questions')}>${PANELS.map(({ id }) => html`<a key=${id} href=${encoded({ panel: id, values: { ...values, x: '' } })} aria-current=${id === panel.id ? 'page' : undefined} onClick=${(/** @type {MouseEvent} */ e) => go(e, id)}>${t(`panel.${id}`)}</a>`)}</nav>
    <div class="tools">
      <${CopyButton} text=${() => location.href} idle="frame.share" done="frame.shared" />
      <select aria-label=${t('frame.look')} value=${look} onChange=${(/** @type {any} */ e) => { choose(e.currentTarget.value); setLook(e.currentTarget.value); }}>
        ${['auto', 'light', 'dark'].map((one) => html`<option value=${one} selected=${one === look}>${t(`frame.look.${one}`)}</option>`)}</select>
      <select aria-label=${t('frame.language')} onChange=${(/** @type {any} */ e) => speak(e.currentTarget.value)}>
        ${LANGUAGES.map(([tag, name]) => html`<option value=${tag} lang=${tag} selected=${tag === spoken()}>${name}</option>`)}</select>
    </div>
  </header>`;
}
