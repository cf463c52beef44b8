// The address holds the whole state: #PANEL?key=value&key=value. It stands behind the #, so that no server sees it.

/** @typedef {Record<string, string>} Values every value as it was typed */
/** @typedef {{panel: string, values: Values}} State */

/** Letters of an address that a file in it may take. */
export const LONGEST = 24_000;

/** The state that an address says. @param {string} fragment @param {State} otherwise @returns {State} */
export function decoded(fragment, otherwise) {
  const text = fragment.replace(/^#/, '');
  if (!text) return otherwise;
  const [panel, query = ''] = text.split(/\?(.*)/s);
  /** @type {Values} */
  const values = {};
  for (const [key, value] of new URLSearchParams(query)) if (value !== '') values[key] = value;
  return { panel: panel || otherwise.panel, values };
}

/** The address of a state. @param {State} state */
export function encoded({ panel, values }) {
  const query = new URLSearchParams(Object.entries(values).filter(([, value]) => value !== '')).toString();
  return `#${panel}${query ? `?${query}` : ''}`;
}
