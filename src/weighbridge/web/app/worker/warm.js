// Questions that load what most questions need, asked of oneself while the reader looks at the first answer: the first change in
// each panel is then as quick as the others.

/** @type {object[]} */
export const WARM = [
  { ask: 'train', model: 'gpt2', options: { cluster: '1xH100', tokens: '1B', price: '1', advice: false } },
  { ask: 'infer', model: 'gpt2', options: { cluster: '1xH100', advice: false } },
  { ask: 'params', model: 'gpt2', options: {}, with: ['explain'] },
  { ask: 'scaling', options: { compute: '1e21' } },
  { ask: 'compare', models: ['gpt2'], options: {} },
  { ask: 'local', model: 'gpt2', options: { on: ['RTX-4090'] } },
  { ask: 'params', model: { model_type: 'llama' }, options: {} },
];
