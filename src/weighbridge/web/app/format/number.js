// Numbers and units as the language writes them.
import { spoken } from '../i18n/language.js';

/** @typedef {number | bigint} Count */

/** @type {Map<string, Intl.NumberFormat>} */
const made = new Map();

/** @param {Intl.NumberFormatOptions} options */
function formatter(options) {
  const key = spoken() + JSON.stringify(options);
  const found = made.get(key) ?? new Intl.NumberFormat(spoken(), options);
  made.set(key, found);
  return found;
}

/** Every digit: 8,030,261,248. @param {Count} value */
export const exact = (value) => formatter({ maximumFractionDigits: 6 }).format(value);

/** Three digits and a word for the size: 8.03B, 80.3亿. @param {Count} value */
export const short = (value) => formatter({ notation: 'compact', maximumSignificantDigits: 3 }).format(value);

/** Three significant digits. @param {number} value */
export const three = (value) => formatter({ maximumSignificantDigits: 3 }).format(value);

/** A share of one. @param {number} share */
export const percent = (share) => formatter({ style: 'percent', minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: 'negative' }).format(share);

const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** @param {Count} value @param {number} base @param {string[]} units */
function scaled(value, base, units) {
  let amount = Number(value);
  let place = 0;
  while (Math.abs(amount) >= base && place < units.length - 1) {
    amount /= base;
    place += 1;
  }
  const digits = place ? { minimumSignificantDigits: 3, maximumSignificantDigits: Math.abs(amount) >= 1000 ? 4 : 3 } : {};
  return `${formatter(digits).format(amount)} ${units[place]}`;
}

/** Bytes in powers of ten: 16.1 GB. @param {Count} value */
export const decimal = (value) => scaled(value, 1000, DECIMAL);

/** Bytes in powers of two: 15.0 GiB. @param {Count} value */
export const binary = (value) => scaled(value, 1024, BINARY);

/** Dollars. @param {number} value */
export const dollars = (value) => formatter({ style: 'currency', currency: 'USD', minimumSignificantDigits: 3, maximumSignificantDigits: 3 }).format(value);

/** Energy in watt-hours. @param {number} joules */
export const wattHours = (joules) => `${three(joules / 3600)} Wh`;

/** Seconds with a unit of their size: 12.3 ms, 4.56 s. @param {number} value */
export function seconds(value) {
  const [scale, unit] = value < 1e-3 ? [1e6, 'µs'] : value < 1 ? [1e3, 'ms'] : [1, 's'];
  return `${three(value * scale)} ${unit}`;
}
