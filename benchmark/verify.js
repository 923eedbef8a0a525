import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { hasSessions } from './contenders.js';
import { HUGE_SIZE, isDataAfter, LARGE_SIZE, sessionData, SIZE } from './session-data.js';

/** A header line like ours. */
const unknownToken = () => `X-Auth-Token: ${randomBytes(32).toString('base64url')}`;

export const SEED = { method: 'POST', path: '/seed', status: 201 };
export const SEED_LARGE = { method: 'POST', path: '/seedLarge', status: 201 };
const SEED_HUGE = { method: 'POST', path: '/seedHuge', status: 201 };
export const DATA = { method: 'GET', path: '/data', status: 200 };

/** By bytes of data. */
const SEEDS = { [SIZE]: SEED, [LARGE_SIZE]: SEED_LARGE, [HUGE_SIZE]: SEED_HUGE };

/** One request on a connection of its own; gives the token and the body of the answer. */
export const single = (client, { port }, workload, token) => client.ask('single', { port, workload, token });

/**
 * Creates the sessions of a contender, one for each connection, with data of the server's size. Bare Nest has none, but
 * gets tokens all the same: reading a header is Node's work, not a session layer's.
 *
 * @returns {Promise<{ token?: string, count?: number }[]>}
 */
export async function createSessions(client, server, connections) {
  const { contender, size } = server;
  if (!hasSessions(contender)) return Array.from({ length: connections }, () => ({ token: unknownToken() }));
  const sessions = Array.from({ length: connections }, () => ({}));
  for (const session of sessions) {
    const { token } = await single(client, server, SEEDS[size]);
    assert.ok(token, `${contender.name} gave no token for a new session`);
    const { body } = await single(client, server, DATA, token);
    assert.ok(isDataAfter(body, 0, size), `${contender.name} did not store a new session's data`);
    assert.equal(Buffer.byteLength(JSON.stringify(body)), size);
    Object.assign(session, { token, count: body.count });
  }
  const tokens = new Set(sessions.map(({ token }) => token));
  assert.equal(tokens.size, connections, `${contender.name} gave a token twice`);
  const { body } = await single(client, server, DATA);
  assert.deepEqual(body, {}, `${contender.name} has a session's data for a request without its token`);
  return sessions;
}

/** Reads the sessions back: each must have counted every write, and nothing else may have changed. */
export async function checkSessions(client, server) {
  const { contender, sessions, size, writes } = server;
  if (!hasSessions(contender)) return;
  for (const { token } of sessions) {
    const { body } = await single(client, server, DATA, token);
    const stored = JSON.stringify(body);
    assert.ok(isDataAfter(body, writes, size), `${contender.name} stands at ${stored} after ${writes} writes`);
  }
}

/**
 * Looks at some sessions that came or went: a token that was used up must be worth nothing any more, and a new one must
 * have all data, with the user who has signed in.
 *
 * @param {{ used?: string, given?: string }[]} turns tokens before and after a request
 */
export async function checkTurns(client, server, { name: workload, token, gives }, turns) {
  const { contender } = server;
  if (!hasSessions(contender)) return;
  const { userId: nobody } = sessionData();
  const users = new Set();
  for (const { used, given } of turns) {
    if (token) {
      const { body } = await single(client, server, DATA, used);
      assert.deepEqual(body, {}, `${contender.name} knows a token after ${workload}`);
    }
    if (!gives) continue;
    const { body } = await single(client, server, DATA, given);
    const stored = JSON.stringify(body);
    assert.ok(isDataAfter({ ...body, userId: nobody }, 0), `${contender.name} stands at ${stored} after ${workload}`);
    assert.equal(Buffer.byteLength(stored), SIZE);
    if (workload === 'login') assert.notEqual(body.userId, nobody, `${contender.name} signed nobody in`);
    users.add(body.userId);
  }
  if (workload === 'login') assert.equal(users.size, turns.length, `${contender.name} signed a user in twice`);
}

/** Without a token and without a write there is nothing to give the client. */
export function checkTokens({ contender: { name, role } }, workload, tokens) {
  // Each of those was looked at.
  if (workload.gives) return;
  const isSilent = workload.name === 'none' || ['bare', 'floor', 'ours', 'near', 'beside'].includes(role);
  assert.ok(!isSilent || tokens === 0, `${name} sent ${tokens} tokens, workload ${workload.name}`);
}
