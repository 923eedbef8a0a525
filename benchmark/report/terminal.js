import { CONTENDERS, PLATFORM_NAMES } from '../contenders.js';
import { columns } from './format.js';
import { coresText } from './sentences.js';
import { resultRows, verdictRows } from './tables.js';

/** Prints the results. */
export function showResults({ environment, options, lines, verdicts }) {
  const { cpu, cores, node, loadBefore } = environment;
  const { rounds, requests, connections } = options;
  console.log(`\n${cpu}, ${cores} cores, Node ${node}; load before the run ${loadBefore}`);
  console.log(
    `${rounds} rounds, slices of ${requests} requests on ${connections} connections; ${coresText(environment, options)}\n`,
  );
  for (const { label, platform, settings } of CONTENDERS) {
    console.log(`${label}, ${PLATFORM_NAMES[platform]}: ${settings}`);
  }
  console.log(`\nCPU time of the server: medians (quartiles)\n\n${columns(resultRows(lines)).join('\n')}`);
  console.log(`\nTargets: CPU time above bare Nest\n\n${columns(verdictRows(verdicts)).join('\n')}`);
}
