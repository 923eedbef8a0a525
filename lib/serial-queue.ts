import { isPromise } from './stores/awaitable.js';
import type { Awaitable } from './stores/session-store.js';

/** Runs one after the other what is handed in: each after all earlier ones ended, well or not. */
export class SerialQueue {
  private tail: Promise<unknown> | undefined;

  /** Settles when all that was handed in so far has ended; undefined when nothing is under way. */
  get pending(): Promise<unknown> | undefined {
    return this.tail;
  }

  run<T>(task: () => Promise<T>, whenIdle?: () => void): Promise<T> {
    return this.append(this.tail === undefined ? task() : this.tail.then(task), whenIdle);
  }

  /** Lets others wait for something that was begun while nothing was under way; that may be over already. */
  follow(outcome: Awaitable<void>): Promise<void> | undefined {
    return isPromise(outcome) ? this.append(Promise.resolve(outcome)) : undefined;
  }

  private append<T>(result: Promise<T>, whenIdle?: () => void): Promise<T> {
    const done = (): void => {
      if (this.tail !== tail) return;
      this.tail = undefined;
      whenIdle?.();
    };
    const tail: Promise<unknown> = result.then(done, done);
    this.tail = tail;
    return result;
  }
}
