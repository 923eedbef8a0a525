import { PLATFORM_NAMES } from '../contenders.js';
import { workloadNamed } from '../workloads.js';
import { columns, whole } from './format.js';
import { coresText } from './sentences.js';
import { resultRows } from './tables.js';

/** What a flood left behind; the heading first. */
export function leftRows({ contenders }, { left }) {
  return [
    ['', 'contender', 'heap grew by', 'sessions more', 'store asked, a request'],
    ...left.map(({ contender, workload, heap, asked, sessions }) => {
      const { platform, label } = contenders.find(({ name }) => name === contender);
      return [
        `${PLATFORM_NAMES[platform]}, ${workloadNamed(workload).label}`,
        label,
        `${whole(heap / 1024)} KiB`,
        sessions === undefined ? '' : whole(sessions),
        asked === undefined ? '' : String(Number(asked.toFixed(2))),
      ];
    }),
  ];
}

/** Prints the results. */
export function showFlood(suite, results) {
  const { environment, options, lines } = results;
  const { cpu, cores, node, loadBefore } = environment;
  const { rounds, requests, connections, flood } = options;
  console.log(`\n${suite.title}: ${cpu}, ${cores} cores, Node ${node}; load before the run ${loadBefore}`);
  console.log(
    `${rounds} rounds, slices of ${requests} requests on ${connections} connections; ${coresText(environment, options)}\n`,
  );
  for (const { label, platform, settings } of suite.contenders) {
    console.log(`${label}, ${PLATFORM_NAMES[platform]}: ${settings}`);
  }
  console.log(`\nCPU time of the server: medians (quartiles)\n\n${columns(resultRows(suite, lines)).join('\n')}`);
  console.log(`\nAfter ${whole(flood)} requests\n\n${columns(leftRows(suite, results)).join('\n')}`);
}
