// The page starts here: the shell with what is known at once, Python beside it, and the service worker after both.
import { render } from 'preact';
import { useState } from 'preact/hooks';
import { html } from './html.js';
import { speak, spoken } from './i18n/language.js';
import { learn } from './i18n/phrasebook.js';
import { engine } from './engine/engine.js';
import { App } from './frame/app.js';
import './style/page.css';

/** The page in one language; another language draws it anew. */
function Root() {
  const [language, set] = useState(spoken());
  const say = async (/** @type {import('./i18n/language.js').Language} */ next) => {
    speak(next);
    await learnt();
    set(next);
  };
  return html`<${App} key=${language} speak=${say} />`;
}

/** Without its phrases the page speaks all the same, and Python English. */
const learnt = () => learn().catch((error) => console.warn('what Python says stays English:', error));

void learnt().then(() => render(html`<${Root} />`, /** @type {HTMLElement} */ (document.getElementById('page'))));

const ready = engine.ready.then((times) => {
  document.documentElement.dataset.ready = engine.kind;
  performance.measure('weighbridge-ready', { start: 0, detail: times });
}, () => {}); // the page says so above the answer

if ('serviceWorker' in navigator && engine.kind === 'browser') {
  void ready.then(() => navigator.serviceWorker.register('sw.js')).catch((error) => console.warn('the page will not work without a network:', error));
}
