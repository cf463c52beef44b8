// A picture by ECharts: drawn anew when its option, the window or the colours change, at once where it is seen and when the reader
// pauses where it is not; saved as SVG and PNG.
import { useEffect, useRef } from 'preact/hooks';
import { html } from '../html.js';
import { t } from '../i18n/language.js';
import { useLook } from '../frame/look.js';
import { save } from '../format/save.js';
import { dressed } from './dress.js';
import { paused } from '../engine/pause.js';
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
  const newest = useRef(option);
  newest.current = option;
  /** Whether it is seen, and whether what stands there is an older picture. */
  const state = useRef({ seen: true, old: false });
  const draw = () => {
    state.current.old = false;
    drawn.current?.setOption(dressed(newest.current()), true);
  };
  useEffect(() => {
    if (place.current) keepPicture(place.current, option);
  });
  useEffect(() => {
    let gone = false;
    const watched = new ResizeObserver(() => drawn.current?.resize());
    const looked = new IntersectionObserver(([{ isIntersecting }]) => {
      state.current.seen = isIntersecting;
      if (isIntersecting && state.current.old) draw();
    });
    void import('./echarts.js').then(({ init }) => {
      if (gone || !place.current) return;
      drawn.current = init(place.current, null, { renderer: 'canvas' });
      draw();
      if (onClick) drawn.current.on('click', onClick);
      watched.observe(place.current);
      looked.observe(place.current);
    });
    return () => {
      gone = true;
      watched.disconnect();
      looked.disconnect();
      drawn.current?.dispose();
      drawn.current = null;
    };
  }, []);
  useEffect(() => {
    if (state.current.seen) return draw();
    state.current.old = true;
    void paused().then(() => state.current.old && draw());
  }, [of, look]);
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
