import { Bench } from '../bench.js';
import { MILLION, STORE_CONTENDERS } from '../contenders/heap.js';
import { environment } from '../report/environment.js';
import { writeResults } from '../report/files.js';
import { showHeap } from '../report/heap.js';
import { Progress } from '../report/progress.js';
import { LARGE_SIZE, SIZE } from '../session-data.js';
import { allocations } from './allocation.js';
import { millionOf } from './million.js';
import { heapOf } from './stores.js';
import { judgeHeap } from './verdicts.js';

const FULL = {
  stores: { sessions: 100_000, first: 1_008 },
  million: {
    sessions: 1_000_000,
    updates: 100_000,
    lists: 1_000,
    ended: 100_000,
    sweeps: 3,
    perSecond: 200,
    quiet: 5_000,
  },
  allocation: { rounds: 7, requests: 2_000, warmUp: 12_000 },
};
const QUICK = {
  stores: { sessions: 4_000, first: 1_008 },
  million: { sessions: 50_000, updates: 20_000, lists: 100, ended: 5_000, sweeps: 1, perSecond: 100, quiet: 500 },
  allocation: { rounds: 2, requests: 800, warmUp: 1_600 },
};

const STEPS = 3;

/** Weighs sessions in memory, and what requests make of it; prints what came out and writes it down. */
export async function run(suite, { quick, connections, given }) {
  const sizes = quick ? QUICK : FULL;
  // A client on the server's core would be seen as pauses of the server.
  const options = { ...sizes, allocation: { ...sizes.allocation, ...given }, apart: true, connections };
  const bench = new Bench(options);
  const progress = new Progress();
  const machine = { ...environment(suite), pinned: bench.isPinned };
  try {
    const stores = [];
    for (const data of [SIZE, LARGE_SIZE]) {
      for (const contender of STORE_CONTENDERS) {
        progress.show(0, STEPS, `${contender.name}: sessions of ${data} bytes`);
        stores.push(await heapOf(bench, contender, data, { ...options.stores, connections }));
      }
    }
    const million = await millionOf(bench, MILLION, { ...options.million, connections }, (what) =>
      progress.show(1, STEPS, `${MILLION.name}: ${what}`),
    );
    const allocated = await allocations(bench, { ...options.allocation, connections }, (what) =>
      progress.show(2, STEPS, what),
    );
    progress.end();
    const measured = { stores, million, allocated };
    const results = { environment: machine, options, verdicts: judgeHeap(suite, measured), ...measured };
    showHeap(suite, results);
    if (quick) console.log('\nA quick run only shows that everything works; it writes no results.');
    else await writeResults(suite, results);
  } finally {
    bench.stop();
  }
}
