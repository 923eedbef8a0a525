import { environment } from '../report/environment.js';
import { writeResults } from '../report/files.js';
import { Progress } from '../report/progress.js';
import { showFlood } from '../report/unknown.js';
import { summarise } from '../summary.js';
import { FloodBench } from './flood-bench.js';
import { measureFlood } from './measure.js';

const FULL = { flood: 100_000 };
const QUICK = { flood: 10_000 };

/** Floods all contenders of a part with unknown tokens, prints what that takes and writes it down. */
export async function run(suite, { given: _, ...all }) {
  const options = { ...all, ...(all.quick ? QUICK : FULL) };
  const bench = new FloodBench(options);
  const progress = new Progress();
  const machine = { ...environment(suite), pinned: bench.isPinned };
  try {
    const { samples, left } = await measureFlood(bench, suite, options, (...at) => progress.show(...at));
    progress.end();
    const results = { environment: machine, options, lines: summarise(suite, samples, {}), left, samples };
    showFlood(suite, results);
    if (options.quick) console.log('\nA quick run only shows that everything works; it writes no results.');
    else await writeResults(suite, results);
  } finally {
    bench.stop();
  }
}
