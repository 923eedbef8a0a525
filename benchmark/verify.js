import assert from 'node:assert/strict';
import { hasSessions } from './contenders.js';
import { isDataAfter, SIZE } from './session-data.js';

export const SEED = { method: 'POST', path: '/seed', status: 201 };
export const SEED_LARGE = { method: 'POST', path: '/seedLarge', status: 201 };
export const DATA = { method: 'GET', path: '/data', status: 200 };

/** One request on a connection of its own; gives the token and the body of the answer. */
export const single = (client, { port }, workload, token) => client.ask('single', { port, workload, token });

/**
 * Creates the sessions of a contender, one for each connection. Bare Nest has none.
 *
 * @returns {Promise<{ token?: string, count?: number }[]>}
 */
export async function createSessions(client, server, connections) {
  const sessions = Array.from({ length: connections }, () => ({}));
  const { contender } = server;
  if (!hasSessions(contender)) return sessions;
  for (const session of sessions) {
    const { token } = await single(client, server, SEED);
    assert.ok(token, `${contender.name} gave no token for a new session`);
    const { body } = await single(client, server, DATA, token);
    assert.ok(isDataAfter(body, 0), `${contender.name} did not store a new session's data`);
    assert.equal(Buffer.byteLength(JSON.stringify(body)), SIZE);
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
  const { contender, sessions, writes } = server;
  if (!hasSessions(contender)) return;
  for (const { token } of sessions) {
    const { body } = await single(client, server, DATA, token);
    const stored = JSON.stringify(body);
    assert.ok(isDataAfter(body, writes), `${contender.name} stands at ${stored} after ${writes} writes`);
  }
}

/** Without a token and without a write there is nothing to give the client. */
export function checkTokens({ contender: { name, role } }, workload, tokens) {
  const isSilent = workload.name === 'none' || ['bare', 'floor', 'ours', 'near', 'beside'].includes(role);
  assert.ok(!isSilent || tokens === 0, `${name} sent ${tokens} tokens, workload ${workload.name}`);
}
