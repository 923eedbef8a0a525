import { BACKENDS } from '../backends.js';
import { Bench } from '../bench.js';
import { environment } from '../report/environment.js';
import { writeResults } from '../report/files.js';
import { showRaces } from '../report/parallel.js';
import { Progress } from '../report/progress.js';
import { measureRaces } from './measure.js';

const FULL = { rounds: 50 };
const QUICK = { rounds: 5 };

/** Lets requests of one session meet, prints what is left of it and writes it down. */
export async function run(suite, { quick, apart, connections, given }) {
  const { rounds } = { ...(quick ? QUICK : FULL), ...given };
  const bench = new Bench({ apart, connections });
  const progress = new Progress();
  const machine = environment(suite);
  try {
    const { races, backendVersions } = await measureRaces(bench, suite, { rounds }, (...at) => progress.show(...at));
    progress.end();
    for (const [backend, version] of Object.entries(backendVersions)) {
      machine.versions[BACKENDS[backend].server] = version;
    }
    const results = { environment: machine, options: { rounds }, races };
    showRaces(suite, results);
    if (quick) console.log('\nA quick run only shows that everything works; it writes no results.');
    else await writeResults(suite, results);
  } finally {
    bench.stop();
  }
}
