/** How long handlers may take to get there, in ms. */
const PATIENCE = 10_000;

/** Where handlers wait, each with its session in its hands, till all that are wanted are there and it is opened. */
export class Barrier {
  #missing;
  #arrived;
  #arrive;
  #opened;
  #open;

  /** @param {number} wanted how many handlers */
  constructor(wanted) {
    this.#missing = wanted;
    this.#arrived = new Promise((resolve) => (this.#arrive = resolve));
    this.#opened = new Promise((resolve) => (this.#open = resolve));
  }

  /** Resolves when it is opened. */
  pass() {
    if (--this.#missing === 0) this.#arrive();
    return this.#opened;
  }

  /** Resolves when all are there; an error when some never come, as nothing else would end the wait. */
  full() {
    return new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${this.#missing} never got to the barrier`)), PATIENCE);
      void this.#arrived.then(() => {
        clearTimeout(late);
        resolve();
      });
    });
  }

  open() {
    this.#open();
  }
}
