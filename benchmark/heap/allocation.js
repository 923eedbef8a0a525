import assert from 'node:assert/strict';
import { PLATFORMS } from '../contenders.js';
import { MEMORY_CONTENDERS } from '../contenders/memory.js';
import { spreadOf } from '../statistics.js';
import { checkSessions } from '../verify.js';
import { workloadNamed } from '../workloads.js';

/** MB in which everything that a slice makes has room: nothing is collected meanwhile, so what the heap grew by was made. */
const ROOM = 512;
const FLAGS = ['--expose-gc', `--min-semi-space-size=${ROOM}`, `--max-semi-space-size=${ROOM}`];

/** How much of a slice comes before it, unmeasured. */
const LEAD = 0.1;

export const ALLOCATING = ['read', 'write'].map(workloadNamed);

/**
 * @typedef {object} Allocation
 * @property {string} contender
 * @property {string} workload
 * @property {number} bytes median of what a request makes on the heap
 * @property {import('../statistics.js').Spread} above the same above bare Nest in the same round
 *
 * What requests make on the heap, garbage or not.
 *
 * @param {import('../bench.js').Bench} bench
 * @returns {Promise<Allocation[]>}
 */
export async function allocations(bench, { rounds, requests, warmUp, connections }, progress) {
  const found = [];
  for (const platform of PLATFORMS) {
    const contenders = MEMORY_CONTENDERS.filter((contender) => contender.platform === platform);
    const servers = [];
    for (const contender of contenders) {
      progress(`${contender.name}: warming up`);
      const server = await bench.start({ ...contender, flags: FLAGS });
      await bench.fill(server);
      for (const workload of ALLOCATING) await bench.slice(server, workload, warmUp);
      servers.push(server);
    }
    for (const workload of ALLOCATING) {
      progress(`${platform}: ${workload.label}`);
      const taken = new Map(servers.map((server) => [server, []]));
      for (let round = 0; round < rounds; round++) {
        for (const server of servers) {
          taken.get(server).push(await bytesOf(bench, server, workload, requests, connections));
        }
      }
      const base = taken.get(servers.find(({ contender }) => contender.role === 'bare'));
      for (const [{ contender }, bytes] of taken) {
        const above = spreadOf(bytes.map((value, round) => value - base[round]));
        found.push({ contender: contender.name, workload: workload.name, bytes: spreadOf(bytes).median, above });
      }
    }
    for (const { helper } of servers) helper.stop();
  }
  return found;
}

/** For one request. */
async function bytesOf({ client }, server, workload, requests, connections) {
  const { contender, helper, port, sessions } = server;
  const lead = Math.ceil((requests * LEAD) / connections) * connections;
  await client.ask('open', { port, workload, sessions, warmUp: lead });
  await helper.ask('collect');
  await helper.ask('watchPauses');
  const before = await helper.ask('heapUsed');
  await client.ask('run', requests);
  const after = await helper.ask('heapUsed');
  const { collections } = await helper.ask('watchedPauses');
  const counts = await client.ask('close');
  counts.forEach((count, index) => (sessions[index].count = count));
  if (workload.name === 'write') server.writes += (lead + requests) / connections;
  await checkSessions(client, server);
  assert.equal(collections, 0, `${contender.name} had garbage collected within a slice of ${requests} requests`);
  return (after - before) / requests;
}
