import { Bench } from './bench.js';
import { measure } from './measure.js';
import { environment } from './report/environment.js';
import { writeResults } from './report/files.js';
import { Progress } from './report/progress.js';
import { showResults } from './report/terminal.js';
import { summarise } from './summary.js';
import { TARGETS } from './targets.js';
import { judge } from './verdicts.js';

/** Measures all contenders, prints what came out and writes it down. */
export async function compare(options) {
  const bench = new Bench(options);
  const progress = new Progress();
  const machine = { ...environment(), pinned: bench.isPinned };
  try {
    const samples = await measure(bench, options, (...at) => progress.show(...at));
    progress.end();
    const lines = summarise(samples);
    const results = { environment: machine, options, verdicts: judge(lines, TARGETS), lines, samples };
    showResults(results);
    if (options.quick) console.log('\nA quick run only shows that everything works; it writes no results.');
    else await writeResults(results);
  } finally {
    bench.stop();
  }
}
