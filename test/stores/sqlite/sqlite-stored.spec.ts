import { hash } from 'node:crypto';
import { Controller, Get } from '@nestjs/common';
import { Session } from 'nestjs-token-session';
import { SqliteStore } from 'nestjs-token-session/sqlite';
import { closeApps, startApp } from '../../support/app.js';
import { call } from '../../support/client.js';
import { TestClock } from '../../support/clock.js';
import { CounterController } from '../../support/counter.controller.js';
import { collectEvents } from '../../support/events.js';
import { newFile, openDatabase, removeFiles } from '../../support/sqlite/files.js';
import { attached, TestHost } from '../../support/sqlite/host.js';

const MINUTE = 60_000;

@Controller()
class DataController {
  @Get('data')
  read(@Session() sess: Session): object {
    return { ...sess };
  }
}

afterEach(async () => {
  await closeApps();
  removeFiles();
});

type Database = ReturnType<typeof openDatabase>;

/** The tables as an administrator may have made them by hand: without rules for their columns. */
const LAX = `
  CREATE TABLE token_session (id PRIMARY KEY, payload, version, user_id, started_at, used_at, idle_timeout, absolute_timeout, sweep_at);
  CREATE TABLE token_session_user (user_id, id, ends_at, settled, revoked, replaces, replaced, PRIMARY KEY (user_id, id));
`;

describe('S52, S56: a row that is no session', () => {
  const TIMES = ['started_at', 'used_at', 'idle_timeout', 'absolute_timeout'];
  const broken: [string, string][] = [
    ...['payload', 'version', ...TIMES].map((column): [string, string] => [`${column} is NULL`, `${column} = NULL`]),
    ...TIMES.map((column): [string, string] => [`${column} is text`, `${column} = 'soon'`]),
    ...TIMES.map((column): [string, string] => [`${column} is bytes`, `${column} = x'00ff'`]),
    ['payload is a number', 'payload = 42'],
    ['payload is empty', "payload = ''"],
    ['payload is cut', 'payload = substr(payload, 1, 8)'],
    ['payload is null in JSON', "payload = 'null'"],
    ['payload is an array', "payload = '1' || char(10) || '[]'"],
    ['payload is random bytes', 'payload = randomblob(100)'],
    ['user is a number', 'user_id = 7'],
    ['everything is NULL', 'payload = NULL, version = NULL, started_at = NULL, used_at = NULL, sweep_at = NULL'],
  ];

  it.each(broken)('%s: an event, one answer without a session, and a new start', async (_, change) => {
    const database = openDatabase();
    database.exec(LAX);
    const app = await startApp('express', {
      session: { store: new SqliteStore({ database }) },
      controllers: [CounterController, DataController],
    });
    const events = collectEvents(app);
    const { token } = await call(app.url, '/views', { method: 'POST' });
    database.exec(`UPDATE token_session SET ${change}`);
    const seen = await call(app.url, '/data', { token });
    expect([seen.status, seen.json()]).toEqual([200, {}]);
    expect(events.filter(({ type }) => type === 'record_corrupt')).toHaveLength(1);
    expect(database.prepare('SELECT count(*) AS n FROM token_session').get()).toMatchObject({ n: 0 });
    expect((await call(app.url, '/views', { method: 'POST', token })).json()).toEqual({ views: 1 });
  });

  it('S52: a format that is not known yet is 503 and kept: a rollback may need it', async () => {
    const database = openDatabase();
    const { url } = await startApp('fastify', {
      session: { store: new SqliteStore({ database }) },
      controllers: [CounterController],
    });
    const { token } = await call(url, '/views', { method: 'POST' });
    database.exec("UPDATE token_session SET payload = '2' || substr(payload, 2)");
    expect((await call(url, '/views', { token })).status).toBe(503);
    database.exec("UPDATE token_session SET payload = '1' || substr(payload, 2)");
    expect((await call(url, '/views', { token })).json()).toEqual({ views: 1 });
  });

  it('S52, S56: entries of users that are none neither count nor end a login', async () => {
    const database = openDatabase();
    database.exec(LAX);
    const store = attached({ database });
    await store.users.add('ada', 'a', MINUTE, {});
    database.exec(`INSERT INTO token_session_user VALUES ('ada', NULL, 1e15, 1, 0, NULL, NULL), ('ada', 'b', NULL, 1, 0, NULL, NULL),
      ('ada', 'c', 'soon', 1, 0, NULL, NULL), ('ada', 7, 1e15, 1, 0, NULL, NULL), ('ada', 'd', 1e15, 'x', NULL, 7, 7)`);
    expect(await store.users.list('ada')).toEqual([{ id: 'a', settled: false }]);
    expect(await store.users.add('ada', 'b', MINUTE, { max: 2 })).toMatchObject({ added: true });
    expect(await store.users.settle('ada', 'b', MINUTE)).toBe(true);
    expect(await store.users.revoke('ada', { except: undefined })).toEqual(expect.arrayContaining(['a', 'b']));
    expect(await store.users.list('ada')).toEqual([]);
  });
});

describe('growth', () => {
  let clock: TestClock;
  let database: Database;
  let store: SqliteStore;

  beforeEach(() => {
    clock = new TestClock();
    database = openDatabase(':memory:');
    store = attached({ database }, new TestHost(clock.now));
  });

  const idOf = (number: number): string => hash('sha256', String(number), 'base64url');
  const record = (idleTimeout: number, changes = {}) => ({
    startedAt: clock.now(),
    usedAt: clock.now(),
    idleTimeout,
    absoluteTimeout: 1_000 * MINUTE,
    payload: '1\n{}',
    version: '1',
    ...changes,
  });
  const rows = (table: string): number =>
    (database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;

  it('ASVS 14.2.7: ended sessions and entries go, in bounded batches, and none that was used since', async () => {
    for (let number = 0; number < 1_700; number++) {
      await store.create(idOf(number), record(30 * MINUTE, { userId: 'ada' }));
      await store.users.add('ada', idOf(number), number % 2 === 0 ? 5 * MINUTE : 900 * MINUTE, {});
    }
    clock.advance(20 * MINUTE);
    for (let number = 0; number < 600; number++) await store.touch(idOf(number), record(0));
    clock.advance(10 * MINUTE);
    const batches: number[] = [];
    for (let isDone = false; !isDone;) {
      const { removed, done } = await store.sweep();
      batches.push(removed);
      isDone = done;
    }
    expect(Math.max(...batches)).toBeLessThanOrEqual(200);
    expect(batches.reduce((sum, removed) => sum + removed)).toBe(1_100);
    // Of the living sessions, those that had not run out; of the others none.
    expect([rows('token_session'), rows('token_session_user'), await store.count()]).toEqual([600, 300, 600]);
    expect(await store.sweep()).toEqual({ removed: 0, done: true });
    clock.advance(20 * MINUTE);
    while (!(await store.sweep()).done);
    expect([rows('token_session'), rows('token_session_user')]).toEqual([0, 0]);
  });

  it('ASVS 14.2.7: an update that lets a session end earlier is swept as early', async () => {
    await store.create(idOf(1), record(900 * MINUTE));
    await store.update(idOf(1), record(MINUTE, { version: '2' }), '1');
    clock.advance(MINUTE);
    expect(await store.sweep()).toEqual({ removed: 1, done: true });
  });

  it('law 2: the token is not in the file', async () => {
    const file = openDatabase(newFile());
    const { url } = await startApp('express', {
      session: { store: new SqliteStore({ database: file }) },
      controllers: [CounterController],
    });
    const { token } = await call(url, '/views', { method: 'POST' });
    const dump = JSON.stringify(file.prepare('SELECT * FROM token_session').all());
    expect(token).toHaveLength(43);
    expect(dump).toContain('views');
    expect(dump).not.toContain(token);
  });

  it('C47: goes by the clock of the application, never by one of its own', async () => {
    clock.advance(-20 * 365 * 24 * 60 * MINUTE);
    await store.create(idOf(1), record(MINUTE));
    await store.users.add('ada', idOf(1), MINUTE, {});
    expect([(await store.load(idOf(1)))?.version, (await store.users.list('ada')).length]).toEqual(['1', 1]);
    expect(await store.sweep()).toEqual({ removed: 0, done: true });
    clock.advance(MINUTE);
    expect([await store.load(idOf(1)), (await store.users.list('ada')).length]).toEqual([undefined, 0]);
    expect(await store.sweep()).toEqual({ removed: 1, done: true });
  });

  it('ASVS 7.4.5: clear and count go through 12,000 sessions in steps, with other work in between', async () => {
    database.exec('BEGIN');
    const insert = database.prepare(`INSERT INTO token_session VALUES (?, '1', '1', 'ada', ?, ?, ?, ?, ?)`);
    const entry = database.prepare(`INSERT INTO token_session_user VALUES ('ada', ?, ?, 1, 0, NULL, NULL)`);
    const end = clock.now() + MINUTE;
    for (let number = 0; number < 12_000; number++) {
      insert.run(idOf(number), clock.now(), clock.now(), MINUTE, MINUTE, end);
      entry.run(idOf(number), end);
    }
    database.exec('COMMIT');
    let turns = 0;
    const counting = setInterval(() => turns++, 0);
    expect(await store.count()).toBe(12_000);
    await store.clear();
    clearInterval(counting);
    expect([rows('token_session'), rows('token_session_user'), await store.count()]).toEqual([0, 0, 0]);
    expect(turns).toBeGreaterThan(3);
  });
});
