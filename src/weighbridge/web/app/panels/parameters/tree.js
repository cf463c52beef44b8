// The module tree of an answer: names for people, and how often a node stands in the whole model.
import { t, worded } from '../../i18n/language.js';

/**
 * @typedef {object} Node
 * @property {string} name
 * @property {string} module
 * @property {string} kind
 * @property {number} count
 * @property {number} each
 * @property {boolean} apart
 * @property {Node[]} children
 */
/** @typedef {{node: Node, path: string, depth: number, times: number, total: number, name: string, children: Row[]}} Row */

/** Rows of a tree: a node, its path, and its copies in the whole model. @param {Node} node @returns {Row[]} */
export function rowsOf(node, path = '', depth = 0, times = 1) {
  return node.children.map((child) => {
    const at = path ? `${path}.${child.name}` : child.name;
    const copies = times * child.count;
    return {
      node: child,
      path: at,
      depth,
      times: copies,
      total: copies * child.each,
      name: named(child),
      children: rowsOf(child, at, depth + 1, copies),
    };
  });
}

/** What a node is called. @param {Node} node */
const named = ({ name, count, module }) => (count > 1 ? `${count} × ${module}` : name.replaceAll('_', ' '));

/** What a kind of module is called. @param {string} kind */
export const kindName = (kind) => (worded(`kind.${kind}`) ? t(`kind.${kind}`) : kind);
