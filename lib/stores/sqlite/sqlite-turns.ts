import { randomInt } from 'node:crypto';
import type { Awaitable } from '../session-store.js';
import { isLocked } from './sqlite-errors.js';

/** After how long a locked database is tried again, in ms: at first, and at most. */
const FIRST_DELAY = 1;
const LONGEST_DELAY = 20;

/** For how long those who waited have the process before others run in between, in ms. */
const SLICE = 5;

interface Waiting {
  attempt(): unknown;
  resolve(value: never): void;
  reject(error: unknown): void;
  readonly deadline: NodeJS.Timeout;
}

/**
 * Who finds the database locked by another connection tries again later, and meanwhile the process
 * goes on with other work. Writes that come after one that waits wait behind it: else each would
 * find out by itself, and hold the process up for as long as SQLite waits.
 */
export class SqliteTurns {
  private readonly waiting = new Set<Waiting>();
  private delay = FIRST_DELAY;
  private next: NodeJS.Timeout | undefined;

  /** @param patience how long an operation waits, in ms */
  constructor(private readonly patience: () => number) {}

  /** Runs a task at once if it can; it has to leave nothing behind when it fails. */
  run<T>(attempt: () => T, mayPass: boolean): Awaitable<T> {
    if (this.waiting.size === 0 || mayPass) {
      try {
        return attempt();
      } catch (error) {
        if (!isLocked(error)) throw error;
      }
    }
    return this.wait(attempt);
  }

  /** Fails all who wait. */
  close(): void {
    clearTimeout(this.next);
    for (const one of this.waiting) this.leave(one).reject(new Error('the store was closed'));
  }

  private wait<T>(attempt: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const patience = this.patience();
      const deadline = setTimeout(() => {
        this.leave(one).reject(
          new Error(`the database has been locked by another connection for ${String(patience)} ms`),
        );
      }, patience);
      const one: Waiting = { attempt, resolve, reject, deadline };
      this.waiting.add(one);
      if (this.waiting.size === 1) this.later();
    });
  }

  private later(): void {
    this.next = setTimeout(this.takeTurns, this.delay + randomInt(this.delay + 1));
    this.delay = Math.min(LONGEST_DELAY, this.delay * 2);
  }

  private readonly takeTurns = (): void => {
    const end = performance.now() + SLICE;
    for (const one of this.waiting) {
      try {
        one.resolve(one.attempt() as never);
      } catch (error) {
        if (isLocked(error)) {
          this.later();
          return;
        }
        one.reject(error);
      }
      this.leave(one);
      this.delay = FIRST_DELAY;
      if (performance.now() < end || this.waiting.size === 0) continue;
      this.next = setTimeout(this.takeTurns, 0);
      return;
    }
  };

  private leave(one: Waiting): Waiting {
    clearTimeout(one.deadline);
    this.waiting.delete(one);
    if (this.waiting.size === 0) {
      clearTimeout(this.next);
      this.delay = FIRST_DELAY;
    }
    return one;
  }
}
