// All words of the page: a file per topic, a row per string with English, 简体中文 and 繁體中文.
import controls from './words/controls.js';
import compare from './words/compare.js';
import drawer from './words/drawer.js';
import exports from './words/exports.js';
import fields from './words/fields.js';
import frame from './words/frame.js';
import inference from './words/inference.js';
import local from './words/local.js';
import model from './words/model.js';
import options from './words/options.js';
import panels from './words/panels.js';
import parameters from './words/parameters.js';
import scaling from './words/scaling.js';
import stored from './words/stored.js';
import training from './words/training.js';

/** @type {Record<string, [string, string, string]>} */
export const WORDS = {
  ...frame, ...controls, ...drawer, ...model, ...fields, ...parameters, ...stored, ...options, ...panels, ...training, ...inference, ...local,
  ...scaling, ...compare, ...exports,
};
