import { coresText } from './sentences.js';
import { millis } from './format.js';

/** What a part was run on. */
export function machineText(environment, options) {
  const { date, cpu, cores, memoryGiB, system, node, loadBefore, syncMs, versions } = environment;
  return [
    `${date}; ${cpu}, ${cores} cores, ${memoryGiB} GiB; ${system}; Node ${node}; load before the run ${loadBefore}`,
    coresText(environment, options),
    ...(syncMs === undefined ? [] : [`the disk takes ${millis(syncMs)} for a write and fdatasync of 8 KB`]),
    ...Object.entries(versions).map(([name, version]) => `${name} ${version}`),
  ]
    .map((line) => `- ${line}`)
    .join('\n');
}

/** Rows as a table, the first one its heading. */
export function table([heading, ...rows]) {
  return [heading, heading.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
