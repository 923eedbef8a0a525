import { spreadOf } from '../statistics.js';
import { inRole } from '../suites.js';
import { CASES, CROWD_WORKLOADS, isFor, JUDGED } from './cases.js';

/** Whose p99 is compared: ours with each of the others that have the same store. */
const OURS = ['ours', 'near'];
const THEIRS = ['peer', 'variant'];

/**
 * @typedef {object} CrowdLine one contender in one case with one workload
 * @property {string} name of the case
 * @property {string} contender
 * @property {string} workload
 * @property {import('../statistics.js').Spread} above µs of the server's CPU time for a request above bare Nest in the
 *   same round
 * @property {number} perSecond median of requests per second
 * @property {import('../statistics.js').Spread} p50 ms
 * @property {import('../statistics.js').Spread} p99 ms
 *
 * @param {import('../suites.js').Suite} suite
 * @param {import('./measure.js').CrowdSample[]} samples
 * @returns {CrowdLine[]}
 */
export function summariseCrowd(suite, samples) {
  const of = (one, workload, contender) =>
    samples.filter(
      (sample) => sample.name === one.name && sample.workload === workload.name && sample.contender === contender.name,
    );
  return CASES.flatMap((one) =>
    CROWD_WORKLOADS.flatMap((workload) =>
      suite.contenders
        .filter((contender) => isFor(contender, one))
        .map((contender) => {
          const taken = of(one, workload, contender);
          const base = of(one, workload, inRole(suite, contender.platform, 'bare'));
          const spread = (value) => spreadOf(taken.map(value));
          return {
            name: one.name,
            contender: contender.name,
            workload: workload.name,
            above: spread(({ cpu }, round) => cpu - base[round].cpu),
            perSecond: spread(({ perSecond }) => perSecond).median,
            p50: spread(({ p50 }) => p50),
            p99: spread(({ p99 }) => p99),
          };
        }),
    ),
  );
}

/**
 * @typedef {object} CrowdVerdict whether the p99 of ours is at most that of a peer
 * @property {string} contender
 * @property {string} peer
 * @property {string} workload
 * @property {number} ours ms
 * @property {number} theirs ms
 * @property {boolean} met
 * @property {boolean} clear whether both quartiles of ours say so too
 *
 * @param {import('../suites.js').Suite} suite
 * @param {CrowdLine[]} lines
 * @returns {CrowdVerdict[]}
 */
export function judgeCrowd({ contenders }, lines) {
  const p99Of = (contender, workload) =>
    lines.find((line) => line.name === JUDGED && line.contender === contender.name && line.workload === workload.name)
      .p99;
  return contenders
    .filter(({ role }) => OURS.includes(role))
    .flatMap((contender) =>
      CROWD_WORKLOADS.flatMap((workload) =>
        contenders
          .filter((peer) => THEIRS.includes(peer.role) && isBeside(contender, peer))
          .map((peer) => {
            const { median: ours, low, high } = p99Of(contender, workload);
            const theirs = p99Of(peer, workload).median;
            const met = ours <= theirs;
            const clear = met ? high <= theirs : low > theirs;
            return { contender: contender.name, peer: peer.name, workload: workload.name, ours, theirs, met, clear };
          }),
      ),
    );
}

/** Whether two are of one platform, and keep sessions in the same place. */
const isBeside = (one, other) => one.platform === other.platform && one.backend === other.backend;
