import { MemoryStore, SessionService, type AtomicSessionStore } from 'nestjs-token-session';
import { SqliteStore } from 'nestjs-token-session/sqlite';
import { closeApps, startApp } from '../support/app.js';
import { TestClock } from '../support/clock.js';
import { CounterController } from '../support/counter.controller.js';
import { openDatabase, removeFiles } from '../support/sqlite/files.js';

afterEach(async () => {
  await closeApps();
  removeFiles();
});

describe('ASVS 14.2.7: old data goes (see test/stores for Redis and PostgreSQL)', () => {
  const SESSIONS = 5_000;

  it.each<[string, number, () => { store: AtomicSessionStore; kept: () => number[] }]>([
    [
      'memory',
      2_000,
      () => {
        const store = new MemoryStore();
        const { records, users } = store as unknown as {
          records: { size: number };
          users: { users: { parts: Map<string, unknown>[] } };
        };
        return { store, kept: () => [records.size, users.users.parts.reduce((sum, { size }) => sum + size, 0)] };
      },
    ],
    [
      'SQLite',
      200,
      () => {
        const database = openDatabase(':memory:');
        const rows = (table: string): number =>
          (database.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n;
        return {
          store: new SqliteStore({ database }),
          kept: () => [rows('token_session'), rows('token_session_user')],
        };
      },
    ],
  ])(
    'ASVS 14.2.7: %s: nothing is left of ended sessions and their users, at most %d in one step',
    async (_t, most, open) => {
      const clock = new TestClock();
      const { store, kept } = open();
      const batches: number[] = [];
      const sweep = store.sweep?.bind(store) as NonNullable<AtomicSessionStore['sweep']>;
      store.sweep = async () => {
        const result = await sweep();
        batches.push(result.removed);
        return result;
      };
      const app = await startApp('express', {
        controllers: [CounterController],
        session: { store, clock: clock.now },
      });
      const sessions = app.get(SessionService);
      const times = {
        startedAt: clock.now(),
        usedAt: clock.now(),
        idleTimeout: 1_800_000,
        absoluteTimeout: 43_200_000,
      };
      for (let number = 0; number < SESSIONS; number++) {
        const id = String(number).padStart(43, 'i');
        const userId = `user ${String(number % 100)}`;
        await store.create(id, { ...times, payload: '1\n{"secret":1}', version: '1', userId });
        await store.users?.add(userId, id, 1_800_000, {});
      }
      expect([kept()[0], (kept()[1] as number) > 0]).toEqual([SESSIONS, true]);

      clock.advance(1_800_000 - 1);
      expect(await sessions.sweep()).toBe(0);
      batches.length = 0;
      clock.advance(1);
      expect(await sessions.sweep()).toBe(SESSIONS);

      expect(Math.max(...batches)).toBeLessThanOrEqual(most);
      expect(batches.length).toBeGreaterThanOrEqual(SESSIONS / most);
      while ((await sessions.sweep()) > 0);
      expect([kept(), await sessions.count(), await sessions.list('user 1')]).toEqual([[0, 0], 0, []]);
    },
  );
});
