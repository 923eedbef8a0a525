import { backendOf } from './backends.js';
import { Bench } from './bench.js';
import { measure } from './measure.js';
import { environment } from './report/environment.js';
import { writeResults } from './report/files.js';
import { Progress } from './report/progress.js';
import { showResults } from './report/terminal.js';
import { summarise } from './summary.js';
import { judge } from './verdicts.js';

/** Measures all contenders of a part, prints what came out and writes it down. */
export async function run(suite, { given: _, ...all }) {
  const options = { ...all, warmUp: Math.min(all.warmUp, suite.warmUp ?? Infinity) };
  const bench = new Bench(options);
  const progress = new Progress();
  const machine = { ...environment(suite), pinned: bench.isPinned };
  try {
    const { samples, sizes, commands, backendVersion } = await measure(bench, suite, options, (...at) =>
      progress.show(...at),
    );
    progress.end();
    if (backendVersion !== undefined) machine.versions[backendOf(suite).server] = backendVersion;
    const lines = summarise(suite, samples, commands);
    const results = { environment: machine, options, verdicts: judge(lines, suite.targets), lines, sizes, samples };
    showResults(suite, results);
    if (options.quick) console.log('\nA quick run only shows that everything works; it writes no results.');
    else await writeResults(suite, results);
  } finally {
    bench.stop();
  }
}
