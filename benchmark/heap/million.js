import { sweepsOf } from '../growth/sweeps.js';
import { SEED } from '../growth/workloads.js';
import { spreadOf } from '../statistics.js';

/**
 * @typedef {object} Million
 * @property {number} sessions
 * @property {number} bytes of the heap for a session with its place in the index of users
 * @property {{ ms: number, longest: number }} fill ms of all, and of the longest one
 * @property {{ ms: number, longest: number, times: number }} update ms of all, and of the longest one
 * @property {{ median: number, longest: number, times: number }} list ms
 * @property {import('../growth/sweeps.js').Sweep} sweep
 * @property {{ without: Pauses, during: Pauses }} pauses before and during sweeps
 *
 * @typedef {{ loop: number, gc: number, collections: number }} Pauses longest ones in ms, and how many collections
 *
 * A store with as many sessions as it takes, from the first one to sweeps while requests come.
 *
 * @param {import('../bench.js').Bench} bench
 * @param {import('../contenders.js').Contender} contender
 * @returns {Promise<Million>}
 */
export async function millionOf(bench, contender, { sessions, updates, lists, connections, ...sweep }, progress) {
  const server = await bench.start(contender);
  const { helper, port } = server;
  const seededAt = Date.now();
  // The times of copies are those of the first session, so they age with it.
  const shiftOf = (_, age) => age - (Date.now() - seededAt);
  await bench.client.ask('single', { port, workload: SEED });

  progress('filling');
  const empty = await helper.ask('collect');
  const fill = await helper.ask('fill', { from: 1, to: sessions, age: shiftOf(server, 0) });
  const full = await helper.ask('collect');

  progress('updates and lists');
  const times = await helper.ask('list', lists);
  const update = { ...(await helper.ask('update', { times: updates, sessions })), times: updates };

  progress('sweeps');
  const living = sessions - sweep.ended;
  await helper.ask('remove', { from: living + 1, to: sessions });
  const swept = await sweepsOf(bench, server, { ...sweep, sessions: living, connections, shiftOf });
  const { without, during } = await helper.ask('pauses');
  helper.stop();
  return {
    sessions,
    bytes: (full - empty) / sessions,
    fill,
    update,
    list: { median: spreadOf(times).median, longest: Math.max(...times), times: lists },
    sweep: swept,
    pauses: { without: longestOf(without), during: longestOf(during) },
  };
}

const longestOf = (pauses) => ({
  loop: Math.max(...pauses.map(({ loop }) => loop)),
  gc: Math.max(...pauses.map(({ gc }) => gc)),
  collections: pauses.reduce((sum, { collections }) => sum + collections, 0),
});
