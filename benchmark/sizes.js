import assert from 'node:assert/strict';
import { isDataAfter, LARGE_SIZE, SIZE } from './session-data.js';
import { DATA, SEED, SEED_LARGE, single } from './verify.js';
import { workloadNamed } from './workloads.js';

/** How many sessions are looked at; they differ in their tokens and times. */
const SESSIONS = 4;

/** After how many updates: a store may keep something of each. */
const UPDATES = [0, 1, 100];

/**
 * @typedef {object} Size what a session takes in Redis
 * @property {string} contender
 * @property {number} data bytes of its data as JSON
 * @property {number} updates how often it was changed since it was created, one change right after the other
 * @property {number} used bytes, by MEMORY USAGE
 * @property {number} text bytes of the key and the value
 *
 * @param {import('./bench.js').Bench} bench
 * @returns {Promise<Size[]>} of a contender that has no sessions yet
 */
export async function sizesOf(bench, server) {
  const { client } = bench;
  const { name, prefix } = server.contender;
  const redis = bench.backendOf(server.contender);
  const write = workloadNamed('write');
  const sizes = [];
  for (const [data, seed] of Object.entries({ [SIZE]: SEED, [LARGE_SIZE]: SEED_LARGE })) {
    const tokens = [];
    for (let count = 0; count < SESSIONS; count++) tokens.push((await single(client, server, seed)).token);
    let written = 0;
    for (const updates of UPDATES) {
      for (; written < updates; written++) for (const token of tokens) await single(client, server, write, token);
      const { used, text } = await redis.ask('size', prefix);
      sizes.push({ contender: name, data: Number(data), updates, used: used / SESSIONS, text: text / SESSIONS });
    }
    for (const token of tokens) {
      const { body } = await single(client, server, DATA, token);
      assert.ok(isDataAfter(body, written, Number(data)), `${name} stands at ${JSON.stringify(body)}`);
    }
    await redis.ask('remove', prefix);
  }
  return sizes;
}
