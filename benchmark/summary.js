import { PLATFORMS, takes } from './contenders.js';
import { spreadOf } from './statistics.js';
import { contendersOn, inRole } from './suites.js';
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
 * @property {import('./statistics.js').Spread} p50 ms in which half of a slice's answers came
 * @property {import('./statistics.js').Spread} p99
 * @property {number} tokens share of answers that carried a token
 * @property {import('./statistics.js').Spread} [backendCpu] µs of the backend for a request
 * @property {Record<string, number>} [commands] that it sends to its backend for a request
 *
 * @param {import('./suites.js').Suite} suite
 * @param {import('./measure.js').Sample[]} samples
 * @param {import('./measure.js').Measured['commands']} commands
 * @returns {Line[]}
 */
export function summarise(suite, samples, commands) {
  const of = (contender, workload) =>
    samples.filter((sample) => sample.contender === contender.name && sample.workload === workload.name);
  return PLATFORMS.flatMap((platform) => {
    const bare = inRole(suite, platform, 'bare');
    return WORKLOADS.flatMap((workload) => {
      const base = of(bare, workload);
      const contenders = contendersOn(suite, platform).filter((contender) => takes(contender, workload));
      return contenders.map((contender) => {
        const taken = of(contender, workload);
        const spread = (value) => spreadOf(taken.map(value));
        return {
          platform,
          workload: workload.name,
          contender: contender.name,
          role: contender.role,
          cpu: spread(({ cpu }) => cpu),
          above: spread(({ cpu }, round) => cpu - base[round].cpu),
          perSecond: spread(({ perSecond }) => perSecond).median,
          p50: spread(({ p50 }) => p50),
          p99: spread(({ p99 }) => p99),
          tokens: spread(({ tokens }) => tokens).median,
          ...(contender.backend
            ? { backendCpu: spread(({ backendCpu }) => backendCpu), commands: commands[contender.name][workload.name] }
            : {}),
        };
      });
    });
  });
}

/** The line of the one contender in this role. */
export const lineOf = (lines, platform, workload, role) =>
  lines.find((line) => line.platform === platform && line.workload === workload && line.role === role);
