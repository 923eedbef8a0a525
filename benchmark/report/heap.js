import { PLATFORM_NAMES } from '../contenders.js';
import { LONGEST_PAUSE, PART } from '../heap/verdicts.js';
import { workloadNamed } from '../workloads.js';
import { columns, millis, percent, spread, whole } from './format.js';
import { coresText } from './sentences.js';

/** What the targets say of it; the heading first. */
export function heapVerdictRows(suite, { verdicts }) {
  return [
    ['', 'target', 'measured', 'verdict'],
    ...verdicts.map((verdict) => (verdict.peer === undefined ? pauseRow(verdict) : heapRow(suite, verdict))),
  ];
}

function heapRow(suite, { peer, data, found, theirs, met }) {
  const target = `at most ${percent(PART)} of ${named(suite, peer).label}`;
  const verdict = met ? 'met' : `MISSED by ${bytes(found - theirs * PART)}`;
  const measured = `${bytes(found)} of ${bytes(theirs)}, ${percent(found / theirs)}`;
  return [`heap of a session of ${bytes(data)}`, target, measured, verdict];
}

function pauseRow({ pause, found, met }) {
  const verdict = met ? 'met' : `MISSED by ${millis(found - LONGEST_PAUSE)}`;
  return [`longest pause: ${pause}`, `at most ${LONGEST_PAUSE} ms`, millis(found), verdict];
}

/** What a session takes in each store; the heading first. */
export function storeRows(suite, { stores }) {
  const sizes = [...new Set(stores.map(({ data }) => data))];
  const names = [...new Set(stores.map(({ contender }) => contender))];
  return [
    ['', ...sizes.map((size) => `data of ${bytes(size)}`)],
    ...names.map((name) => [
      named(suite, name).label,
      ...sizes.map((size) => bytes(stores.find(({ contender, data }) => contender === name && data === size).bytes)),
    ]),
  ];
}

/** What a store with a million does; the heading first. */
export function millionRows({ million, options }) {
  const { sessions, fill, update, list, sweep, pauses } = million;
  const requests = ({ p50, p99, max }) => `p50 ${millis(p50)}, p99 ${millis(p99)}, longest ${millis(max)}`;
  return [
    ['', `${whole(sessions)} sessions`],
    ['heap of a session, with its place in the index of users', bytes(million.bytes)],
    ['filling', `${whole(fill.ms)} ms, the longest one ${millis(fill.longest)}`],
    [`${whole(update.times)} updates`, `${whole(update.ms)} ms, the longest one ${millis(update.longest)}`],
    ['listing the sessions of a user', `${millis(list.median)}, longest ${millis(list.longest)}`],
    ['sweeping', `${whole(sweep.perSecond)} removed/s`],
    ['longest pause of the event loop during sweeps', pauseText(pauses.during)],
    ['the same without a sweep', pauseText(pauses.without)],
    [`${options.million.perSecond} requests/s during sweeps`, requests(sweep.during)],
    ['the same without a sweep', requests(sweep.without)],
  ];
}

/** What requests make on the heap; the heading first. */
export function allocationRows(suite, { allocated }) {
  return [
    ['', 'contender', 'bytes a request', 'bytes above bare'],
    ...allocated.map(({ contender, workload, bytes: all, above }) => {
      const { platform, label, role } = named(suite, contender);
      const place = `${PLATFORM_NAMES[platform]}, ${workloadNamed(workload).label}`;
      return [place, label, whole(all), role === 'bare' ? '' : spread(above, whole)];
    }),
  ];
}

/** Prints the results. */
export function showHeap(suite, results) {
  const { environment, options } = results;
  const { cpu, cores, node, loadBefore } = environment;
  console.log(`\n${suite.title}: ${cpu}, ${cores} cores, Node ${node}; load before the run ${loadBefore}`);
  console.log(coresText(environment, options));
  for (const [title, rows] of [
    [`Heap of a session, over ${whole(options.stores.sessions)} sessions`, storeRows(suite, results)],
    ['MemoryStore, full', millionRows(results)],
    ['Made on the heap by a request: medians (quartiles)', allocationRows(suite, results)],
    ['Targets', heapVerdictRows(suite, results)],
  ]) {
    console.log(`\n${title}\n\n${columns(rows).join('\n')}`);
  }
}

const pauseText = ({ loop, gc, collections }) =>
  `${millis(loop)}; longest garbage collection ${millis(gc)} of ${whole(collections)}`;

const bytes = (value) => `${whole(value)} bytes`;

const named = ({ contenders }, name) => contenders.find((contender) => contender.name === name);
