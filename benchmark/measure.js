import { commandsOf } from './commands.js';
import { hasSessions, PLATFORMS, takes } from './contenders.js';
import { sizesOf } from './sizes.js';
import { STEADY_WORKLOADS, TURN_WORKLOADS } from './workloads.js';

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
    commands[contender.name] = await warmUp(bench, server, STEADY_WORKLOADS, options);
    servers.push(server);
  }
  const samples = await samplesOf(bench, servers, STEADY_WORKLOADS, options, progress);
  // Only now, so that the workloads before are not measured in processes in which sessions have come and gone.
  for (const [index, server] of servers.entries()) {
    const { name } = server.contender;
    progress(index, servers.length, `warming up ${name} for sessions that come and go`);
    Object.assign(commands[name], await warmUp(bench, server, TURN_WORKLOADS, options));
  }
  samples.push(...(await samplesOf(bench, servers, TURN_WORKLOADS, options, progress)));
  const stored = contenders.find(({ backend }) => backend !== undefined);
  return { samples, sizes, commands, backendVersion: stored && (await bench.backendOf(stored).ask('version')) };
}

/** Gives the commands that were counted before, of a contender with a backend. */
async function warmUp(bench, server, workloads, options) {
  const { contender } = server;
  const commands = contender.backend ? await commandsOf(bench, server, workloads) : {};
  for (const workload of workloads.filter((one) => takes(contender, one)))
    await bench.slice(server, workload, requestsOf(contender, workload, options.warmUp, options));
  return commands;
}

async function samplesOf(bench, servers, workloads, options, progress) {
  const samples = [];
  for (let round = 0; round < options.rounds; round++) {
    for (const platform of PLATFORMS) {
      const here = servers.filter(({ contender }) => contender.platform === platform);
      for (const workload of workloads) {
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
  return samples;
}

/** Each connection sends as many. */
const requestsOf = ({ writes = 1 }, { stores, part = 1 }, requests, { connections }) =>
  stores ? Math.ceil((requests * writes * part) / connections) * connections : requests;

const rotated = (list, by) => list.map((_, index) => list[(index + by) % list.length]);
