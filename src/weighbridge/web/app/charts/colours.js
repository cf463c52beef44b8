// The project's own colours, as Python says them: one per category of memory and per kind of module.
import LOOKS from '../generated/looks.json';

/** @type {Record<string, string>} */
const MEMORY = Object.fromEntries(LOOKS.memory.map(({ key, colour }) => [key, colour]));
/** @type {Record<string, string>} */
const KINDS = Object.fromEntries(LOOKS.kinds.map(({ key, colour }) => [key, colour]));

/** Categories of memory, in the one order. */
export const MEMORY_ORDER = LOOKS.memory.map(({ key }) => key);

/** Kinds of modules, in the one order. */
export const KIND_ORDER = LOOKS.kinds.map(({ key }) => key);

/** @param {string} key */
export const memoryColour = (key) => MEMORY[key] ?? '#999999';

/** @param {string} kind */
export const kindColour = (kind) => KINDS[kind] ?? '#888888';

/** Colours for series that are neither (Okabe and Ito 2008). */
export const SERIES = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#8c3b8c', '#999999'];

/** A colour of the style sheet, as it is now. @param {string} name */
export const styled = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
