import { PLATFORM_NAMES } from '../contenders.js';
import { columns } from './format.js';
import { coresText } from './sentences.js';
import { resultRows } from './tables.js';

/** Prints where and how was measured, the contenders, and what their requests cost. */
export function showCpuTimes(suite, { environment, options, lines }) {
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
}
