// What comes back, from either engine: an answer or problem details (RFC 9457), as JSON whose whole numbers may be larger than a
// double holds: those become BigInt.

/** @param {string} text @returns {any} */
function parsed(text) {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(text, /** @type {any} */ (exact));
}

/** @param {string} _key @param {unknown} value @param {{source?: string}} [context] */
function exact(_key, value, context) {
  const whole = typeof value === 'number' && !Number.isSafeInteger(value) && context?.source;
  return whole && /^-?\d+$/.test(whole) ? BigInt(whole) : value;
}

/** What came back, as an answer. @param {number} status @param {string} text @param {number} ms @returns {import('./queue.js').Answer} */
export function heard(status, text, ms) {
  if (status === 200) return { value: parsed(text), text, ms };
  /** @type {{errors?: {field: string, detail: string}[], detail?: string, title?: string}} */
  const { errors, detail, title } = problem(text);
  if (errors) return { errors: errors.map((one) => ({ field: one.field, message: one.detail })), ms };
  return { errors: [{ field: '', message: detail ?? title ?? String(status) }], ms };
}

/** Problem details; what stands between page and service may say something else. @param {string} text */
function problem(text) {
  try {
    return JSON.parse(text);
  } catch {
    return { detail: text.slice(0, 400) };
  }
}
