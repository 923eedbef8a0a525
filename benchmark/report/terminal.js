import { PLATFORM_NAMES } from '../contenders.js';
import { columns } from './format.js';
import { coresText } from './sentences.js';
import { peerRows } from './peers.js';
import { sizeRows } from './sizes.js';
import { resultRows, verdictRows } from './tables.js';

/** Prints the results. */
export function showResults(suite, { environment, options, lines, verdicts, sizes }) {
  const { cpu, cores, node, loadBefore } = environment;
  const { rounds, requests, connections } = options;
  console.log(`\n${suite.title}: ${cpu}, ${cores} cores, Node ${node}; load before the run ${loadBefore}`);
  console.log(
    `${rounds} rounds, slices of ${requests} requests on ${connections} connections; ${coresText(environment, options)}\n`,
  );
  for (const { label, platform, settings } of suite.contenders) {
    console.log(`${label}, ${PLATFORM_NAMES[platform]}: ${settings}`);
  }
  console.log(`\nCPU time of the server: medians (quartiles)\n\n${columns(resultRows(suite, lines)).join('\n')}`);
  if (sizes.length > 0) {
    console.log(`\nBytes of a session in Redis (key and value alone)\n\n${columns(sizeRows(suite, sizes)).join('\n')}`);
  }
  if (suite.targets.length === 0) {
    console.log(`\nOurs of theirs, medians\n\n${columns(peerRows(suite, lines)).join('\n')}`);
  } else {
    console.log(`\nTargets: CPU time above bare Nest\n\n${columns(verdictRows(suite, verdicts)).join('\n')}`);
  }
}
