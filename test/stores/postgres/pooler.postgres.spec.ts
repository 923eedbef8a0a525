import { describe, expect, it, beforeAll, afterEach, afterAll } from '@jest/globals';
import { PostgresStore } from 'nestjs-token-session/postgres';
import { describeSessionStore } from 'nestjs-token-session/testing';
import pg from 'pg';
import { closeApps, startApp } from '../../support/app.js';
import { call } from '../../support/client.js';
import { CounterController } from '../../support/counter.controller.js';
import { PLATFORMS } from '../../support/platforms.js';
import { PgBouncer } from '../../support/postgres/pgbouncer.js';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { PostgresServer, stopServers } from '../../support/postgres/postgres-server.js';
import { GRANTS, HARDENING } from './documented.js';
import { hostOf, idOf, openStore, recordOf } from './subject.js';

const WARNING = /does not keep prepared statements for this pool.*pooler in transaction mode.*sent in full/;

/** As the documentation has pools; without it there is a notice. */
const TIMED = { connectionTimeoutMillis: 2_000 };

let server: PostgresServer;
let transactions: PgBouncer;
let sessions: PgBouncer;
let shared: pg.Pool;
let direct: pg.Pool;

beforeAll(async () => {
  server = await PostgresServer.start();
  const owner = poolOf(server.config);
  await new PostgresStore({ pool: owner }).migrate();
  await owner.query(`${HARDENING};\n${GRANTS.join(';\n')}`);
  transactions = await PgBouncer.start(server, { poolMode: 'transaction', poolSize: 4 });
  sessions = await PgBouncer.start(server, { poolMode: 'session', poolSize: 8 });
  shared = new pg.Pool({ ...transactions.config, user: 'sessions' });
  direct = new pg.Pool({ ...server.config, user: 'sessions' });
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(async () => {
  await Promise.all([shared.end(), direct.end()]);
  await stopServers();
});

/** The names under which the connections to the server have prepared something, as they tell it. */
async function prepared(store: PostgresStore, pool: pg.Pool): Promise<number> {
  await Promise.all(Array.from({ length: 20 }, (_, number) => store.load(idOf(number))));
  const { rows } = await pool.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_prepared_statements WHERE name LIKE 'nts\\_%'`,
  );
  return rows[0]?.count ?? 0;
}

describe('PgBouncer in transaction mode (1.18, which keeps no prepared statements)', () => {
  it('is found out with one notice, and nothing fails', async () => {
    const pool = poolOf(transactions.before(await server.createDatabase()), TIMED);
    const host = hostOf();
    const store = await openStore({ pool }, host);
    for (let round = 0; round < 10; round++) {
      const ids = Array.from({ length: 10 }, (_, number) => idOf(`${String(round)}-${String(number)}`));
      expect(await Promise.all(ids.map((id) => store.create(id, recordOf('v1'))))).not.toContain(false);
      expect(await Promise.all(ids.map((id) => store.update(id, recordOf('v2'), 'v1')))).not.toContainEqual(
        expect.objectContaining({ status: 'missing' }),
      );
      const loaded = await Promise.all(ids.map((id) => store.load(id)));
      expect(loaded.map((record) => record?.version)).toEqual(ids.map(() => 'v2'));
      const logins = ids.map(async (id) => store.users.add('ada', id, 60_000, { max: 5 }));
      expect((await Promise.all(logins)).filter(({ added }) => added)).toHaveLength(round === 0 ? 5 : 0);
    }
    expect(host.notices).toEqual([expect.stringMatching(WARNING)]);
  });

  it('another store that has prepared on the same server connections is no harm', async () => {
    const database = await server.createDatabase();
    const hosts = [hostOf(), hostOf(), hostOf()];
    const stores = [];
    for (const host of hosts)
      stores.push(await openStore({ pool: poolOf(transactions.before(database), TIMED) }, host));
    for (let round = 0; round < 20; round++) {
      const store = stores[round % 3] as PostgresStore;
      expect(await store.create(idOf(round), recordOf('v1'))).toBe(true);
      expect(await Promise.all(stores.map((each) => each.touch(idOf(round), recordOf('v1'))))).toEqual([
        true,
        true,
        true,
      ]);
    }
    for (const { notices } of hosts) expect(notices.length).toBeLessThanOrEqual(1);
  });

  it.each(PLATFORMS)('carries a small load on %s: nothing lost, no 5xx', async (platform) => {
    const database = await server.createDatabase();
    const store = new PostgresStore({ pool: poolOf(transactions.before(database)) });
    await store.migrate();
    const { url } = await startApp(platform, { controllers: [CounterController], session: { store } });
    const visitors = Array.from({ length: 10 }, async () => {
      const { token } = await call(url, '/views', { method: 'POST' });
      for (let views = 2; views <= 20; views++) {
        const { status } = await call(url, '/views', { method: 'POST', token });
        expect(status).toBe(201);
      }
      return (await call(url, '/views', { token })).json();
    });
    expect(await Promise.all(visitors)).toEqual(Array.from({ length: 10 }, () => ({ views: 20 })));
  });
});

describe('PgBouncer in session mode', () => {
  it('keeps statements prepared, as a server without a pooler does, and there is nothing to tell', async () => {
    const database = await server.createDatabase();
    for (const address of [sessions.before(database), database]) {
      const host = hostOf();
      const pool = poolOf(address, { ...TIMED, max: 1 });
      expect(await prepared(await openStore({ pool }, host), pool)).toBeGreaterThan(0);
      expect(host.notices).toEqual([]);
    }
  });
});

describeSessionStore(
  '13.2.2: PostgreSQL behind PgBouncer in transaction mode, as the role of docs/postgres.md',
  async () => {
    // What is told goes past the pooler, as the documentation has it.
    const store = new PostgresStore({ pool: shared, endings: { pool: direct } });
    await store.clear();
    return store;
  },
  {},
  { describe, it },
);
