// How far such estimates were from measured ones, as the command line says it.
import { html } from '../../html.js';
import { t, worded } from '../../i18n/language.js';
import { exact, three } from '../../format/number.js';

/** @typedef {{kind: string, n: number, median_percent: number, p90_percent: number}} Band */

/** What measured runs have in common, in words. @param {string[]} parts */
function common(parts) {
  const words = parts.filter((part) => part !== 'by_framework').map((part) => (worded(`band.${part}`) ? t(`band.${part}`) : part));
  return words.join(t('band.and'));
}

/** @param {Band} band */
function bandLine({ kind, n, median_percent, p90_percent }) {
  const [figure, ...rest] = kind.split('.');
  return t(rest.length ? 'band.said' : 'band.said.all', { figure: worded(`band.${figure}`) ? t(`band.${figure}`) : figure, kind: common(rest), n: exact(n), half: three(median_percent), most: three(p90_percent) });
}

/** @param {{bands: (Band | null | undefined)[]}} props */
export function Bands({ bands }) {
  const there = /** @type {Band[]} */ (bands.filter(Boolean));
  if (!there.length) return null;
  return html`<section class="view bands"><h2>${t('band.title')}</h2>
    <ul>${there.map((band) => html`<li key=${band.kind}>${bandLine(band)}</li>`)}</ul></section>`;
}

/** The band of a figure, in a few words: half within 0.2 %. @param {Band | null | undefined} band */
export const within = (band) => band && t('band.within', { half: three(band.median_percent), n: exact(band.n) });
