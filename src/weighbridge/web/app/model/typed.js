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

/** @param {Values} values @returns {object} */
export function typedModel(values) {
  const get = (/** @type {string} */ name) => count(values[`m.${name}`]);
  const yes = (/** @type {string} */ name) => values[`m.${name}`] === 'true';
  const [hidden, heads] = [get('hidden'), get('heads')];
  const inferred = typeof hidden === 'number' && typeof heads === 'number' && heads > 0 ? Math.floor(hidden / heads) : 1; // else one of them is refused
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
        mixer: { type: 'GroupedQueryAttention', num_heads: heads, num_kv_heads: get('groups') ?? heads, head_dim: get('head_dim') ?? inferred, qkv_bias: yes('qkv_bias') },
        feed_forward: values['m.ffn'] === 'moe' ? experts(get, yes) : { type: 'GatedMLP', intermediate_size: get('dense') },
      },
    },
  };
}

/** @param {(name: string) => any} get @param {(name: string) => boolean} yes */
function experts(get, yes) {
  const [number, width] = [get('shared_experts') ?? 0, get('shared') ?? 0];
  const shared = typeof number === 'number' && typeof width === 'number' ? number * width : width;
  return {
    type: 'MixtureOfExperts',
    num_experts: get('experts'),
    top_k: get('top_k') ?? 1,
    intermediate_size: get('routed'),
    ...(shared ? { shared_intermediate_size: shared, shared_gate: yes('shared_gate') } : {}),
  };
}
