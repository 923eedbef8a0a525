import connectPgSimple from 'connect-pg-simple';
import expressSession from 'express-session';
import { expressStore } from 'nestjs-token-session/express-session';
import { describeSessionStore } from 'nestjs-token-session/testing';
import { closeApps } from '../../support/app.js';
import { Browser, closePeers, startMoved, startPeer } from '../../support/express-move.js';
import { describeMove, describeOwn } from '../../support/express-move-laws.js';
import type { OpenedStore } from '../../support/express-stores.js';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { PostgresServer, stopServers } from '../../support/postgres/postgres-server.js';
import { until } from '../../support/redis/until.js';

const NAME = 'connect-pg-simple';
const PgStore = connectPgSimple(expressSession);

let server: PostgresServer;
let pool: ReturnType<typeof poolOf>;

beforeAll(async () => {
  server = await PostgresServer.start();
  pool = poolOf(server.config);
});
afterAll(async () => {
  await endPools();
  await stopServers();
});

async function open(): Promise<OpenedStore> {
  const store = new PgStore({ pool, createTableIfMissing: true, pruneSessionInterval: false });
  await new Promise((done) => store.get('x', done));
  await pool.query('TRUNCATE session');
  return { store, dump: async () => JSON.stringify((await pool.query('SELECT * FROM session')).rows) };
}

describeMove(NAME, open);
describeOwn(NAME, open);
describeSessionStore(
  NAME,
  async () => expressStore((await open()).store),
  { contract: 'simple', expiresByItself: true },
  { describe, it },
);

describe('connect-pg-simple, which keeps the last use in a column of its own', () => {
  afterEach(async () => {
    await closeApps();
    await closePeers();
  });

  it('law 8: a session that express-session has only touched for hours lives, and is touched here', async () => {
    const { store } = await open();
    const [peer, ours] = [await startPeer(store), (await startMoved(store)).url];
    const browser = new Browser();
    await browser.ask(peer, '/login', { id: 'ada' });
    const hoursAgo = new Date(Date.now() - 3 * 3_600_000).toISOString();
    const untouched = (): Promise<unknown> =>
      pool.query(
        `UPDATE session SET sess = jsonb_set(sess::jsonb, '{cookie,expires}', to_jsonb($1::text))::json,
           expire = now() + interval '5 minutes' WHERE sid = $2`,
        [hoursAgo, browser.rawId],
      );
    await untouched();
    expect(await browser.user(ours)).toBe('ada');
    await until('our touch has moved the expiry', async () => {
      const late = "SELECT 1 FROM session WHERE sid = $1 AND expire > now() + interval '25 minutes'";
      return (await pool.query(late, [browser.rawId])).rowCount === 1;
    });
    // Now it is ours, too.
    await untouched();
    expect(await browser.user(ours)).toBe('ada');
    expect(await browser.user(peer)).toBe('ada');
  });
});
