// A model typed field by field: the inputs of a parameter calculator, as a description that Python reads.

/** @typedef {import('../state/address.js').Values} Values */
/** @typedef {{name: string, kind: 'count' | 'choice' | 'yes', choices?: string[], only?: 'moe' | 'dense', otherwise?: string}} Row */

/** The fields, in the order of the form. @type {Row[]} */
export const ROWS = [
  { name: 'vocab', kind: 'count' },
  { name: 'hidden', kind: 'count' },
  { name: 'layers', kind: 'count' },
  { name: 'heads', kind: 'count' },
  { name: 'groups', kind: 'count' },
  { name: 'head_dim', kind: 'count' },
  { name: 'qkv_bias', kind: 'yes' },
  { name: 'norm', kind: 'choice', choices: ['rmsnorm', 'layernorm'], otherwise: 'rmsnorm' },
  { name: 'ffn', kind: 'choice', choices: ['dense', 'moe'], otherwise: 'dense' },
  { name: 'dense', kind: 'count', only: 'dense' },
  { name: 'experts', kind: 'count', only: 'moe' },
  { name: 'top_k', kind: 'count', only: 'moe' },
  { name: 'routed', kind: 'count', only: 'moe' },
  { name: 'shared_experts', kind: 'count', only: 'moe' },
  { name: 'shared', kind: 'count', only: 'moe' },
  { name: 'shared_gate', kind: 'yes', only: 'moe' },
  { name: 'tied', kind: 'yes' },
];

/** Numbers of heads that are usual, offered while one types. */
export const HEADS = Array.from({ length: 16 }, (_, place) => String(8 * (place + 1)));

/** The worked example: Qwen1.5-MoE-A2.7B with a padded vocabulary. @type {Values} */
export const EXAMPLE = {
  model: '~typed', 'm.name': 'qwen1.5-moe-a2.7b-padded', 'm.vocab': '152064', 'm.hidden': '2048', 'm.layers': '24', 'm.heads': '16', 'm.groups': '16',
  'm.head_dim': '128', 'm.qkv_bias': 'true', 'm.norm': 'rmsnorm', 'm.ffn': 'moe', 'm.experts': '60', 'm.top_k': '4', 'm.routed': '1408',
  'm.shared_experts': '1', 'm.shared': '5632', 'm.shared_gate': 'true',
};

/** A dense start for those who type their own. @type {Values} */
export const START = {
  model: '~typed', 'm.name': 'my-model', 'm.vocab': '128256', 'm.hidden': '4096', 'm.layers': '32', 'm.heads': '32', 'm.groups': '8', 'm.norm': 'rmsnorm',
  'm.ffn': 'dense', 'm.dense': '14336',
};

/** A number where it is one, else the text, which Python refuses in words. @param {string | undefined} text */
function count(text) {
  if (text === undefined) return undefined;
  const digits = text.trim().replace(/[,_\s]/g, '');
  return /^-?\d+$/.test(digits) ? Number(digits) : text;
}

/** What stands in a field. @param {Values} values */
const read = (values) => (/** @type {string} */ name) => count(values[`m.${name}`]);

/** @param {Values} values @returns {object} */
export function typedModel(values) {
  const get = read(values);
  const yes = (/** @type {string} */ name) => values[`m.${name}`] === 'true';
  const [hidden, heads] = [get('hidden'), get('heads')];
  return {
    name: values['m.name'] ?? 'typed',
    model_type: 'described',
    vocab_size: get('vocab'),
    hidden_size: hidden,
    norm: values['m.norm'] ?? 'rmsnorm',
    tie_word_embeddings: yes('tied'),
    layers: [{ block: 'layer', count: get('layers') }],
    blocks: {
      layer: {
        mixer: { type: 'GroupedQueryAttention', num_heads: heads, num_kv_heads: get('groups') ?? heads, head_dim: get('head_dim') ?? widthOf(hidden, heads), qkv_bias: yes('qkv_bias') },
        feed_forward: values['m.ffn'] === 'moe' ? experts(values) : { type: 'GatedMLP', intermediate_size: get('dense') },
      },
    },
  };
}

/** Hidden size over heads; left out where that is no whole number, so that Python asks for it. @param {any} hidden @param {any} heads */
function widthOf(hidden, heads) {
  if (!(hidden > 0 && heads > 0)) return 1; // one of them is refused
  return hidden % heads ? undefined : hidden / heads;
}

/**
 * The width of the shared experts together, and the field that it is wrong in if it is: what is no whole number stays as it
 * was typed, so that Python refuses it. A width without a number is that of one expert.
 * @param {Values} values
 * @returns {{width?: number | string, row: 'shared' | 'shared_experts'}}
 */
export function sharedOf(values) {
  const [given, width] = [read(values)('shared_experts'), read(values)('shared')];
  const number = given ?? (width ? 1 : 0);
  if (number === 0) return { row: 'shared' };
  if (typeof number !== 'number' || number < 0) return { width: number, row: 'shared_experts' };
  return { width: typeof width === 'number' && width > 0 ? number * width : (width ?? ''), row: 'shared' };
}

/** @param {Values} values */
function experts(values) {
  const get = read(values);
  return {
    type: 'MixtureOfExperts',
    num_experts: get('experts'),
    top_k: get('top_k') ?? 1,
    intermediate_size: get('routed'),
    shared_intermediate_size: sharedOf(values).width,
    shared_gate: values['m.shared_gate'] === 'true',
  };
}
