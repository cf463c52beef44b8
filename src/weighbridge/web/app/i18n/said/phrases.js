// All phrases of what Python says: a file for each part of it, a row for each phrase (tools/said.py lists them).
import answer from './answer.js';
import estimate from './estimate.js';
import files from './files.js';
import gguf from './gguf.js';
import hardware from './hardware.js';
import laws from './laws.js';
import local from './local.js';
import megatron from './megatron.js';
import models from './models.js';
import modules from './modules.js';
import names from './names.js';
import options from './options.js';
import parallel from './parallel.js';
import plans from './plans.js';
import quantization from './quantization.js';
import reports from './reports.js';
import weights from './weights.js';

/** @type {import('../phrasebook.js').Row[]} */
export const PHRASES = [
  ...answer, ...options, ...estimate, ...reports, ...modules, ...models, ...parallel, ...hardware, ...laws, ...files, ...weights, ...gguf, ...quantization,
  ...local, ...megatron, ...plans, ...names,
];
