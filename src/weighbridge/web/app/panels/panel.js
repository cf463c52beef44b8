// What a panel is: one question that the page answers.

/** @typedef {import('../state/question.js').Question} Question */
/** @typedef {import('../state/address.js').Values} Values */
/** @typedef {import('../drawer/steps.js').Step} Step */
/** @typedef {import('../engine/engine.js').Problem} Problem */

/**
 * @typedef {object} FieldGroup a group of the left column, folded to one line
 * @property {string} id its name is the words of ``group.<id>``
 * @property {string[]} [fields] options of the panel's ask, in order; the group "model" has its own controls instead
 * @property {Record<string, (props: any) => any>} [controls] controls of single fields that are not the frame's; what is no option has one here
 * @property {Record<string, (values: Values) => boolean>} [when] fields that are there only while others have certain values
 * @property {boolean} [open] it stands open from the beginning
 * @property {(values: Values) => string} [line] what stands beside the name while it is folded; the chosen values by default
 */

/** @typedef {{line: string, title: string, columns: string[], rows: string[][], remark: string}} Beside a table that stands beside a derivation, in Python's words */
/** @typedef {{question: Question, steps: (answer: any) => Step[], tables?: (answer: any) => Beside[]}} Explained */

/**
 * @typedef {object} Panel
 * @property {string} id in the address; its name is the words of ``panel.<id>``
 * @property {string} ask what Python is asked: "params", "train" ...
 * @property {FieldGroup[]} groups
 * @property {(values: Values, model: unknown) => Question | null} question
 * @property {(shown: string, question: Question) => Explained | null} explain
 *   the question behind a figure that was clicked, and where its derivation stands in the answer
 * @property {(answer: any) => string} title the answer in a few words, for the window's title
 * @property {(answer: any) => string} [file] what files of the answer are called; the model and the panel by default
 * @property {(props: {answer: any, question: Question, values: Values}) => any} Answer
 */

export {};
