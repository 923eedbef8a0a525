import { PLATFORM_NAMES } from '../contenders.js';
import { workloadNamed } from '../workloads.js';
import { showCpuTimes } from './cpu-times.js';
import { columns, whole } from './format.js';

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
  const { flood } = results.options;
  showCpuTimes(suite, results);
  console.log(`\nAfter ${whole(flood)} requests\n\n${columns(leftRows(suite, results)).join('\n')}`);
}
