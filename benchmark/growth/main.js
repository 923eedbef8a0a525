import { backendOf } from '../backends.js';
import { Bench } from '../bench.js';
import { environment } from '../report/environment.js';
import { writeResults } from '../report/files.js';
import { showGrowth } from '../report/growth.js';
import { Progress } from '../report/progress.js';
import { measureGrowth } from './measure.js';

const FULL = {
  sizes: [10_000, 100_000, 1_000_000],
  rounds: 5,
  requests: 1_008,
  sweep: { ended: 100_000, sweeps: 3, perSecond: 200, quiet: 5_000 },
};
const QUICK = {
  sizes: [1_000, 10_000],
  rounds: 1,
  requests: 160,
  sweep: { ended: 5_000, sweeps: 1, perSecond: 100, quiet: 500 },
};

/** Fills stores with ever more sessions, prints what requests cost then and writes it down. */
export async function run(suite, { quick, apart, connections, given }) {
  // A sweep in the database must not take the time of the server, which in production has another machine.
  const options = { ...(quick ? QUICK : FULL), ...given, apart, backendApart: true, connections };
  const bench = new Bench(options);
  const progress = new Progress();
  const machine = { ...environment(suite), pinned: bench.isPinned };
  try {
    const { version, ...measured } = await measureGrowth(bench, suite, options, (...at) => progress.show(...at));
    progress.end();
    machine.versions[backendOf(suite).server] = version;
    const results = { environment: machine, options, ...measured };
    showGrowth(suite, results);
    if (quick) console.log('\nA quick run only shows that everything works; it writes no results.');
    else await writeResults(suite, results);
  } finally {
    bench.stop();
  }
}
