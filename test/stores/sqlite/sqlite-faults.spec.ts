import { SqliteStore } from 'nestjs-token-session/sqlite';
import { closeApps, startApp } from '../../support/app.js';
import { call } from '../../support/client.js';
import { CounterController } from '../../support/counter.controller.js';
import { collectEvents } from '../../support/events.js';
import { PLATFORMS, type RunningApp } from '../../support/platforms.js';
import { newFile, openDatabase, removeFiles } from '../../support/sqlite/files.js';
import { attached, TestHost } from '../../support/sqlite/host.js';

type Database = ReturnType<typeof openDatabase>;

const TIMEOUT = 300;
const HOUR = 3_600_000;

afterEach(async () => {
  await closeApps();
  removeFiles();
});

function start(platform: (typeof PLATFORMS)[number], database: Database): Promise<RunningApp> {
  const store = new SqliteStore({ database });
  return startApp(platform, { session: { store, storeTimeout: TIMEOUT }, controllers: [CounterController] });
}

const post = (url: string, token?: string) => call(url, '/views', { method: 'POST', token });

function record(version = '1', payload = '1\n{}') {
  return { startedAt: Date.now(), usedAt: Date.now(), idleTimeout: HOUR, absoluteTimeout: HOUR, payload, version };
}

describe.each(PLATFORMS)('%s', (platform) => {
  it('F76, law 9: a lock of others is waited for, and longer than storeTimeout it is a 503; reads go on', async () => {
    const file = newFile();
    const { url } = await start(platform, openDatabase(file));
    const { token } = await post(url);
    const other = openDatabase(file);
    other.exec('BEGIN IMMEDIATE');

    const started = performance.now();
    const answers = Promise.all(Array.from({ length: 30 }, () => post(url, token)));
    let longestHold = 0;
    let last = performance.now();
    const ticking = setInterval(() => {
      longestHold = Math.max(longestHold, performance.now() - last);
      last = performance.now();
    }, 1);
    expect((await call(url, '/views', { token })).json()).toEqual({ views: 1 });
    expect(new Set((await answers).map((answer) => (answer.json() as { code?: string }).code))).toEqual(
      new Set(['STORE_UNAVAILABLE']),
    );
    clearInterval(ticking);
    const took = performance.now() - started;
    expect(took).toBeGreaterThan(TIMEOUT - 1);
    // The machine of the tests may be busy; a process that waits for SQLite would be held for TIMEOUT by each of 30.
    expect(took).toBeLessThan(10 * TIMEOUT);
    expect(longestHold).toBeLessThan(TIMEOUT);

    other.exec('COMMIT');
    expect((await post(url, token)).json()).toEqual({ views: 2 });
  });

  it('F76: a lock that is let go in time is not noticed, and those who waited are served in their turn', async () => {
    const file = newFile();
    const database = openDatabase(file);
    const store = attached({ database }, new TestHost(Date.now, 10_000));
    await store.create('a', record('0'));
    const exec = database.exec.bind(database);
    let attempts = 0;
    database.exec = (sql) => {
      if (sql.startsWith('BEGIN')) attempts++;
      return exec(sql);
    };
    const other = openDatabase(file);
    other.exec('BEGIN IMMEDIATE');
    const order: number[] = [];
    const waiting = Array.from({ length: 50 }, async (_, turn) => {
      const result = await store.update('a', record(String(turn + 1)), String(turn));
      order.push(turn);
      return result.status;
    });
    // Only the first has asked SQLite, which held the process up for that.
    expect(attempts).toBe(1);
    expect((await store.load('a'))?.version).toBe('0');
    other.exec('COMMIT');
    // Each is updated only if the one before it was.
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['updated']));
    expect(order).toEqual([...order].sort((a, b) => a - b));
  });

  it('F76, laws 4 and 6: a full disk is a 503 and stores nothing; what is there can be read and ended', async () => {
    const database = openDatabase();
    const app = await start(platform, database);
    const events = collectEvents(app);
    const { token } = await post(app.url);
    const { page_count: pages } = database.prepare('PRAGMA page_count').get() as { page_count: number };
    database.exec(`PRAGMA max_page_count = ${String(pages)}`);
    const answers = [];
    for (let number = 0; number < 200; number++) answers.push(await post(app.url));
    const refused = answers.filter(({ status }) => status === 503);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused.map((answer) => answer.token)).toEqual(refused.map(() => undefined));
    expect(events.some((event) => event.type === 'store_failed' && event.reason.includes('full'))).toBe(true);
    expect(database.inTransaction).toBe(false);
    expect((await call(app.url, '/views', { token })).json()).toEqual({ views: 1 });
    expect((await call(app.url, '/session', { method: 'DELETE', token })).status).toBe(200);
    expect((await call(app.url, '/views', { token })).json()).toEqual({ views: 0 });
    database.exec('PRAGMA max_page_count = 1000000');
    expect((await post(app.url)).status).toBe(201);
  });
});

describe('a transaction of the application on the connection of the store', () => {
  it.each(['BEGIN', 'BEGIN IMMEDIATE'])(
    'law 4, %s: nothing is stored in it that a ROLLBACK would undo',
    async (begin) => {
      const database = openDatabase();
      const store = attached({ database });
      database.exec(begin);
      const refusal = /a transaction of the application is open.*a connection of its own/;
      expect(() => store.create('a', record())).toThrow(refusal);
      expect(() => store.load('a')).toThrow(refusal);
      expect(() => store.users.add('ada', 'a', HOUR, {})).toThrow(refusal);
      expect(() => store.sweep()).toThrow(refusal);
      expect(database.inTransaction).toBe(true);
      database.exec('ROLLBACK');
      expect(await store.create('a', record())).toBe(true);
    },
  );
});

it('law 6: after a write that met a lock nothing is read as it was at that time', async () => {
  const file = newFile();
  const store = attached({ database: openDatabase(file) }, new TestHost(Date.now, 50));
  const other = openDatabase(file);
  const others = attached({ database: other });
  await store.create('a', record('1'));
  other.exec('BEGIN IMMEDIATE');
  await expect(store.create('b', record())).rejects.toThrow('locked by another connection for 50 ms');
  other.exec('COMMIT');
  for (const version of ['1', '2', '3']) {
    expect((await store.load('a'))?.version).toBe(version);
    const next = String(Number(version) + 1);
    expect(await others.update('a', record(next), version)).toEqual({ status: 'updated' });
  }
  expect(await store.update('a', record('5'), '4')).toEqual({ status: 'updated' });
  await others.destroy('a');
  expect(await store.load('a')).toBeUndefined();
});

describe('a fault in the middle of a transaction', () => {
  it('F76, law 6: leaves the index of users as it was, and no transaction open', async () => {
    const database = openDatabase();
    const store = attached({ database });
    await store.users.add('ada', 'a', HOUR, {});
    await store.users.settle('ada', 'a', HOUR);
    // The second write of the operation fails.
    database.exec(`CREATE TRIGGER broken BEFORE INSERT ON token_session_user WHEN new.id = 'b' AND new.settled
      BEGIN SELECT RAISE(FAIL, 'the disk is gone'); END`);
    await store.users.add('ada', 'b', HOUR, { replaces: 'a' });
    expect(() => store.users.settle('ada', 'b', HOUR)).toThrow('the disk is gone');
    expect(database.inTransaction).toBe(false);
    expect(await store.users.list('ada')).toHaveLength(2);
    database.exec('DROP TRIGGER broken');
    expect(await store.users.settle('ada', 'b', HOUR)).toBe(true);
    expect(await store.users.list('ada')).toEqual([{ id: 'b', settled: true }]);
  });
});

it('F76: an application that has closed the database first gets errors, no crash', async () => {
  const database = openDatabase();
  const store = attached({ database });
  database.close();
  expect(() => store.load('a')).toThrow(/not open/);
  store.close();
});

it('L93: closing the store closes nothing of the application, and fails those who wait', async () => {
  const file = newFile();
  const database = openDatabase(file);
  const store = attached({ database }, new TestHost(Date.now, 10_000));
  const other = openDatabase(file);
  other.exec('BEGIN IMMEDIATE');
  const waiting = Promise.resolve(store.create('a', record()));
  store.close();
  await expect(waiting).rejects.toThrow('closed');
  other.exec('COMMIT');
  expect(database.prepare('SELECT count(*) AS n FROM token_session').get()).toMatchObject({ n: 0 });
});
