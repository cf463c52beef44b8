// The panels, in the order of the tabs. A new one is a file of its own and a line here.
import parameters from './parameters.js';

/** @type {import('./panel.js').Panel[]} */
export const PANELS = [parameters];

/** The panel of an address. @param {string} id */
export const panelOf = (id) => PANELS.find((panel) => panel.id === id) ?? PANELS[0];
