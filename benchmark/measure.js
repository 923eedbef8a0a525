import { commandsOf } from './commands.js';
import { hasSessions, PLATFORMS, takes } from './contenders.js';
import { sizesOf } from './sizes.js';
import { WORKLOADS } from './workloads.js';

/**
 * @typedef {object} Sample what a slice took; see `Bench.slice`
 * @property {number} round
 * @property {string} contender
 * @property {string} workload
 * @property {number} cpu
 * @property {number} perSecond
 * @property {number} tokens
 * @property {number} p50
 * @property {number} p99
 * @property {number} [redisCpu]
 *
 * @typedef {object} Measured
 * @property {Sample[]} samples
 * @property {import('./sizes.js').Size[]} sizes
 * @property {Record<string, Record<string, Record<string, number>>>} commands for a request, by contender, workload
 *   and command
 * @property {string} [redisVersion]
 *
 * @param {import('./bench.js').Bench} bench
 * @param {import('./suites.js').Suite} suite
 * @param {{ rounds: number, requests: number, warmUp: number }} options
 * @param {(done: number, of: number, what: string) => void} progress
 * @returns {Promise<Measured>}
 */
export async function measure(bench, { contenders }, options, progress) {
  const servers = [];
  const sizes = [];
  const commands = {};
  for (const [index, contender] of contenders.entries()) {
    progress(index, contenders.length, `starting and warming up ${contender.name}`);
    const server = await bench.start(contender);
    if (contender.redis && hasSessions(contender)) sizes.push(...(await sizesOf(bench, server)));
    await bench.fill(server);
    if (contender.redis) commands[contender.name] = await commandsOf(bench, server);
    for (const workload of workloadsOf(contender)) await bench.slice(server, workload, options.warmUp);
    servers.push(server);
  }
  const samples = [];
  for (let round = 0; round < options.rounds; round++) {
    for (const platform of PLATFORMS) {
      const here = servers.filter(({ contender }) => contender.platform === platform);
      for (const workload of WORKLOADS) {
        progress(round, options.rounds, `${platform}: ${workload.label}`);
        const ready = here.filter(({ contender }) => takes(contender, workload));
        // Interleaved, so that whatever else the machine does meets all contenders alike.
        for (const server of rotated(ready, round)) {
          const taken = await bench.slice(server, workload, options.requests);
          samples.push({ round, contender: server.contender.name, workload: workload.name, ...taken });
        }
      }
    }
  }
  return { samples, sizes, commands, redisVersion: await bench.redis?.ask('version') };
}

const workloadsOf = (contender) => WORKLOADS.filter((workload) => takes(contender, workload));

const rotated = (list, by) => list.map((_, index) => list[(index + by) % list.length]);
