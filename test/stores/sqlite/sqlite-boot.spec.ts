import { chmodSync, writeFileSync } from 'node:fs';
import { Client } from 'pg';
import Promised from 'libsql/promise';
import { SessionModule } from 'nestjs-token-session';
import { SqliteStore, type SqliteStoreOptions } from 'nestjs-token-session/sqlite';
import { closeApps, startApp } from '../../support/app.js';
import { call } from '../../support/client.js';
import { CounterController } from '../../support/counter.controller.js';
import { PLATFORMS } from '../../support/platforms.js';
import { newFile, openDatabase, removeFiles } from '../../support/sqlite/files.js';
import { attached, TestHost } from '../../support/sqlite/host.js';

afterEach(async () => {
  await closeApps();
  removeFiles();
});

const open = (options: object): SqliteStore => new SqliteStore(options as unknown as SqliteStoreOptions);

describe('options', () => {
  const takes = /database takes an open database of better-sqlite3, libsql or node:sqlite; got /;

  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /takes an object with database: new SqliteStore\(\{ database \}\)/],
    ['a path', 'sessions.db', /takes an object with database/],
    ['a database by itself', openDatabase(':memory:'), /takes an object with database/],
    ['a path for a database', { database: 'sessions.db' }, new RegExp(`${takes.source}"sessions.db"`)],
    ['another driver', { database: new Client() }, new RegExp(`${takes.source}an object`)],
    ['a class', { database: Map }, new RegExp(`${takes.source}a function or class`)],
    ['null', { database: null }, new RegExp(`${takes.source}null`)],
    ['an unknown option', { database: {}, path: 'x' }, /has no option path; it has database, table, synchronous/],
    ['no table', { table: '' }, /table takes the name of a table.*; got ""/],
    ['a table that SQLite keeps', { table: 'SQLite_x' }, /table takes .*; got "SQLite_x"/],
    ['a table with a NUL', { table: 'a\0b' }, /table takes .*; got "a\\u0000b"/],
    ['a table with half a character', { table: '\ud800' }, /table takes /],
    ['a table that is no text', { table: 7 }, /table takes .*; got 7/],
    ['another durability', { synchronous: 'off' }, /synchronous takes 'full' or 'normal'; got "off"/],
  ])('%s is refused at boot, by name', (_, options, message) => {
    const given = options !== null && typeof options === 'object' && !('database' in options) && !('exec' in options);
    const whole = given ? { database: openDatabase(':memory:'), ...options } : options;
    expect(() => open(whole as object)).toThrow(message);
    expect(() => open(whole as object)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  it.each([
    'order',
    'a"b',
    "a'b",
    'a; DROP TABLE x; --',
    'main.x',
    '[a]',
    '`',
    '\u{1f600}',
    ' ',
    '--',
    'x'.repeat(500),
  ])('CVE-2019-15658: a table may have any name, and none is SQL: %s', async (table) => {
    const database = openDatabase(':memory:');
    database.exec('CREATE TABLE x (a)');
    const store = attached({ database, table });
    const times = { startedAt: Date.now(), usedAt: Date.now(), idleTimeout: 1_000, absoluteTimeout: 1_000 };
    expect(await store.create('id', { ...times, payload: '', version: '1' })).toBe(true);
    await store.users.add('ada', 'id', 1_000, {});
    const names = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").all();
    expect(names).toEqual([{ name: 'x' }, { name: table }, { name: `${table}_user` }]);
  });
});

it.each([
  [{}, 2],
  [{ synchronous: 'full' } as const, 2],
  [{ synchronous: 'normal' } as const, 1],
])('law 4: what is acknowledged is on the disk, unless the application wants otherwise: %j', (options, synchronous) => {
  const database = openDatabase();
  const host = new TestHost();
  attached({ database, ...options }, host);
  const pragma = (name: string): unknown => database.prepare(`PRAGMA ${name}`).get();
  expect(pragma('synchronous')).toMatchObject({ synchronous });
  expect(pragma('journal_mode')).toMatchObject({ journal_mode: 'wal' });
  expect(host.notices).toEqual([]);
});

describe('S55, F76: a database that is there and can not be used', () => {
  const notADatabase = (): SqliteStoreOptions => {
    const file = newFile();
    writeFileSync(file, 'This is a letter to my bank. '.repeat(100));
    return { database: openDatabase(file) };
  };
  const readOnly = (): SqliteStoreOptions => {
    const file = newFile();
    attached({ database: openDatabase(file) });
    chmodSync(file, 0o444);
    return { database: openDatabase(`file:${file}?mode=ro`) };
  };
  const readOnlyByPragma = (): SqliteStoreOptions => {
    const database = openDatabase();
    database.exec('PRAGMA query_only = ON');
    return { database };
  };
  const layout = (sql: string) => (): SqliteStoreOptions => {
    const database = openDatabase();
    database.exec(sql);
    return { database };
  };
  const closed = (): SqliteStoreOptions => {
    const database = openDatabase();
    database.close();
    return { database };
  };
  const columns = 'payload, version, user_id, started_at, used_at, idle_timeout, absolute_timeout, sweep_at';
  const users = 'user_id, id, ends_at, settled, revoked, replaces, replaced';

  const cases: [string, () => SqliteStoreOptions, RegExp][] = [
    ['no database', notADatabase, /file is not a database.*Give it a file of its own/],
    ['a file that can only be read', readOnly, /readonly database.*Open it for writing/],
    ['a connection that only reads', readOnlyByPragma, /readonly database.*Open it for writing/],
    [
      'a table of another program',
      layout('CREATE TABLE token_session (name)'),
      /sweep_at.*another layout.*option `table`/,
    ],
    [
      'a table without a column',
      layout(`CREATE TABLE token_session (id PRIMARY KEY, ${columns.slice(9)})`),
      /payload.*another layout/,
    ],
    ['a table without its key', layout(`CREATE TABLE token_session (id, ${columns})`), /ON CONFLICT.*another layout/],
    [
      'a table with more to fill in',
      layout(`CREATE TABLE token_session (id PRIMARY KEY, ${columns}, more NOT NULL)`),
      /more.*another layout/,
    ],
    ['a view', layout(`CREATE VIEW token_session AS SELECT 1 AS id`), /another layout/],
    [
      'an index of users without its key',
      layout(`CREATE TABLE token_session_user (${users})`),
      /ON CONFLICT.*another layout/,
    ],
    ['a database that was closed', closed, /not open.*Open it before the application starts/],
    [
      'a driver that answers later',
      () => ({ database: new Promised(':memory:', {}) }),
      /does not answer at once.*synchronous/,
    ],
  ];

  it.each(cases)('%s: a boot error with the remedy', async (_, options, message) => {
    const store = new SqliteStore(options());
    const imports = [SessionModule.forRoot(store)];
    const starting = startApp('express', { imports, controllers: [CounterController] });
    await expect(starting).rejects.toThrow(message);
    await expect(starting).rejects.toMatchObject({ name: 'SessionConfigError', code: 'INVALID_STORE' });
  });

  it('S55: what it had begun to create is not there', () => {
    const { database } = layout('CREATE TABLE token_session_user (name)')();
    expect(() => void new SqliteStore({ database }).attach(new TestHost())).toThrow(/another layout/);
    const names = database.prepare('SELECT name FROM sqlite_schema').all();
    expect(names).toEqual([{ name: 'token_session_user' }]);
  });
});

describe.each(PLATFORMS)('%s', (platform) => {
  it('F67: starts beside a process that keeps the file locked, and serves once that lets go', async () => {
    const file = newFile();
    const other = openDatabase(file);
    other.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE theirs (x)');
    const store = new SqliteStore({ database: openDatabase(file) });
    const { url } = await startApp(platform, {
      session: { store, storeTimeout: 200 },
      controllers: [CounterController],
    });
    expect((await call(url, '/views', { method: 'POST' })).status).toBe(503);
    expect((await call(url, '/plain')).status).toBe(200);
    other.exec('COMMIT');
    other.close();
    const { status, token } = await call(url, '/views', { method: 'POST' });
    expect([status, token?.length]).toEqual([201, 43]);
  });

  it('law 6, restart: a session is there after a restart on the same file, one that was destroyed is not', async () => {
    const file = newFile();
    const start = (): ReturnType<typeof startApp> =>
      startApp(platform, {
        session: { store: new SqliteStore({ database: openDatabase(file) }) },
        controllers: [CounterController],
      });
    const before = await start();
    const { token } = await call(before.url, '/views', { method: 'POST' });
    const ended = (await call(before.url, '/views', { method: 'POST' })).token;
    await call(before.url, '/views', { method: 'POST', token });
    await call(before.url, '/session', { method: 'DELETE', token: ended });
    await before.close();
    const after = await start();
    expect((await call(after.url, '/views', { token })).json()).toEqual({ views: 2 });
    expect((await call(after.url, '/views', { token: ended })).json()).toEqual({ views: 0 });
    expect((await call(after.url, '/views', { method: 'POST', token })).json()).toEqual({ views: 3 });
  });
});
