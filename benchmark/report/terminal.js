import { backendOf } from '../backends.js';
import { showCpuTimes } from './cpu-times.js';
import { columns } from './format.js';
import { peerRows } from './peers.js';
import { sizeRows } from './sizes.js';
import { verdictRows } from './tables.js';

/** Prints the results. */
export function showResults(suite, results) {
  const { lines, verdicts, sizes } = results;
  showCpuTimes(suite, results);
  if (sizes.length > 0) {
    console.log(`\nBytes of a session in Redis (key and value alone)\n\n${columns(sizeRows(suite, sizes)).join('\n')}`);
  }
  if (backendOf(suite) !== undefined) {
    console.log(`\nOurs of theirs, medians\n\n${columns(peerRows(suite, lines)).join('\n')}`);
  }
  if (verdicts.length > 0) {
    console.log(`\nTargets: CPU time above bare Nest\n\n${columns(verdictRows(suite, verdicts)).join('\n')}`);
  }
}
