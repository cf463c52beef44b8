// JSON whose whole numbers may be larger than a double holds: those become BigInt.

/** @param {string} text @returns {any} */
export function parsed(text) {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(text, /** @type {any} */ (exact));
}

/** @param {string} _key @param {unknown} value @param {{source?: string}} [context] */
function exact(_key, value, context) {
  const whole = typeof value === 'number' && !Number.isSafeInteger(value) && context?.source;
  return whole && /^-?\d+$/.test(whole) ? BigInt(whole) : value;
}
