import { monitorEventLoopDelay, PerformanceObserver } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';

/** How long it takes at most till what was seen of a garbage collection is told, in ms. */
const TELLING = 20;

let observer;
let delays;
let collections;

/** What can be asked about the heap of any server. */
export const heapAnswers = {
  /** Bytes of the heap in use once all garbage is gone; needs --expose-gc. */
  async collect() {
    for (let times = 0; times < 2; times++) {
      globalThis.gc();
      // Some of what was waiting for the first collection is garbage only now.
      await setTimeout(TELLING);
    }
    return process.memoryUsage().heapUsed;
  },

  /** Bytes of the heap in use, garbage and all. */
  heapUsed: () => process.memoryUsage().heapUsed,

  watchPauses,
  watchedPauses,
};

/** Looks out for pauses from now on. */
export function watchPauses() {
  collections = [];
  observer = new PerformanceObserver((list) => collections.push(...list.getEntries()));
  observer.observe({ entryTypes: ['gc'] });
  delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
}

/**
 * Ends that. The loop's pause is the longest time between two runs of a timer that is due each ms.
 *
 * @returns {Promise<{ loop: number, gc: number, collections: number }>} ms; how often garbage was collected
 */
export async function watchedPauses() {
  delays.disable();
  await setTimeout(TELLING);
  observer.disconnect();
  return {
    loop: delays.max / 1e6,
    gc: Math.max(0, ...collections.map(({ duration }) => duration)),
    collections: collections.length,
  };
}
