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
 * @property {number} [backendCpu]
 *
 * @typedef {object} Measured
 * @property {Sample[]} samples
 * @property {import('./sizes.js').Size[]} sizes
 * @property {Record<string, Record<string, Record<string, number>>>} commands for a request, by contender, workload
 *   and command
 * @property {string} [backendVersion]
 *
 * @param {import('./bench.js').Bench} bench
 * @param {import('./suites.js').Suite} suite
 * @param {{ rounds: number, requests: number, warmUp: number }} options
 * @param {(done: number, of: number, what: string) => void} progress
 * @returns {Promise<Measured>}
 */
export async function measure(bench, { contenders, hasSizes }, options, progress) {
  const servers = [];
  const sizes = [];
  const commands = {};
  for (const [index, contender] of contenders.entries()) {
    progress(index, contenders.length, `starting and warming up ${contender.name}`);
    const server = await bench.start(contender);
    if (hasSizes && contender.backend && hasSessions(contender)) sizes.push(...(await sizesOf(bench, server)));
    await bench.fill(server);
    if (contender.backend) commands[contender.name] = await commandsOf(bench, server);
    for (const workload of workloadsOf(contender))
      await bench.slice(server, workload, requestsOf(contender, workload, options.warmUp, options));
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
          const requests = requestsOf(server.contender, workload, options.requests, options);
          const taken = await bench.slice(server, workload, requests);
          samples.push({ round, contender: server.contender.name, workload: workload.name, ...taken });
        }
      }
    }
  }
  const stored = contenders.find(({ backend }) => backend !== undefined);
  return { samples, sizes, commands, backendVersion: stored && (await bench.backendOf(stored).ask('version')) };
}

const workloadsOf = (contender) => WORKLOADS.filter((workload) => takes(contender, workload));

/** Each connection sends as many. */
const requestsOf = ({ writes = 1 }, { name }, requests, { connections }) =>
  name === 'write' ? Math.ceil((requests * writes) / connections) * connections : requests;

const rotated = (list, by) => list.map((_, index) => list[(index + by) % list.length]);
