import { jest } from '@jest/globals';
import { MemoryStore, type AtomicSessionStore, type SessionEnd, type SessionRecord } from 'nestjs-token-session';
import { Barrier } from '../test/support/barrier.js';
import { TestClock } from '../test/support/clock.js';
import { SteeredStore } from '../test/support/steered-store.js';
import { ProbedStore } from '../test/support/stores.js';
import { closeNodes, WatchingNode } from '../test/support/watching.js';

const HOUR = 3_600_000;
const IDLE = HOUR / 2;

afterEach(closeNodes);
afterEach(() => {
  jest.restoreAllMocks();
});

/** Stores by what a watcher gets of them. */
const STORES: Record<string, () => { stores: readonly [AtomicSessionStore, AtomicSessionStore] }> = {
  'a store that tells': () => {
    const store = new MemoryStore();
    return { stores: [store, store] };
  },
  'a store that tells nothing': () => {
    const inner = new MemoryStore();
    return { stores: [new ProbedStore(inner), new ProbedStore(inner)] };
  },
};

describe.each(Object.entries(STORES))('a session that is watched, in %s', (_name, build) => {
  let clock: TestClock;
  let here: WatchingNode;
  let there: WatchingNode;

  beforeEach(() => {
    clock = new TestClock();
    const [first, second] = build().stores;
    here = new WatchingNode(first, clock);
    there = new WatchingNode(second, clock);
  });

  /** Nodes on which the end happens, seen from the one that watches. */
  const WHERE = { 'in this process': () => here, 'in another process': () => there };

  describe.each(Object.entries(WHERE))('ended %s', (_where, other) => {
    it('law 6, ASVS 7.4.1: is told as ended when it is destroyed', async () => {
      const session = await other().begin();
      const heard = here.watch(session);
      await here.looked();
      await session.destroy();
      expect(await heard.first).toBe('ended');
    });

    it('law 7: is told as renewed when its token is replaced', async () => {
      const session = await other().begin();
      const heard = here.watch(session);
      await here.looked();
      await session.regenerate([]);
      expect(await heard.first).toBe('renewed');
    });

    it('ASVS 7.4.3: is told as ended by destroyAll, and one that is excepted is not', async () => {
      const [first, second, kept] = [await there.signIn('ada'), await there.signIn('ada'), await there.signIn('ada')];
      const heard = [here.watch(first), here.watch(second)];
      const spared = here.watch(kept);
      await here.looked();
      expect(await other().engine.users.destroyAll('ada', kept.id)).toBe(2);
      expect(await Promise.all(heard.map(({ first: why }) => why))).toEqual(['ended', 'ended']);
      expect(spared.ends).toEqual([]);
    });
  });

  it('is told at once what this process does, before whoever did it goes on', async () => {
    const [first, second, third] = [await here.begin(), await here.begin(), await here.signIn('ada')];
    const heard = [first, second, third].map((session) => here.watch(session));
    await first.destroy();
    await second.regenerate([]);
    await here.engine.users.destroyAll('ada', undefined);
    expect(heard.map(({ ends }) => ends)).toEqual([['ended'], ['renewed'], ['ended']]);
  });

  it('is told as expired at its idle limit, though nobody asks for it', async () => {
    const session = await there.begin();
    const heard = here.watch(session);
    await here.looked();
    clock.advance(IDLE);
    expect(await heard.first).toBe('expired');
  });

  it('law 8: is told as expired at its absolute limit, however much it is used', async () => {
    const session = await there.begin();
    const heard = here.watch(session);
    await here.looked();
    for (let minutes = 20; minutes < 12 * 60; minutes += 20) {
      clock.advance(20 * 60_000);
      await session.touch();
    }
    expect(heard.ends).toEqual([]);
    clock.advance(20 * 60_000);
    expect(await heard.first).toBe('expired');
  });

  it('that ended between its load and the watching is told all the same', async () => {
    const session = await there.begin();
    await session.destroy();
    expect(await here.watch(session).first).toBe('ended');
  });

  it('that never was is told as ended, and not within the call', async () => {
    let isReturned = false;
    const why = await new Promise<SessionEnd>((resolve) => {
      here.engine.watch('A'.repeat(43), (end) => {
        expect(isReturned).toBe(true);
        resolve(end);
      });
      isReturned = true;
    });
    expect(why).toBe('ended');
  });

  it('ASVS 7.4.5: is told as ended when all sessions are cleared', async () => {
    const session = await there.begin();
    const heard = here.watch(session);
    await here.looked();
    await there.engine.store.clear();
    expect(await heard.first).toBe('ended');
  });

  it('is told to each who watches, once; one that throws or fails later harms nobody', async () => {
    const session = await there.begin();
    here.engine.watch(session.id as string, () => {
      throw new Error('on purpose');
    });
    here.engine.watch(session.id as string, () => Promise.reject(new Error('on purpose')) as never);
    const [first, second] = [here.watch(session), here.watch(session)];
    await session.destroy();
    await Promise.all([first.first, second.first]);
    await session.destroy().catch(() => undefined);
    const marker = await there.begin();
    const markerHeard = here.watch(marker);
    await marker.destroy();
    await markerHeard.first;
    expect([first.ends, second.ends]).toEqual([['ended'], ['ended']]);
  });

  it('is not told any more to one who has stopped watching, and the others go on', async () => {
    const session = await there.begin();
    const [gone, stays] = [here.watch(session), here.watch(session)];
    gone.unwatch();
    gone.unwatch();
    await session.destroy();
    expect(await stays.first).toBe('ended');
    expect(gone.ends).toEqual([]);
  });
});

describe('a touch in another process', () => {
  it('moves the end: the record is looked at when it comes', async () => {
    const clock = new TestClock();
    const store = new SteeredStore();
    // It tells of ends, so that nothing but the end makes the watcher look.
    const telling = Object.assign(store, { endings: store.inner.endings });
    const [here, there] = [new WatchingNode(telling, clock), new WatchingNode(store.inner, clock)];
    const session = await there.begin();
    const looked = new Looked(store);
    const heard = here.watch(session);
    await looked.times(1);
    clock.advance(IDLE - 1);
    await session.touch();
    clock.advance(1);
    await looked.times(2);
    expect(heard.ends).toEqual([]);
    clock.advance(IDLE - 2);
    expect(store.calls.filter((call) => call === 'load')).toHaveLength(2);
    clock.advance(1);
    expect(await heard.first).toBe('expired');
  });
});

/** Lets so many ms pass by the clock that nobody sets, and waits until the watcher has seen it. */
async function tickAfter(passed: number): Promise<void> {
  const start = performance.now();
  const ticked = new Barrier();
  const clock = jest.spyOn(performance, 'now').mockImplementation(() => {
    void ticked.pass();
    return start + passed;
  });
  await ticked.arrived;
  clock.mockRestore();
}

/** Waits until a store was asked for a record so many times. */
class Looked {
  private waiting: { count: number; resolve: () => void } | undefined;
  private seen = 0;

  constructor(store: SteeredStore) {
    store.steer = (operation, run) => {
      const answer = run();
      if (operation === 'load' && ++this.seen >= (this.waiting?.count ?? Infinity)) this.waiting?.resolve();
      return answer;
    };
  }

  times(count: number): Promise<void> {
    return new Promise((resolve) => {
      this.waiting = { count, resolve };
      if (this.seen >= count) resolve();
    });
  }
}

describe('a store that tells of ends, and loses one', () => {
  const listen = ({ connected }: { connected: () => void }) => {
    connected();
    return () => undefined;
  };

  it('is asked at once after a destroy of this process whose answer was lost', async () => {
    const store = new SteeredStore();
    const here = new WatchingNode(Object.assign(store, { endings: { listen } }));
    const session = await here.begin();
    const heard = here.watch(session);
    await here.looked();
    store.steer = async (operation, run) => {
      const answer = await run();
      if (operation === 'destroy') throw new Error('connection reset');
      return answer;
    };
    await expect(session.destroy()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await here.looked();
    expect(heard.ends).toEqual(['ended']);
  });

  it.each([
    [29_000, []],
    [30_000, ['ended']],
  ])('is asked for each session all the same, half a minute after the last time: %i ms', async (passed, ends) => {
    const store = new SteeredStore();
    const here = new WatchingNode(Object.assign(store, { endings: { listen } }));
    const session = await here.begin();
    const heard = here.watch(session);
    await here.looked();
    store.inner.destroy(session.id as string);
    await tickAfter(passed);
    await here.looked();
    expect(heard.ends).toEqual(ends);
  });
});

describe('a request of this process', () => {
  it('that finds a session past its end, or none, tells whoever watches at once', async () => {
    const clock = new TestClock();
    const store = new ProbedStore();
    const here = new WatchingNode(store, clock);
    const session = await here.begin();
    const heard = here.watch(session);
    here.engine.missed(session.id as string, session.record);
    expect(heard.ends).toEqual(['expired']);
  });

  it('whose memory store drops a session to make room tells of it', async () => {
    const here = new WatchingNode(new MemoryStore({ maxSessions: 1 }));
    const heard = here.watch(await here.begin());
    await here.begin();
    expect(heard.ends).toEqual(['ended']);
  });
});

describe('a store that fails', () => {
  it('F67: is asked for one session at a time after ten that failed, and what ended meanwhile is told when it is back', async () => {
    const store = new SteeredStore();
    const here = new WatchingNode(store);
    const sessions = await Promise.all(Array.from({ length: 200 }, () => here.begin()));
    let failed = 0;
    const failedOften = new Barrier(12);
    store.steer = (operation, run) => {
      if (operation !== 'load') return run();
      failed++;
      void failedOften.pass();
      throw new Error('away');
    };
    const heard = sessions.map((session) => here.watch(session));
    await failedOften.arrived;
    expect(failed).toBe(12);
    for (const { id } of sessions) store.inner.destroy(id as string);
    store.steer = undefined;
    const all = await Promise.all(heard.map(({ first }) => first));
    expect(new Set(all)).toEqual(new Set(['ended']));
  });

  it('F67: for some sessions, as while a shard of a Cluster is down, keeps none of the others waiting', async () => {
    const store = new SteeredStore();
    const here = new WatchingNode(store);
    const sessions = await Promise.all(Array.from({ length: 120 }, () => here.begin()));
    const isLost = new Set(sessions.filter((_, index) => index % 3 === 0).map(({ id }) => id));
    const load = store.load.bind(store);
    let failures = 0;
    // Each of them once, and one again: from then on it goes on like that.
    const steady = new Barrier(isLost.size + 1);
    store.load = (id) => {
      if (!isLost.has(id)) return load(id);
      failures++;
      void steady.pass();
      return Promise.reject(new Error('CLUSTERDOWN'));
    };
    const watched = sessions.map(({ id }) => ({ id, heard: here.watch({ id }) }));
    const firstOf = (lost: boolean) =>
      Promise.all(watched.filter(({ id }) => isLost.has(id) === lost).map(({ heard }) => heard.first));
    await steady.arrived;
    const before = failures;
    for (const { id } of sessions) store.inner.destroy(id as string);
    expect(new Set(await firstOf(false))).toEqual(new Set(['ended']));
    // One of them was tried now and then meanwhile, not all of them ahead of the others.
    expect(failures - before).toBeLessThan(isLost.size / 2);
    expect(watched.filter(({ heard }) => heard.ends.length > 0)).toHaveLength(80);
    store.load = load;
    expect(new Set(await firstOf(true))).toEqual(new Set(['ended']));
  });

  it('F68: that never answers is waited for by fifty looks at most', async () => {
    const store = new SteeredStore();
    const here = new WatchingNode(store, undefined, { storeTimeout: 60_000 });
    const sessions = await Promise.all(Array.from({ length: 200 }, () => here.begin()));
    let asked = 0;
    let release!: () => void;
    const silence = new Promise<void>((resolve) => (release = resolve));
    const fifty = new Barrier(50);
    store.steer = async (operation, run) => {
      if (operation === 'load') {
        asked++;
        void fifty.pass();
        await silence;
      }
      return run();
    };
    const heard = sessions.map((session) => here.watch(session));
    await fifty.arrived;
    for (const { id } of sessions) store.inner.destroy(id as string);
    expect(asked).toBe(50);
    release();
    expect(await Promise.all(heard.map(({ first }) => first))).toEqual(sessions.map(() => 'ended'));
  });

  it('whose listen throws is looked at again and again', async () => {
    const store = new SteeredStore();
    const listen = (): never => {
      throw new Error('on purpose');
    };
    const here = new WatchingNode(Object.assign(store, { endings: { listen } }));
    const session = await here.begin();
    const heard = here.watch(session);
    store.inner.destroy(session.id as string);
    expect(await heard.first).toBe('ended');
  });
});

describe('what is told wrongly', () => {
  it('ends nothing: the record decides', async () => {
    const store = new MemoryStore();
    const here = new WatchingNode(store);
    const [session, other] = [await here.begin(), await here.begin()];
    const heard = here.watch(session);
    const otherHeard = here.watch(other);
    store.endings.tell(session.id as string);
    store.endings.tell('nobody');
    store.destroy(other.id as string);
    await otherHeard.first;
    expect(heard.ends).toEqual([]);
  });

  it('an end that comes while the record is looked at makes it be looked at again', async () => {
    const store = new SteeredStore();
    const telling = Object.assign(store, { endings: store.inner.endings });
    const here = new WatchingNode(telling);
    const session = await here.begin();
    const barrier = new Barrier();
    let isFirst = true;
    store.steer = async (operation, run) => {
      const answer = run();
      if (operation === 'load' && isFirst) {
        isFirst = false;
        await barrier.pass();
      }
      return answer;
    };
    const heard = here.watch(session);
    await barrier.arrived;
    // The look has its answer already, in which the session lives.
    store.inner.destroy(session.id as string);
    barrier.open();
    expect(await heard.first).toBe('ended');
  });
});

describe('while nothing is watched', () => {
  /** Counts who listens, and the timers that are running. */
  function counted() {
    const store = new MemoryStore();
    let listening = 0;
    const endings = {
      listen: (listener: Parameters<typeof store.endings.listen>[0]) => {
        listening++;
        const stop = store.endings.listen(listener);
        return () => {
          listening--;
          stop();
        };
      },
    };
    return { store: Object.assign(new SteeredStore(), { inner: store, endings }), listening: () => listening };
  }

  it('there is no timer and no listener; many sockets on many sessions have one of each', async () => {
    const running = new Set<unknown>();
    const { setInterval: begin, clearInterval: end } = globalThis;
    const { store, listening } = counted();
    const here = new WatchingNode(store);
    const sessions = await Promise.all(Array.from({ length: 20 }, () => here.begin()));
    jest.spyOn(globalThis, 'setInterval').mockImplementation((...args: Parameters<typeof begin>) => {
      const timer = begin(...args);
      running.add(timer);
      return timer;
    });
    jest.spyOn(globalThis, 'clearInterval').mockImplementation((timer) => {
      running.delete(timer);
      end(timer);
    });
    expect([running.size, listening()]).toEqual([0, 0]);
    const heard = [...sessions, ...sessions].map((session) => here.watch(session));
    expect([running.size, listening()]).toEqual([1, 1]);
    for (const timer of running) expect((timer as NodeJS.Timeout).hasRef()).toBe(false);
    for (const { unwatch } of heard.slice(1)) unwatch();
    expect([running.size, listening()]).toEqual([1, 1]);
    heard[0]?.unwatch();
    await tickAfter(9_000);
    expect([running.size, listening()]).toEqual([1, 1]);
    await tickAfter(10_000);
    expect([running.size, listening()]).toEqual([0, 0]);
    // And again, by an end.
    const last = here.watch(sessions[0] as never);
    expect([running.size, listening()]).toEqual([1, 1]);
    await sessions[0]?.destroy();
    await last.first;
    await tickAfter(10_000);
    expect([running.size, listening()]).toEqual([0, 0]);
  });

  it('who comes and goes all the time makes no new connection each time', async () => {
    const { store, listening } = counted();
    const listen = jest.spyOn(store.endings, 'listen');
    const here = new WatchingNode(store);
    const session = await here.begin();
    for (let times = 0; times < 20; times++) here.watch(session).unwatch();
    await tickAfter(9_000);
    const heard = here.watch(session);
    await here.looked();
    await tickAfter(10_000);
    expect([listening(), listen.mock.calls.length]).toEqual([1, 1]);
    await session.destroy();
    expect(heard.ends).toEqual(['ended']);
  });

  it('L93: all is gone when the engine is closed, and nobody is told any more', async () => {
    const { store, listening } = counted();
    const here = new WatchingNode(store);
    const session = await here.begin();
    const heard = here.watch(session);
    await here.engine.close();
    expect(listening()).toBe(0);
    const late = here.watch(session);
    store.inner.destroy(session.id as string);
    expect(listening()).toBe(0);
    heard.unwatch();
    late.unwatch();
    expect([heard.ends, late.ends]).toEqual([[], []]);
  });
});

describe('10,000 sessions that are watched', () => {
  it('are looked at fifty at a time, and each end is told', async () => {
    const store = new SteeredStore();
    const here = new WatchingNode(store);
    const { record } = await here.begin();
    const sessions = Array.from({ length: 10_000 }, (_, number) => ({ id: String(number).padStart(43, '0') }));
    for (const { id } of sessions) store.inner.create(id, record as SessionRecord);
    let [underWay, most] = [0, 0];
    store.steer = async (operation, run) => {
      if (operation !== 'load') return run();
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setImmediate(resolve));
      underWay--;
      return run();
    };
    const heard = sessions.map((session) => here.watch(session));
    for (const { id } of sessions) store.inner.destroy(id);
    expect(new Set(await Promise.all(heard.map(({ first }) => first)))).toEqual(new Set(['ended']));
    expect(most).toBeLessThanOrEqual(50);
    expect(heard.every(({ ends }) => ends.length === 1)).toBe(true);
  });
});
