import { PLATFORM_NAMES, PLATFORMS } from '../contenders.js';
import { CASES, CROWD_WORKLOADS } from '../crowd/cases.js';
import { contendersOn } from '../suites.js';
import { workloadNamed } from '../workloads.js';
import { columns, millis, spread, whole } from './format.js';
import { coresText } from './sentences.js';

/** Each contender of a platform with one workload in all cases; the heading first. */
export function crowdRows(suite, { lines }, platform, workload) {
  return [
    ['', ...CASES.map(caseText)],
    ...contendersOn(suite, platform).map((contender) => [
      placeText(contender),
      ...CASES.map(({ name }) => {
        const line = lines.find(
          (one) => one.name === name && one.contender === contender.name && one.workload === workload.name,
        );
        return line === undefined ? '' : lineText(contender, line);
      }),
    ]),
  ];
}

/** The tables of all platforms and workloads, each with its title. */
export const crowdTables = (suite, results) =>
  PLATFORMS.flatMap((platform) =>
    CROWD_WORKLOADS.map((workload) => ({
      title: `${PLATFORM_NAMES[platform]}, ${workload.label}`,
      rows: crowdRows(suite, results, platform, workload),
    })),
  );

/** Whether the p99 of ours is at most that of each peer; the heading first. */
export function crowdVerdictRows({ contenders }, { verdicts }) {
  const named = (name) => contenders.find((contender) => contender.name === name);
  return [
    ['', 'beside', 'p99', 'verdict'],
    ...verdicts.map(({ contender, peer, workload, ours, theirs, met, clear }) => {
      const { platform } = named(contender);
      const by = millis(Math.abs(theirs - ours));
      return [
        `${PLATFORM_NAMES[platform]}, ${placeText(named(contender))}, ${workloadNamed(workload).label}`,
        named(peer).label,
        `${millis(ours)} of ${millis(theirs)}`,
        `${met ? `met, ${by} to spare` : `MISSED by ${by}`}${clear ? '' : ' (within the spread)'}`,
      ];
    }),
  ];
}

/** Prints the results. */
export function showCrowd(suite, results) {
  const { environment, options } = results;
  const { cpu, cores, node, loadBefore } = environment;
  console.log(`\n${suite.title}: ${cpu}, ${cores} cores, Node ${node}; load before the run ${loadBefore}`);
  console.log(`${options.rounds} rounds, slices of ${options.requests} requests; ${coresText(environment, options)}`);
  for (const { title, rows } of crowdTables(suite, results)) {
    console.log(`\n${title}: µs above bare; requests/s; p50; p99\n\n${columns(rows).join('\n')}`);
  }
  console.log(`\nTarget: p99 with 256 connections\n\n${columns(crowdVerdictRows(suite, results)).join('\n')}`);
}

const caseText = ({ connections, size }) =>
  `${whole(connections)} ${connections === 1 ? 'connection' : 'connections'}, ${whole(size)} bytes`;

/** Two of ours have the same label in parts of their own. */
const placeText = ({ label, role, backend }) => {
  const hasNone = role === 'bare' || role === 'floor';
  return hasNone ? label : `${label}, ${backend === undefined ? 'in memory' : 'Redis'}`;
};

function lineText({ role }, { above, perSecond, p50, p99 }) {
  const cost = role === 'bare' ? '' : `${spread(above)} µs; `;
  return `${cost}${whole(perSecond)}/s; ${millis(p50.median)}; ${millis(p99.median)}`;
}
