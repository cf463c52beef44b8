// A picture by ECharts: drawn anew when its option, the window or the colours change; saved as SVG and PNG.
import { useEffect, useRef } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n/language.js';
import { useLook } from '../frame/look.js';
import { save } from '../format/save.js';
import { dressed } from './dress.js';
import { keepPicture, svgOf } from './pictures.js';

/**
 * @param {object} props
 * @param {() => any} props.option makes ECharts' option; called again where the colours change
 * @param {unknown} props.of what the option is made of: drawn anew when this changes
 * @param {string} props.label what the picture shows, for those who do not see it
 * @param {string} props.name of the file that it is saved as
 * @param {number} [props.height] pixels
 * @param {(event: any) => void} [props.onClick]
 */
export function Chart({ option, of, label, name, height = 320, onClick }) {
  const place = useRef(/** @type {HTMLElement | null} */ (null));
  const drawn = useRef(/** @type {any} */ (null));
  const look = useLook();
  useEffect(() => {
    if (place.current) keepPicture(place.current, option);
  });
  useEffect(() => {
    let gone = false;
    const watched = new ResizeObserver(() => drawn.current?.resize());
    void import('./echarts.js').then(({ init }) => {
      if (gone || !place.current) return;
      drawn.current = init(place.current, null, { renderer: 'canvas' });
      drawn.current.setOption(dressed(option()), true);
      if (onClick) drawn.current.on('click', onClick);
      watched.observe(place.current);
    });
    return () => {
      gone = true;
      watched.disconnect();
      drawn.current?.dispose();
      drawn.current = null;
    };
  }, []);
  useEffect(() => void drawn.current?.setOption(dressed(option()), true), [of, look]);
  return html`<figure class="chart">
    <div class="picture" style=${{ height: `${height}px` }} ref=${place} role="img" aria-label=${label}></div>
    <figcaption class="saves">
      <button type="button" class="quiet" onClick=${() => saveSvg(place.current, name)}>${t('chart.svg')}</button>
      <button type="button" class="quiet" onClick=${() => savePng(drawn.current, name)}>${t('chart.png')}</button>
    </figcaption>
  </figure>`;
}

/** @param {HTMLElement | null} place @param {string} name */
async function saveSvg(place, name) {
  const svg = place && (await svgOf(place));
  if (svg) save(`${name}.svg`, 'image/svg+xml', svg);
}

/** @param {any} chart @param {string} name */
async function savePng(chart, name) {
  if (!chart) return;
  const url = chart.getDataURL({ type: 'png', pixelRatio: 2, backgroundColor: getComputedStyle(document.body).backgroundColor });
  const bytes = Uint8Array.from(atob(url.split(',')[1]), (c) => c.charCodeAt(0));
  save(`${name}.png`, 'image/png', bytes);
}
