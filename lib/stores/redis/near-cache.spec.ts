import type { SessionRecord } from '../session-store.js';
import { NearCache } from './near-cache.js';
import { NO_RECORD } from '../no-record.js';

/** In how long a test is over; times are those of `performance.now()`. */
const LATER = 3_600_000;

function record(version: string, payload = 'text'): SessionRecord {
  return { payload, version, startedAt: 0, usedAt: 0, idleTimeout: 1, absoluteTimeout: 1 };
}

/** A fetch that the test ends: `end(record)`. */
function fetching(): {
  fetch: () => Promise<SessionRecord | undefined>;
  end: (found?: SessionRecord) => void;
  fail: () => void;
} {
  const { promise, resolve, reject } = withResolvers();
  return { fetch: () => promise, end: resolve, fail: () => reject(new Error('lost')) };
}

function withResolvers(): {
  promise: Promise<SessionRecord | undefined>;
  resolve: (found?: SessionRecord) => void;
  reject: (error: Error) => void;
} {
  let resolve!: (found?: SessionRecord) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<SessionRecord | undefined>((fulfil, refuse) => {
    resolve = fulfil;
    reject = refuse;
  });
  return { promise, resolve, reject };
}

const never = (): boolean => false;
const absent = (): Promise<undefined> => Promise.resolve(undefined);

/** What is served without a fetch. */
function near(cache: NearCache, id: string): SessionRecord | undefined {
  const found = cache.load(id, never, absent);
  return found instanceof Promise ? undefined : found;
}

async function have(cache: NearCache, id: string, payload?: string): Promise<SessionRecord> {
  const found = record(id, payload);
  await cache.load(id, never, () => Promise.resolve(found));
  return found;
}

/** How many things it holds, whatever it holds them in. */
function held(cache: NearCache): number {
  const all: unknown[] = Object.values(cache);
  return all.reduce<number>((sum, value) => sum + (value instanceof Map || value instanceof Set ? value.size : 0), 0);
}

describe('NearCache', () => {
  let isHeard: boolean;
  let cache: NearCache;

  beforeEach(() => {
    isHeard = true;
    cache = new NearCache(1_000_000, () => isHeard);
    cache.open(performance.now() + LATER);
  });

  it('serves what a load found, without another one', async () => {
    const found = await have(cache, 'a');
    const again = cache.load('a', never, () => {
      throw new Error('not needed');
    });
    expect(again).toBe(found);
  });

  it('keeps neither what is missing nor what is no record', async () => {
    await cache.load('a', never, absent);
    await cache.load('b', never, () => Promise.resolve(NO_RECORD));
    expect([near(cache, 'a'), near(cache, 'b')]).toEqual([undefined, undefined]);
  });

  it('law 8: a record whose time is over is asked for again: another process may have prolonged it', async () => {
    await have(cache, 'a');
    const prolonged = record('prolonged');
    expect(
      await cache.load(
        'a',
        () => true,
        () => Promise.resolve(prolonged),
      ),
    ).toBe(prolonged);
    expect(near(cache, 'a')).toBe(prolonged);
  });

  it('H25: unknown ids and failed loads leave nothing behind', async () => {
    await have(cache, 'known');
    for (let i = 0; i < 10_000; i++) await cache.load(`unknown ${i}`, never, absent);
    const failing = Array.from({ length: 100 }, (_, i) =>
      Promise.resolve(cache.load(`failing ${i}`, never, () => Promise.reject(new Error('lost')))),
    );
    const outcomes = await Promise.allSettled(failing);
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
    expect(held(cache)).toBe(1);
    cache.invalidate('known');
    expect(held(cache)).toBe(0);
  });

  it('drops the records that were served longest ago when their bytes are too many', async () => {
    const payload = 'x'.repeat(10_000);
    cache = new NearCache(35_000, () => true);
    cache.open(performance.now() + LATER);
    for (const id of ['a', 'b', 'c']) await have(cache, id, payload);
    near(cache, 'a');
    await have(cache, 'd', payload);
    expect(['a', 'b', 'c', 'd'].filter((id) => near(cache, id) !== undefined)).toEqual(['a', 'c', 'd']);
  });

  it('a record that is larger than all it may keep is not kept, and counts for nothing', async () => {
    cache = new NearCache(5_000, () => true);
    cache.open(performance.now() + LATER);
    for (let i = 0; i < 10; i++) await have(cache, 'large', 'x'.repeat(6_000));
    expect(near(cache, 'large')).toBeUndefined();
    const small = await have(cache, 'small');
    expect(near(cache, 'small')).toBe(small);
  });

  it('counts bytes right through replacing, invalidating and clearing', async () => {
    const payload = 'x'.repeat(10_000);
    cache = new NearCache(35_000, () => true);
    cache.open(performance.now() + LATER);
    for (let i = 0; i < 50; i++) {
      await Promise.all([have(cache, 'a', payload), have(cache, 'a', payload)]);
      cache.invalidate('a');
      await have(cache, 'b', payload);
      if (i % 2 === 0) cache.clear();
      cache.invalidate('b');
      cache.invalidate('b');
    }
    for (const id of ['a', 'b', 'c']) await have(cache, id, payload);
    expect(['a', 'b', 'c'].filter((id) => near(cache, id) !== undefined)).toEqual(['a', 'b', 'c']);
    await have(cache, 'd', payload);
    expect(held(cache)).toBe(3);
  });

  describe('R58: a load under way is not kept', () => {
    const changes: Record<string, () => unknown> = {
      'when its record is invalidated': () => cache.invalidate('a'),
      'when all records are dropped': () => cache.clear(),
      'when changes are told of no more': () => cache.close(),
      'when they were not told of for a while': () => {
        cache.close();
        cache.open(performance.now() + LATER);
      },
      'when all is told of anew': () => cache.open(performance.now() + LATER),
      'when this process changes it': () => cache.change('a', () => Promise.resolve()),
      'when this process fails to change it': () =>
        cache.change('a', () => Promise.reject(new Error('lost'))).catch(() => undefined),
      'when servers came or went': () => (isHeard = false),
    };
    it.each(Object.keys(changes))('%s', async (change) => {
      const [first, second] = [fetching(), fetching()];
      const loads = [first, second].map(async ({ fetch }) => cache.load('a', never, fetch));
      await changes[change]?.();
      const found = record('old');
      first.end(found);
      second.end(found);
      // Whoever asked before the change gets what there was.
      expect(await Promise.all(loads)).toEqual([found, found]);
      expect(near(cache, 'a')).toBeUndefined();
    });

    it('nor one that began and ended while this process changed the record', async () => {
      const { promise, resolve } = withResolvers();
      const change = cache.change('a', () => promise);
      await have(cache, 'a');
      const late = fetching();
      const load = cache.load('b', never, late.fetch);
      resolve();
      await change;
      expect(near(cache, 'a')).toBeUndefined();
      late.end(record('b'));
      await load;
      expect(near(cache, 'b')).toBeDefined();
    });

    it('and an invalidation of one id leaves loads of others alone', async () => {
      const other = fetching();
      const load = cache.load('b', never, other.fetch);
      cache.invalidate('a');
      other.end(record('b'));
      await load;
      expect(near(cache, 'b')).toBeDefined();
      expect(held(cache)).toBe(1);
    });
  });

  it('serves nothing before it is told of changes, nor past the time up to which that is proven', async () => {
    cache = new NearCache(1_000_000, () => true);
    await have(cache, 'a');
    expect(near(cache, 'a')).toBeUndefined();
    cache.open(performance.now());
    await have(cache, 'a');
    expect(near(cache, 'a')).toBeUndefined();
    cache.prolong(performance.now() + LATER);
    await have(cache, 'a');
    expect(near(cache, 'a')).toBeDefined();
    cache.close();
    expect(held(cache)).toBe(0);
    await have(cache, 'a');
    expect(near(cache, 'a')).toBeUndefined();
  });

  it('F71: after a time without proof it serves nothing from before: another server may be in office since', async () => {
    await have(cache, 'a');
    cache.prolong(performance.now() + LATER);
    expect(near(cache, 'a')).toBeDefined();
    cache.prolong(performance.now());
    cache.prolong(performance.now() + LATER);
    expect(near(cache, 'a')).toBeUndefined();
  });

  it('a change is passed on with its outcome', async () => {
    expect(await cache.change('a', () => Promise.resolve(7))).toBe(7);
    await expect(cache.change('a', () => Promise.reject(new Error('refused')))).rejects.toThrow('refused');
  });
});
