import { backendOf } from '../backends.js';
import { Bench } from '../bench.js';
import { showCrowd } from '../report/crowd.js';
import { environment } from '../report/environment.js';
import { writeResults } from '../report/files.js';
import { Progress } from '../report/progress.js';
import { measureCrowd } from './measure.js';
import { judgeCrowd, summariseCrowd } from './summary.js';

const FULL = { rounds: 7, requests: 4_096, warmUp: 12_800 };
const QUICK = { rounds: 2, requests: 512, warmUp: 640 };

/** Measures all contenders with ever more clients and ever larger sessions, prints what came out and writes it down. */
export async function run(suite, { quick, apart, given }) {
  const options = { ...(quick ? QUICK : FULL), ...given, apart };
  const bench = new Bench(options);
  const progress = new Progress();
  const machine = { ...environment(suite), pinned: bench.isPinned };
  try {
    const { samples, backendVersion } = await measureCrowd(bench, suite, options, (...at) => progress.show(...at));
    progress.end();
    machine.versions[backendOf(suite).server] = backendVersion;
    const lines = summariseCrowd(suite, samples);
    const results = { environment: machine, options, verdicts: judgeCrowd(suite, lines), lines, samples };
    showCrowd(suite, results);
    if (quick) console.log('\nA quick run only shows that everything works; it writes no results.');
    else await writeResults(suite, results);
  } finally {
    bench.stop();
  }
}
