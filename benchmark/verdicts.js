import { lineOf } from './summary.js';

/**
 * @typedef {object} Verdict
 * @property {string} platform
 * @property {string} workload
 * @property {string} role of the contender that is judged
 * @property {number} above median of ours, µs above bare Nest
 * @property {number} limit the same as the target allows it
 * @property {number} [part] the target as a part of what the peer adds: 7 means a seventh
 * @property {number} [reached] the part that is reached
 * @property {number} [peer] what the peer adds, µs
 * @property {boolean} met
 * @property {boolean} clear whether both quartiles of ours say so too
 *
 * @param {import('./summary.js').Line[]} lines
 * @param {readonly import('./targets.js').Target[]} targets
 * @returns {Verdict[]}
 */
export function judge(lines, targets) {
  return targets.map(({ platform, workload, role = 'ours', micros, part }) => {
    const { median: above, low, high } = lineOf(lines, platform, workload, role).above;
    const peer = lineOf(lines, platform, workload, 'peer').above.median;
    const limit = micros ?? peer / part;
    const met = above <= limit;
    return {
      platform,
      workload,
      role,
      above,
      limit,
      ...(part === undefined ? {} : { part, reached: peer / above, peer }),
      met,
      clear: met ? high <= limit : low > limit,
    };
  });
}
