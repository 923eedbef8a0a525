import { CONTENDERS, PLATFORMS } from './contenders.js';
import { WORKLOADS } from './workloads.js';

/**
 * @typedef {object} Sample what a slice took; see `Bench.slice`
 * @property {number} round
 * @property {string} contender
 * @property {string} workload
 * @property {number} cpu
 * @property {number} perSecond
 * @property {number} tokens
 *
 * @param {import('./bench.js').Bench} bench
 * @param {{ rounds: number, requests: number, warmUp: number }} options
 * @param {(done: number, of: number, what: string) => void} progress
 * @returns {Promise<Sample[]>}
 */
export async function measure(bench, options, progress) {
  const servers = [];
  for (const [index, contender] of CONTENDERS.entries()) {
    progress(index, CONTENDERS.length, `starting and warming up ${contender.name}`);
    const server = await bench.start(contender);
    for (const workload of WORKLOADS) await bench.slice(server, workload, options.warmUp);
    servers.push(server);
  }
  const samples = [];
  for (let round = 0; round < options.rounds; round++) {
    for (const platform of PLATFORMS) {
      const here = servers.filter(({ contender }) => contender.platform === platform);
      for (const workload of WORKLOADS) {
        progress(round, options.rounds, `${platform}: ${workload.label}`);
        // Interleaved, so that whatever else the machine does meets all contenders alike.
        for (const server of rotated(here, round)) {
          const taken = await bench.slice(server, workload, options.requests);
          samples.push({ round, contender: server.contender.name, workload: workload.name, ...taken });
        }
      }
    }
  }
  return samples;
}

const rotated = (list, by) => list.map((_, index) => list[(index + by) % list.length]);
