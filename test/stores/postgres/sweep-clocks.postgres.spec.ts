import type { PostgresStore } from 'nestjs-token-session/postgres';
import type { Pool } from 'pg';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { PostgresServer, stopServers } from '../../support/postgres/postgres-server.js';
import { hostOf, idOf, openStore, recordOf } from './subject.js';

const MINUTE = 60_000;

let server: PostgresServer;
let pool: Pool;
let store: PostgresStore;

beforeAll(async () => {
  server = await PostgresServer.start();
});
beforeEach(async () => {
  pool = poolOf(await server.createDatabase());
  store = await openStore({ pool });
});
afterEach(endPools);
afterAll(stopServers);

it('14.2.7: a session that is swept takes its entry in the index of users along, one that lives does not', async () => {
  for (const name of ['ended', 'living']) {
    await store.users.add('ada', idOf(name), 600 * MINUTE, {});
    await store.users.settle('ada', idOf(name), 600 * MINUTE);
  }
  const ended = recordOf('v1', { userId: 'ada', usedAt: Date.now() - 2 * MINUTE, idleTimeout: MINUTE });
  await store.create(idOf('ended'), ended);
  await store.create(idOf('living'), recordOf('v1', { userId: 'ada' }));
  expect(await store.sweep()).toEqual({ removed: 1, done: true });
  expect(await store.users.list('ada')).toEqual([{ id: idOf('living'), settled: true }]);
});

it('R64: an entry that somebody is at work on is left alone, and nobody waits', async () => {
  await store.users.add('ada', idOf('ended'), 600 * MINUTE, {});
  const ended = recordOf('v1', { userId: 'ada', usedAt: Date.now() - 2 * MINUTE, idleTimeout: MINUTE });
  await store.create(idOf('ended'), ended);
  const other = await pool.connect();
  await other.query('BEGIN');
  await other.query('SELECT FROM token_session_user FOR UPDATE');
  expect(await store.sweep()).toEqual({ removed: 1, done: true });
  await other.query('COMMIT');
  other.release();
  expect(await store.users.list('ada')).toEqual([{ id: idOf('ended'), settled: false }]);
});

it('C47: a process whose clock is ahead does not end the sessions of the others', async () => {
  await store.create(idOf('a'), recordOf('v1', { idleTimeout: 4 * MINUTE }));
  const now = Date.now;
  Date.now = () => now() + 5 * MINUTE;
  try {
    // With the machine's own clock, as in production.
    const ahead = await openStore({ pool }, hostOf(Date.now));
    expect(await ahead.sweep()).toMatchObject({ removed: 0 });
  } finally {
    Date.now = now;
  }
  expect(await store.load(idOf('a'))).toMatchObject({ version: 'v1' });
});
