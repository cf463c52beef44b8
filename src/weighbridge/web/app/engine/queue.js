// Questions in line for an engine that answers one at a time. Of each slot (the panel, the drawer ...) only the newest
// question waits (the drawer's goes last): an older one that has not begun is dropped, and an answer that comes too late is thrown away.

/** @typedef {{value?: any, text?: string, errors?: {field: string, message: string}[], ms: number}} Answer */
/** @typedef {{slot: string, question: object, resolve: (answer: Answer | null) => void, reject: (error: unknown) => void}} Waiting */

export class Queue {
  /**
   * @param {(question: object) => Promise<Answer>} ask
   * @param {(busy: boolean) => void} [told] what is told that a question is being answered, or that none is
   * @param {() => Promise<void>} [turn] what is waited for before the next question
   */
  constructor(ask, told = () => {}, turn = async () => {}) {
    this.ask = ask;
    this.told = told;
    this.turn = turn;
    /** @type {Map<string, Waiting>} */
    this.waiting = new Map();
    this.busy = false;
  }

  /**
   * The answer to a question; ``null`` if a newer one took its place.
   * @param {string} slot
   * @param {object} question
   * @returns {Promise<Answer | null>}
   */
  put(slot, question) {
    this.waiting.get(slot)?.resolve(null);
    return new Promise((resolve, reject) => {
      this.waiting.set(slot, { slot, question, resolve, reject });
      void this.next();
    });
  }

  /** When nothing is asked any more, and what was heard has had time to ask further. */
  async idle() {
    for (let quiet = 0; quiet < 3; ) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      quiet = this.busy || this.waiting.size ? 0 : quiet + 1;
    }
  }

  async next() {
    if (this.busy || !this.waiting.size) return;
    this.busy = true;
    this.told(true);
    await this.turn();
    const [first] = [...this.waiting.values()].sort((a, b) => Number(a.slot === 'drawer') - Number(b.slot === 'drawer'));
    this.waiting.delete(first.slot);
    try {
      const answer = await this.ask(first.question);
      first.resolve(this.waiting.has(first.slot) ? null : answer);
    } catch (error) {
      first.reject(error);
    } finally {
      this.busy = false;
      this.told(this.waiting.size > 0);
      void this.next();
    }
  }
}
