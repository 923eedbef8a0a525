import assert from 'node:assert/strict';
import { isDataAfter, SIZE } from './session-data.js';

const SEED = { method: 'POST', path: '/seed', status: 201 };
const DATA = { method: 'GET', path: '/data', status: 200 };

/**
 * Creates the sessions of a contender, one for each connection. Bare Nest has none.
 *
 * @returns {Promise<{ token?: string, count?: number }[]>}
 */
export async function createSessions(client, { contender, port }, connections) {
  const sessions = Array.from({ length: connections }, () => ({}));
  if (contender.role === 'bare') return sessions;
  for (const session of sessions) {
    const { token } = await client.ask('single', { port, workload: SEED });
    assert.ok(token, `${contender.name} gave no token for a new session`);
    const { body } = await client.ask('single', { port, workload: DATA, token });
    assert.ok(isDataAfter(body, 0), `${contender.name} did not store a new session's data`);
    assert.equal(Buffer.byteLength(JSON.stringify(body)), SIZE);
    Object.assign(session, { token, count: body.count });
  }
  const tokens = new Set(sessions.map(({ token }) => token));
  assert.equal(tokens.size, connections, `${contender.name} gave a token twice`);
  const { body } = await client.ask('single', { port, workload: DATA });
  assert.deepEqual(body, {}, `${contender.name} has a session's data for a request without its token`);
  return sessions;
}

/** Reads the sessions back: each must have counted every write, and nothing else may have changed. */
export async function checkSessions(client, { contender, port, sessions, writes }) {
  if (contender.role === 'bare') return;
  for (const { token } of sessions) {
    const { body } = await client.ask('single', { port, workload: DATA, token });
    const stored = JSON.stringify(body);
    assert.ok(isDataAfter(body, writes), `${contender.name} stands at ${stored} after ${writes} writes`);
  }
}

/** Without a token and without a write there is nothing to give the client. */
export function checkTokens({ contender }, workload, tokens) {
  const none = workload.name === 'none' || contender.role === 'bare' || contender.role === 'ours';
  assert.ok(!none || tokens === 0, `${contender.name} sent ${tokens} tokens, workload ${workload.name}`);
}
