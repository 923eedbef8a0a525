import { contendersOn, PLATFORMS } from './contenders.js';
import { spreadOf } from './statistics.js';
import { WORKLOADS } from './workloads.js';

/**
 * @typedef {object} Line one contender with one workload
 * @property {string} platform
 * @property {string} workload
 * @property {string} contender
 * @property {string} role
 * @property {import('./statistics.js').Spread} cpu µs for a request
 * @property {import('./statistics.js').Spread} above µs above bare Nest in the same round
 * @property {number} perSecond median of requests per second
 * @property {number} tokens share of answers that carried a token
 *
 * @param {import('./measure.js').Sample[]} samples
 * @returns {Line[]}
 */
export function summarise(samples) {
  const of = (contender, workload) =>
    samples.filter((sample) => sample.contender === contender.name && sample.workload === workload.name);
  return PLATFORMS.flatMap((platform) => {
    const contenders = contendersOn(platform);
    const bare = contenders.find(({ role }) => role === 'bare');
    return WORKLOADS.flatMap((workload) => {
      const base = of(bare, workload);
      return contenders.map((contender) => {
        const taken = of(contender, workload);
        return {
          platform,
          workload: workload.name,
          contender: contender.name,
          role: contender.role,
          cpu: spreadOf(taken.map(({ cpu }) => cpu)),
          above: spreadOf(taken.map(({ cpu }, round) => cpu - base[round].cpu)),
          perSecond: spreadOf(taken.map(({ perSecond }) => perSecond)).median,
          tokens: spreadOf(taken.map(({ tokens }) => tokens)).median,
        };
      });
    });
  });
}

/** The line of the one contender in this role. */
export const lineOf = (lines, platform, workload, role) =>
  lines.find((line) => line.platform === platform && line.workload === workload && line.role === role);
