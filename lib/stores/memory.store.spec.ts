import { session } from '../session.middleware.js';
import { TestClock } from '../../test/support/clock.js';
import { MemoryStore } from './memory.store.js';
import type { SessionRecord, SweepResult } from './session-store.js';

const MINUTE = 60_000;

function record(clock: TestClock, fields: Partial<SessionRecord> = {}): SessionRecord {
  const now = clock.now();
  const times = { startedAt: now, usedAt: now, idleTimeout: 30 * MINUTE, absoluteTimeout: 60 * MINUTE };
  return { ...times, payload: '1\n{}', version: 'a', ...fields };
}

/** A store as the session layer attaches it, with what it told. */
function attached(options?: ConstructorParameters<typeof MemoryStore>[0]): {
  store: MemoryStore;
  clock: TestClock;
  evicted: string[];
  notices: string[];
} {
  const clock = new TestClock();
  const store = new MemoryStore(options);
  const evicted: string[] = [];
  const notices: string[] = [];
  store.attach({
    now: clock.now,
    storeTimeout: 2_000,
    evicted: (id, reason) => evicted.push(`${id}: ${reason}`),
    notice: (text) => notices.push(text),
  });
  return { store, clock, evicted, notices };
}

describe('MemoryStore', () => {
  it('law 6: create only inserts; update and touch never create', () => {
    const { store, clock } = attached();
    const first = record(clock, { payload: 'first' });
    expect(store.update('a', first, 'a')).toEqual({ status: 'missing' });
    expect(store.touch('a', first)).toBe(false);
    expect(store.create('a', first)).toBe(true);
    expect(store.create('a', record(clock, { payload: 'second' }))).toBe(false);
    expect(store.load('a')).toEqual(first);
    expect(store.destroy('a')).toEqual(first);
    expect(store.destroy('a')).toBeUndefined();
    expect(store.update('a', first, 'a')).toEqual({ status: 'missing' });
    expect(store.touch('a', first)).toBe(false);
    expect(store.load('a')).toBeUndefined();
  });

  it('law 5: update takes the expected version only and otherwise gives the current record', () => {
    const { store, clock } = attached();
    store.create('a', record(clock, { version: '1' }));
    const second = record(clock, { version: '2' });
    expect(store.update('a', second, '1')).toEqual({ status: 'updated' });
    expect(store.update('a', record(clock, { version: '3' }), '1')).toEqual({ status: 'conflict', current: second });
  });

  it('law 8: touch moves the idle clock and nothing else', () => {
    const { store, clock } = attached();
    const before = record(clock);
    store.create('a', before);
    clock.advance(MINUTE);
    store.touch('a', { ...before, usedAt: clock.now(), absoluteTimeout: 1e9, startedAt: 0 });
    expect(store.load('a')).toEqual({ ...before, usedAt: clock.now() });
  });

  it.each<[string, (store: MemoryStore, record: SessionRecord) => unknown]>([
    ['load', (store) => store.load('a')],
    ['update', (store, next) => store.update('a', next, 'a').status === 'updated' || undefined],
    ['touch', (store, next) => store.touch('a', next) || undefined],
    ['destroy', (store) => store.destroy('a')],
  ])('law 8: %s finds a record until 1 ms before its end and not from then on', (_name, find) => {
    for (const limits of [
      { idleTimeout: MINUTE, absoluteTimeout: 60 * MINUTE },
      { idleTimeout: 60 * MINUTE, absoluteTimeout: MINUTE },
    ]) {
      const { store, clock } = attached();
      const stored = record(clock, limits);
      store.create('a', stored);
      clock.advance(MINUTE - 1);
      expect(find(store, stored)).toBeDefined();
      store.create('a', stored);
      clock.advance(1);
      expect(find(store, stored)).toBeUndefined();
    }
  });

  it('F80: is bounded: the session stored or touched longest ago goes, and a notice says which', () => {
    const { store, clock, evicted } = attached({ maxSessions: 3 });
    for (const id of ['a', 'b', 'c']) store.create(id, record(clock));
    store.touch('a', record(clock));
    store.update('b', record(clock), 'a');
    store.create('d', record(clock));
    expect(['a', 'b', 'c', 'd'].filter((id) => store.load(id) !== undefined)).toEqual(['a', 'b', 'd']);
    expect(evicted).toEqual([expect.stringMatching(/^c: .*3 sessions; raise maxSessions or use another store/)]);
  });

  it('F80: room that an ended session leaves is no eviction', () => {
    const { store, clock, evicted } = attached({ maxSessions: 1 });
    store.create('a', record(clock, { idleTimeout: 1 }));
    clock.advance(1);
    store.create('b', record(clock));
    expect(evicted).toEqual([]);
    expect(store.load('b')).toBeDefined();
  });

  it.each<[string, (store: MemoryStore, clock: TestClock) => unknown]>([
    ['evicted', (store, clock) => store.create('b', record(clock))],
    ['destroyed', (store) => store.destroy('a')],
    ['found to have ended', (store, clock) => (clock.advance(30 * MINUTE), store.load('a'))],
    ['swept', (store, clock) => (clock.advance(30 * MINUTE), store.sweep())],
  ])('ASVS 7.5.2, F80: a session that is %s leaves the list of its user', (_how, drop) => {
    const { store, clock } = attached({ maxSessions: 1 });
    store.users.add('ada', 'a', 60 * MINUTE, {});
    store.users.settle('ada', 'a', 60 * MINUTE);
    store.create('a', record(clock, { userId: 'ada' }));
    expect(store.users.list('ada')).toMatchObject([{ id: 'a' }]);
    drop(store, clock);
    expect(store.users.list('ada')).toEqual([]);
  });

  it('F80, law 8: is bounded, and lets sessions end, without a session layer too', () => {
    const store = new MemoryStore({ maxSessions: 1 });
    const now = Date.now();
    const stored = { startedAt: now, usedAt: now, idleTimeout: MINUTE, absoluteTimeout: MINUTE };
    for (const id of ['a', 'b']) store.create(id, { ...stored, payload: '1\n{}', version: 'a' });
    expect([store.load('a'), store.load('b')?.version]).toEqual([undefined, 'a']);
    store.create('c', { ...stored, usedAt: now - MINUTE, payload: '1\n{}', version: 'a' });
    expect(store.load('c')).toBeUndefined();
  });

  it('F80: never holds more than maxSessions, however many come', () => {
    const { store, clock, evicted } = attached({ maxSessions: 100 });
    const stored = record(clock);
    for (let n = 0; n < 10_000; n++) store.create(String(n), stored);
    expect(store.count()).toBe(100);
    expect(evicted).toHaveLength(9_900);
  });

  it('ASVS 14.2.7: sweeps ended sessions in bounded batches and goes on where it stopped', () => {
    const { store, clock } = attached();
    const [short, long] = [record(clock, { idleTimeout: 1 }), record(clock)];
    for (let n = 0; n < 9_000; n++) store.create(String(n), n % 3 === 0 ? long : short);
    clock.advance(1);
    const batches: SweepResult[] = [];
    do batches.push(store.sweep());
    while (batches.at(-1)?.done === false);
    expect(batches.length).toBeGreaterThan(3);
    expect(Math.max(...batches.map(({ removed }) => removed))).toBeLessThanOrEqual(2_000);
    expect(batches.reduce((sum, { removed }) => sum + removed, 0)).toBe(6_000);
    expect(store.count()).toBe(3_000);
    expect(store.sweep().removed).toBe(0);
  });

  it('counts and clears', () => {
    const { store, clock } = attached();
    store.create('a', record(clock, { idleTimeout: 1 }));
    store.create('b', record(clock));
    expect(store.count()).toBe(2);
    clock.advance(1);
    expect(store.count()).toBe(1);
    store.clear();
    expect(store.count()).toBe(0);
    expect(store.load('b')).toBeUndefined();
  });

  it('F80: its sweep keeps no process alive', async () => {
    const before = process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
    const middleware = session({ store: new MemoryStore() });
    expect(process.getActiveResourcesInfo().filter((name) => name === 'Timeout')).toHaveLength(before);
    await middleware.close();
  });

  it.each([0, -1, 1.5, NaN, Infinity, '10', null])('refuses maxSessions %j', (maxSessions) => {
    expect(() => new MemoryStore({ maxSessions: maxSessions as number })).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: expect.stringContaining(`maxSessions takes a whole number of at least 1, got ${String(maxSessions)}`),
      }) as Error,
    );
  });

  it('refuses an option that it does not have, by name, with the one that it has', () => {
    expect(() => new MemoryStore({ maxSession: 5 } as never)).toThrow(
      expect.objectContaining({
        name: 'SessionConfigError',
        code: 'INVALID_OPTION',
        message: 'MemoryStore: has no option maxSession; it has maxSessions.',
      }) as Error,
    );
  });

  describe('in production', () => {
    const { NODE_ENV } = process.env;
    afterEach(() => {
      process.env['NODE_ENV'] = NODE_ENV;
    });

    it('law 12: says once at boot that it is no store for production', () => {
      process.env['NODE_ENV'] = 'production';
      expect(attached().notices).toEqual([expect.stringMatching(/MemoryStore in production: .*outlives the process/)]);
    });

    it('says nothing elsewhere', () => {
      expect(attached().notices).toEqual([]);
    });
  });
});
