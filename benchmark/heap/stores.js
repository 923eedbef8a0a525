import assert from 'node:assert/strict';
import { DATA, single } from '../verify.js';

const FILL = { name: 'fill', method: 'POST', path: '/fill', status: 201, token: false };

/**
 * What a session takes in a store, filled by requests to its session layer, so that what is stored is what the layer stores.
 *
 * @param {import('../bench.js').Bench} bench
 * @param {import('../contenders.js').Contender} contender
 * @param {number} data bytes of a session's data
 * @param {{ sessions: number, first: number, connections: number }} options first: sessions before the heap is looked at
 * @returns {Promise<{ contender: string, data: number, bytes: number }>} of the heap, for a session
 */
export async function heapOf(bench, contender, data, { sessions, first, connections }) {
  const server = await bench.start(contender);
  const { helper, port } = server;
  const { client } = bench;
  await helper.ask('choose', data);
  const lanes = Array.from({ length: connections }, () => ({}));
  await client.ask('open', { port, workload: FILL, sessions: lanes, warmUp: first });
  const before = await helper.ask('collect');
  const { tokens } = await client.ask('run', sessions);
  const after = await helper.ask('collect');
  await client.ask('close');
  assert.equal(tokens, sessions, `${contender.name} did not give each new session a token`);
  assert.equal(await helper.ask('stored'), first + sessions, `${contender.name} did not store all sessions`);
  await checkData(client, server, data);
  helper.stop();
  return { contender: contender.name, data, bytes: (after - before) / sessions };
}

/** New sessions hold data of this size, and each its own. */
async function checkData(client, server, data) {
  const bodies = [];
  for (let count = 0; count < 2; count++) {
    const { token } = await single(client, server, FILL);
    bodies.push((await single(client, server, DATA, token)).body);
  }
  const { name } = server.contender;
  for (const body of bodies) assert.equal(JSON.stringify(body).length, data, `${name} holds ${JSON.stringify(body)}`);
  for (const key of ['userId', 'name', 'email', 'note']) assert.notEqual(bodies[0][key], bodies[1][key]);
}
