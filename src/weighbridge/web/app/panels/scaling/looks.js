// What laws look like: a colour and a mark each, the same in every picture; and numbers of their sizes.
import LAWS from '../../generated/laws.json';
import { exact, short, three } from '../../format/number.js';

/** Names of the laws that there are, in their order. @type {string[]} */
export const NAMES = /** @type {{name: string}[]} */ (LAWS).map(({ name }) => name);

const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#9a8a00', '#8c3b8c', '#b08968', '#5b6fb5', '#888888'];
const MARKS = ['circle', 'rect', 'triangle', 'diamond', 'pin', 'arrow', 'roundRect', 'emptyCircle', 'emptyRect', 'emptyTriangle', 'emptyDiamond'];

/** The colour and the mark of a law; one of one's own has black's place, in the page's ink. @param {string} name @param {string} ink */
export function lookOf(name, ink) {
  const place = NAMES.indexOf(name);
  return place < 0 ? { colour: ink, mark: 'circle' } : { colour: COLOURS[place % COLOURS.length], mark: MARKS[place % MARKS.length] };
}

/** FLOPs as people write them: 5.76e23. @param {number} value */
export function power(value) {
  const [mantissa, exponent] = value.toExponential(2).split('e');
  return `${Number(mantissa)}e${Number(exponent)}`;
}

/** A small number with three digits: 20.9, 0.408, 1,920. @param {number} value */
export const plain = (value) => (value >= 100 ? exact(Math.round(value)) : three(value));

/** From one to another. @param {{low: number, high: number}} span @param {(value: number) => string} say */
export const between = ({ low, high }, say = short) => `${say(low)} – ${say(high)}`;

/** A loss in nats per token. @param {number} value */
export const nats = (value) => value.toFixed(3);
