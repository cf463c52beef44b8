// The panels, in the order of the tabs. A new one is a file of its own and a line here.
import compare from './compare.js';
import inference from './inference.js';
import local from './local.js';
import megatron from './megatron.js';
import parameters from './parameters.js';
import scaling from './scaling.js';
import training from './training.js';

/** @type {import('./panel.js').Panel[]} */
export const PANELS = [parameters, training, megatron, inference, local, scaling, compare];

/** The panel of an address. @param {string} id */
export const panelOf = (id) => PANELS.find((panel) => panel.id === id) ?? PANELS[0];
