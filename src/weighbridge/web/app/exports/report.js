// A report: one file that holds the answer, its pictures, its formulas and how to come to it again; it asks nobody for anything.
import { render } from 'preact';
import { html } from '../html.js';
import { spoken, t } from '../i18n/language.js';
import { labelOf } from '../controls/fields.js';
import { engine } from '../engine/engine.js';
import VERSION from '../generated/version.json';
import { commandOf } from './command.js';
import { copied } from './copied.js';
import { Written, derivations } from './formulas.js';
import { sheet } from './sheet.js';

/** @typedef {import('../state/question.js').Question} Question */
/** @typedef {import('../panels/panel.js').Panel} Panel */

const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/**
 * @param {Panel} panel
 * @param {Question} question
 * @param {any} answer
 * @param {Element} shown where the answer stands on the page
 * @param {(done: number, all: number) => void} told
 * @returns {Promise<string>}
 */
export async function report(panel, question, answer, shown, told) {
  const found = await derivations(panel, question, shown, told);
  const places = new Map(found.map(({ of }, number) => [of, `formula-${number + 1}`]));
  const body = await copied(shown, (of) => places.get(of) ?? null);
  const title = panel.title(answer);
  const page = html`<h1>${title}</h1>
    <p class="of">${t(`panel.${panel.id}`)} · ${new Intl.DateTimeFormat(spoken(), { dateStyle: 'long', timeStyle: 'short' }).format(new Date())}</p>
    <${Given} question=${question} />
    <section dangerouslySetInnerHTML=${{ __html: body.innerHTML }}></section>
    ${found.length > 0 && html`<section><h2>${t('report.formulas')}</h2>
      ${found.map(({ of, label, tree }) => html`<details class="derivation"><summary>${label} <code>${tree.step.symbol}</code></summary><div id=${places.get(of)}><${Written} node=${tree} /></div></details>`)}</section>`}
    <${Again} question=${question} />`;
  const place = document.createElement('main');
  place.className = 'report';
  render(page, place);
  return `<!doctype html>\n<html lang="${spoken()}">\n<head>\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">\n<meta name="color-scheme" content="light dark">
<title>${escaped(title)} · Weighbridge</title>\n<style>${sheet()}</style>\n</head>\n<body>\n${place.outerHTML}\n</body>\n</html>\n`;
}

/** What was given. @param {{question: Question}} props */
function Given({ question: { model, models, options } }) {
  const called = (/** @type {any} */ one) => (typeof one === 'string' ? one : (one?.name ?? t('model.way.typed')));
  const names = (models ?? (model === undefined ? [] : [model])).map(called);
  const rows = Object.entries(options).filter(([name, value]) => name !== 'advice' && value !== null);
  return html`<section><h2>${t('frame.given')}</h2><div class="scroll"><table><tbody>
    ${names.length > 0 && html`<tr><th scope="row">${t('group.model')}</th><td>${names.join(', ')}</td></tr>`}
    ${rows.map(([name, value]) => html`<tr><th scope="row">${labelOf(name)}</th><td>${Array.isArray(value) ? value.join(', ') : String(value)}</td></tr>`)}
    </tbody></table></div></section>`;
}

/** How to come to the same answer. @param {{question: Question}} props */
function Again({ question }) {
  const command = commandOf(question);
  return html`<section><h2>${t('report.again')}</h2>
    <p>${t('report.link')} <a href=${location.href} rel="noreferrer">${location.href}</a></p>
    ${command && html`<p>${t('report.command')} <code>${command}</code></p>`}
    <p>${t(engine.kind === 'browser' ? 'report.version' : 'report.version.service', { version: VERSION })}</p>
  </section>`;
}

/** @param {string} text */
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
