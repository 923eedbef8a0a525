import { PLATFORMS } from '../contenders.js';
import { CASES, CROWD_WORKLOADS, isFor } from './cases.js';

/**
 * @typedef {object} CrowdSample what a slice took; see `Bench.slice`
 * @property {number} round
 * @property {string} name of the case
 * @property {string} contender
 * @property {string} workload
 * @property {number} cpu
 * @property {number} perSecond
 * @property {number} p50
 * @property {number} p99
 *
 * @param {import('../bench.js').Bench} bench
 * @param {import('../suites.js').Suite} suite
 * @param {{ rounds: number, requests: number, warmUp: number }} options
 * @param {(done: number, of: number, what: string) => void} progress
 * @returns {Promise<{ samples: CrowdSample[], backendVersion: string }>}
 */
export async function measureCrowd(bench, { contenders }, options, progress) {
  const servers = [];
  for (const [index, contender] of contenders.entries()) {
    progress(index, contenders.length, `starting and warming up ${contender.name}`);
    servers.push(await warm(bench, contender, options));
  }
  const samples = [];
  for (let round = 0; round < options.rounds; round++) {
    for (const one of CASES) {
      for (const platform of PLATFORMS) {
        progress(round, options.rounds, `${platform}: ${one.connections} connections, ${one.size} bytes`);
        const here = servers.filter(({ contender }) => contender.platform === platform && isFor(contender, one));
        for (const workload of CROWD_WORKLOADS) {
          // Interleaved, so that whatever else the machine does meets all contenders alike.
          for (const [index] of here.entries()) {
            const { contender, crowds } = here[(index + round) % here.length];
            const requests = requestsOf(one, options.requests);
            const { cpu, perSecond, p50, p99 } = await bench.slice(crowds.get(one), workload, requests);
            const taken = { cpu, perSecond, p50, p99 };
            samples.push({ round, name: one.name, contender: contender.name, workload: workload.name, ...taken });
          }
        }
      }
    }
  }
  const stored = contenders.find(({ backend }) => backend !== undefined);
  return { samples, backendVersion: await bench.backendOf(stored).ask('version') };
}

/** A server with the sessions of all cases, side by side; each case has met its code before it is measured. */
async function warm(bench, contender, { warmUp }) {
  const server = await bench.start(contender);
  const crowds = new Map();
  for (const one of CASES.filter((some) => isFor(contender, some))) {
    const crowd = { ...server };
    await bench.fill(crowd, one);
    for (const workload of CROWD_WORKLOADS) await bench.slice(crowd, workload, requestsOf(one, warmUp / CASES.length));
    crowds.set(one, crowd);
  }
  return { contender, crowds };
}

/** Each connection sends as many. */
const requestsOf = ({ connections, share = 1 }, requests) => Math.ceil((requests * share) / connections) * connections;
