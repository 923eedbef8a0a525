import { takes } from '../contenders.js';
import { GROWTH_WORKLOADS } from '../growth/workloads.js';
import { columns, micros, millis, percent, whole } from './format.js';
import { coresText } from './sentences.js';

/** Requests for sessions picked at random, with ever more of them; the heading first. */
export function requestRows({ contenders }, { grown }) {
  const sizes = [...new Set(grown.map(({ sessions }) => sessions))];
  const of = ({ name }, sessions) => grown.find((one) => one.contender === name && one.sessions === sessions);
  return [
    ['', '', ...sizes.map((sessions) => `${whole(sessions)} sessions`), 'growth'],
    ...GROWTH_WORKLOADS.flatMap((workload) =>
      contenders
        .filter((contender) => takes(contender, workload))
        .map((contender) => {
          const found = sizes.map((sessions) => of(contender, sessions).workloads[workload.name]);
          return [workload.label, contender.label, ...found.map(requestText), growthText(found)];
        }),
    ),
    ...contenders
      .filter((contender) => of(contender, sizes[0]).count !== undefined)
      .map((contender) => {
        const times = sizes.map((sessions) => of(contender, sessions).count);
        const last = `${whole((sizes.at(-1) / times.at(-1)) * 1e3)} sessions/s`;
        return ['count', contender.label, ...times.map((ms) => `${millis(ms)} in all`), last];
      }),
  ];
}

/** What stores take, and how their updates go; the heading first. */
export function storageRows({ contenders }, { grown }) {
  const label = (name) => contenders.find((contender) => contender.name === name).label;
  const each = (bytes, sessions) => `${whole(bytes / sessions)} bytes`;
  return [
    [
      '',
      'sessions',
      'a session',
      'its part of the indexes',
      'in the index of users',
      'HOT updates',
      'grew by the requests',
    ],
    ...grown.map(({ contender, sessions, size, after, users, hot }) => [
      label(contender),
      whole(sessions),
      each(size.heap, sessions),
      size.indexes === 0 ? '' : each(size.indexes, sessions),
      users === undefined ? '' : each(users.heap + users.indexes, sessions),
      hot === undefined ? '' : percent(hot),
      hot === undefined ? '' : percent((after.heap + after.indexes) / (size.heap + size.indexes) - 1),
    ]),
  ];
}

/** Sweeps under load; the heading first. */
export function sweepRows({ contenders }, { sweeps }) {
  const text = ({ p50, p99, max }) => `${millis(p50)}, ${millis(p99)}, ${millis(max)}`;
  return [
    ['', 'rows/s swept', 'p50, p99, longest without a sweep', 'during sweeps', 'requests during sweeps'],
    ...sweeps.map(({ contender, perSecond, without, during }) => [
      contenders.find(({ name }) => name === contender).label,
      whole(perSecond),
      text(without),
      text(during),
      whole(during.requests),
    ]),
  ];
}

/** Prints the results. */
export function showGrowth(suite, results) {
  const { cpu, cores, node, loadBefore } = results.environment;
  console.log(`\n${suite.title}: ${cpu}, ${cores} cores, Node ${node}; load before the run ${loadBefore}`);
  console.log(coresText(results.environment, results.options));
  for (const { label, settings } of suite.contenders) console.log(`${label}: ${settings}`);
  for (const [title, rows] of [
    ["Requests: µs of the server's CPU (+ of PostgreSQL's), p50, p99", requestRows(suite, results)],
    ['Storage', storageRows(suite, results)],
    ['Sweeps', sweepRows(suite, results)],
  ]) {
    console.log(`\n${title}\n\n${columns(rows).join('\n')}`);
  }
}

function requestText({ cpu, backendCpu, p50, p99 }) {
  const backend = backendCpu === undefined ? '' : ` + ${micros(backendCpu)}`;
  return `${micros(cpu)}${backend}, ${millis(p50)}, ${millis(p99)}`;
}

/** The last as a part of the first. */
function growthText(found) {
  const [first, last] = [found[0], found.at(-1)];
  const cpuOf = ({ cpu, backendCpu = 0 }) => cpu + backendCpu;
  return `CPU × ${(cpuOf(last) / cpuOf(first)).toFixed(2)}, p50 × ${(last.p50 / first.p50).toFixed(2)}`;
}
