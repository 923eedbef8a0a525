import { takes } from '../contenders.js';
import { spreadOf } from '../statistics.js';
import { roamingSlice } from './slices.js';
import { sweepsOf } from './sweeps.js';
import { GROWTH_WORKLOADS, SEED } from './workloads.js';

/** Rounds that are not counted, at the start of a run. */
const WARM_UP = 4;

/** How often all sessions are counted. */
const COUNTS = 3;

/**
 * @typedef {object} Grown one contender with so many sessions
 * @property {string} contender
 * @property {number} sessions
 * @property {Record<string, { cpu: number, backendCpu?: number, p50: number, p99: number }>} workloads medians by name
 * @property {number} [count] ms that counting takes
 * @property {{ heap: number, indexes: number }} size bytes of the sessions as they were filled in
 * @property {{ heap: number, indexes: number }} after the same after all requests
 * @property {{ heap: number, indexes: number }} [users] of the index of users
 * @property {number} [hot] share of updates that changed no index
 *
 * @param {import('../bench.js').Bench} bench
 * @returns {Promise<{ grown: Grown[], sweeps: import('./sweeps.js').Sweep[] }>}
 */
export async function measureGrowth(bench, { contenders }, options, progress) {
  const { sizes, rounds, requests, connections } = options;
  const steps = sizes.length + 1;
  const servers = [];
  for (const contender of contenders) servers.push(await seeded(bench, contender));
  const grown = [];
  for (const [step, sessions] of sizes.entries()) {
    for (const server of servers) {
      progress(step, steps, `${server.contender.name}: ${sessions} sessions`);
      await grow(server, sessions);
    }
    const sizesThen = new Map();
    for (const server of servers) sizesThen.set(server, await server.helper.ask('size'));
    const samples = [];
    // The first rounds warm up, and are not counted.
    for (let round = step === 0 ? -WARM_UP : -1; round < rounds; round++) {
      for (const workload of GROWTH_WORKLOADS) {
        progress(step, steps, `${sessions} sessions: ${workload.label}`);
        const ready = servers.filter(({ contender }) => takes(contender, workload));
        for (const [index] of ready.entries()) {
          const server = ready[(index + round + WARM_UP) % ready.length];
          const { name, writes = 1 } = server.contender;
          const count =
            workload.name === 'read' ? requests : Math.ceil((requests * writes) / connections) * connections;
          const taken = await roamingSlice(bench, server, workload, count, sessions, connections);
          if (round >= 0) samples.push({ contender: name, workload: workload.name, ...taken });
        }
      }
    }
    for (const server of servers) grown.push(await summary(server, sessions, sizesThen.get(server), samples));
  }
  const sweeps = [];
  for (const server of servers) {
    progress(sizes.length, steps, `${server.contender.name}: sweeps`);
    sweeps.push(await sweepsOf(bench, server, { ...options.sweep, sessions: sizes.at(-1), connections, shiftOf }));
  }
  const version = await bench.backendOf(contenders.find(({ backend }) => backend !== undefined)).ask('version');
  return { grown, sweeps, version };
}

/** The one session that all others are copies of, as the application stores it. */
async function seeded(bench, contender) {
  const server = { ...(await bench.start(contender)), seededAt: Date.now(), sessions: 0 };
  await bench.client.ask('single', { port: server.port, workload: SEED });
  return server;
}

async function grow(server, sessions) {
  const { helper } = server;
  await helper.ask('fill', { from: server.sessions + 1, to: sessions, age: shiftOf(server, 0) });
  server.sessions = sessions;
  await helper.ask('users', Math.floor(sessions / 2));
  await helper.ask('settle');
}

/** By how much the times of copies are earlier than those of the first session. */
function shiftOf({ seededAt }, age) {
  return age - (Date.now() - seededAt);
}

async function summary({ contender, helper }, sessions, size, samples) {
  const mine = samples.filter((sample) => sample.contender === contender.name);
  const workloads = {};
  for (const { name } of GROWTH_WORKLOADS.filter((workload) => takes(contender, workload))) {
    const taken = mine.filter(({ workload }) => workload === name);
    const median = (of) => spreadOf(taken.map((sample) => sample[of])).median;
    workloads[name] = {
      ...Object.fromEntries(['cpu', 'p50', 'p99'].map((of) => [of, median(of)])),
      ...(contender.backend === undefined ? {} : { backendCpu: median('backendCpu') }),
    };
  }
  const { sessions: then, users } = size;
  const { heap, indexes, updated, hot } = (await helper.ask('size')).sessions;
  return {
    contender: contender.name,
    sessions,
    workloads,
    ...(contender.role === 'peer' ? {} : { count: await countTime(helper, sessions) }),
    size: { heap: then.heap, indexes: then.indexes },
    after: { heap, indexes },
    ...(users === undefined ? {} : { users: { heap: users.heap, indexes: users.indexes } }),
    ...(updated === undefined ? {} : { hot: (hot - then.hot) / (updated - then.updated) }),
  };
}

async function countTime(helper, sessions) {
  const times = [];
  for (let count = 0; count < COUNTS; count++) {
    const { value, ms } = await helper.ask('count');
    if (value < sessions) throw new Error(`counted ${value} of ${sessions} sessions`);
    times.push(ms);
  }
  return spreadOf(times).median;
}
