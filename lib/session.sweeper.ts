import { randomInt } from 'node:crypto';
import type { StoreAccess } from './stores/store-access.js';

/** Time between sweeps in ms; up to half of it more, so that processes don't sweep in step. */
const SWEEP_INTERVAL = 60_000;

/** How many times as long as a batch takes nothing is swept after it: requests come first. */
const REST = 4;

/** The longest rest after a batch, in ms. */
const LONGEST_REST = 1_000;

/** How many batches one sweep takes at most, should the store never say that it is done. */
const MAX_BATCHES = 100_000;

/** Removes ended sessions from stores that don't expire them by themselves. */
export class Sweeper {
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(private readonly store: StoreAccess) {}

  start(): void {
    if (this.store.store.sweep === undefined) return;
    const delay = SWEEP_INTERVAL * (1 + randomInt(100) / 200);
    this.timer = setInterval(() => {
      // Faults of the store are events already, and the next sweep comes anyway.
      this.sweep(REST).catch(() => undefined);
    }, delay);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
    this.isStopped = true;
  }

  /**
   * All there is to remove, batch by batch; other work runs in between.
   *
   * @param rest how many times as long as a batch took to wait after it
   */
  async sweep(rest = 0): Promise<number> {
    let removed = 0;
    for (let batch = 0; batch < MAX_BATCHES; batch++) {
      const begun = performance.now();
      const result = await this.store.sweep();
      if (result === undefined) return removed;
      removed += result.removed;
      if (result.done || this.isStopped) return removed;
      await pause(Math.min(LONGEST_REST, (performance.now() - begun) * rest));
    }
    return removed;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    if (ms < 1) setImmediate(resolve);
    else setTimeout(resolve, ms).unref();
  });
}
