// Pictures by the place that they are drawn in, so that others (a report) can draw them again as SVG.
import { dressed } from './dress.js';

/** @typedef {() => any} Option makes ECharts' option */

/** @type {WeakMap<Element, Option>} */
const drawn = new WeakMap();

/** @param {Element} place @param {Option} option */
export const keepPicture = (place, option) => void drawn.set(place, option);

/** The picture of a place as SVG; ``null`` where none is drawn. @param {Element} place @returns {Promise<string | null>} */
export async function svgOf(place) {
  const option = drawn.get(place);
  if (!option) return null;
  const { init } = await import('./echarts.js');
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: place.clientWidth || 820, height: place.clientHeight || 320 });
  chart.setOption({ ...dressed(option()), animation: false });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
