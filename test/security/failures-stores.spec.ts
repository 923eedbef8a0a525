import { createHash } from 'node:crypto';
import type { SessionRecord } from 'nestjs-token-session';
import { SqliteStore } from 'nestjs-token-session/sqlite';
import { atomicStoreOf } from '../../lib/stores/atomic-store-of.js';
import { closeApps } from '../support/app.js';
import { TestClock } from '../support/clock.js';
import { PLATFORMS } from '../support/platforms.js';
import { data, ScriptedApp, type Script } from '../support/scripted.js';
import { openDatabase, removeFiles } from '../support/sqlite/files.js';
import { ProbedStore } from '../support/stores.js';
import { LOCAL_STORES, PLACES } from './support/places.js';

const begin: Script = (session) => void (session['user'] = 'bob');

afterEach(async () => {
  await closeApps();
  removeFiles();
});

describe('ASVS 7.2.3: tower-sessions: the insert of a new session was an upsert, which took over a session with that id', () => {
  const clock = new TestClock();
  const record = (version: string): SessionRecord => ({
    ...{ payload: `1\n{"of":"${version}"}`, version, startedAt: clock.now(), usedAt: clock.now() },
    ...{ idleTimeout: 60_000, absoluteTimeout: 600_000 },
  });
  const id = createHash('sha256').update('taken').digest('base64url');

  it.each(Object.entries(LOCAL_STORES))(
    'ASVS 7.2.3: %s refuses a second one, and keeps the first',
    async (_t, open) => {
      const store = atomicStoreOf(open(), 5_000);
      await store.attach?.({ now: clock.now, storeTimeout: 5_000, evicted: () => undefined, notice: () => undefined });
      expect(await store.create(id, record('first'))).toBe(true);
      expect(await store.create(id, record('second'))).toBe(false);
      expect(await store.load(id)).toMatchObject(record('first'));
      const both = await Promise.all([
        store.create(`${id.slice(1)}A`, record('a')),
        store.create(`${id.slice(1)}A`, record('b')),
      ]);
      expect(both.sort()).toEqual([false, true]);
    },
  );

  it.each(PLATFORMS)('ASVS 7.2.3: who begins a session whose id is taken gets another one, on %s', async (platform) => {
    for (const { way } of PLACES) {
      const store = new ProbedStore();
      const app = await ScriptedApp.start(platform, { store, clock: clock.now }, { carrier: way });
      let taken: string | undefined;
      store.before = (operation, created) => {
        if (operation !== 'create' || taken !== undefined) return;
        taken = created;
        return store.inner.create(created, record('first'));
      };
      const answer = await app.run(begin);
      expect(await store.inner.load(taken as string)).toEqual(record('first'));
      expect((await app.run(data, answer.issued)).result).toEqual({ user: 'bob' });
      expect(
        createHash('sha256')
          .update(answer.issued as string)
          .digest('base64url'),
      ).not.toBe(taken);
      await app.running.close();
    }
  });
});

describe('CVE-2019-15658: connect-pg-simple: the name of the table could be SQL', () => {
  it.each([
    'x"; DROP TABLE canary; --',
    `x'); DROP TABLE canary; --`,
    '"',
    '""',
    "o'clock",
    'a.b',
    '[x]',
    '`x`',
    'select',
    ' ',
    '*/ --',
    '?1 :x @y $z',
    '😀',
  ])('CVE-2019-15658: a table of SQLite may be named %j, and that is all it is', async (table) => {
    const database = openDatabase(':memory:');
    database.exec('CREATE TABLE canary (x)');
    const app = await ScriptedApp.start('express', { store: new SqliteStore({ database, table }) });
    const token = await app.signIn();
    await app.run(begin, token);
    await app.run((session) => session.touch(), token);
    expect(await app.sessions.list('ada')).toHaveLength(1);
    expect([await app.sessions.count(), await app.sessions.sweep()]).toEqual([1, 0]);
    expect(await app.sessions.destroyAll('ada')).toBe(1);
    await app.sessions.clear();
    const names = database.prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`).all() as { name: string }[];
    expect(names.map(({ name }) => name).sort()).toEqual([table, `${table}_user`, 'canary'].sort());
  });

  it.each(['', 'a\0b', 'sqlite_master', '\ud800'])('CVE-2019-15658: %j is refused at boot', (table) => {
    expect(() => new SqliteStore({ database: openDatabase(':memory:'), table })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION' }),
    );
  });
});
