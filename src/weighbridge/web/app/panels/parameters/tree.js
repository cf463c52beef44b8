// The module tree of an answer: names for people, and how often a node stands in the whole model.
import { t, worded } from '../../i18n/language.js';

/**
 * @typedef {object} Node
 * @property {string} name
 * @property {string} module
 * @property {string} kind
 * @property {number} count
 * @property {number} each
 * @property {number} copies in the whole model
 * @property {number} total of all copies
 * @property {boolean} apart
 * @property {Node[]} children
 */
/** @typedef {{node: Node, path: string, depth: number, times: number, total: number, name: string, children: Row[]}} Row */

/** Rows of a tree: a node, its path, and its copies in the whole model. @param {Node} node @returns {Row[]} */
export function rowsOf(node, path = '', depth = 0) {
  return node.children.map((child) => {
    const at = path ? `${path}.${child.name}` : child.name;
    return {
      node: child,
      path: at,
      depth,
      times: child.copies,
      total: child.total,
      name: named(child),
      children: rowsOf(child, at, depth + 1),
    };
  });
}

/** What a node is called. @param {Node} node */
const named = ({ name, count, module }) => (count > 1 ? `${count} × ${module}` : name.replaceAll('_', ' '));

/** What a kind of module is called. @param {string} kind */
export const kindName = (kind) => (worded(`kind.${kind}`) ? t(`kind.${kind}`) : kind);
