import { jest } from '@jest/globals';
import { SimpleMapStore } from '../../test/support/stores.js';
import { TestClock } from '../../test/support/clock.js';
import { METADATA_KEY, SimpleStoreAdapter } from './simple-store.adapter.js';
import type { SessionRecord, SessionStore, StoreCallback, StoredSession } from './session-store.js';

const MINUTE = 60_000;
const ID = 'a';
const clock = new TestClock();

function record(data: object = { n: 1 }, fields: Partial<SessionRecord> = {}): SessionRecord {
  const times = { startedAt: clock.now(), usedAt: clock.now(), idleTimeout: 30 * MINUTE, absoluteTimeout: 60 * MINUTE };
  return { ...times, payload: `1\n${JSON.stringify(data)}`, version: '1', ...fields };
}

function adapt(store: SessionStore, timeout = 1_000): SimpleStoreAdapter & { notices: string[] } {
  const notices: string[] = [];
  const adapter = Object.assign(new SimpleStoreAdapter(store, timeout), { notices });
  adapter.attach({
    now: clock.now,
    storeTimeout: 2_000,
    evicted: () => undefined,
    notice: (text) => notices.push(text),
  });
  return adapter;
}

type Kept = Map<string, StoredSession>;

/** One behaviour in each form that the contract allows. */
const FORMS: Record<string, (kept: Kept) => SessionStore> = {
  'gives promises': (kept) => ({
    get: (sid) => Promise.resolve(kept.get(sid)),
    set: async (sid, session) => void kept.set(sid, session),
    destroy: async (sid) => void kept.delete(sid),
  }),
  'answers at once': (kept) => ({
    get: (sid) => kept.get(sid),
    set: (sid, session) => void kept.set(sid, session),
    destroy: (sid) => void kept.delete(sid),
  }),
  'calls back, with ttl': (kept) => ({
    get: (sid, callback) => setImmediate(callback, null, kept.get(sid)),
    set(sid: string, session: StoredSession, _ttl: number, callback: StoreCallback) {
      kept.set(sid, session);
      setImmediate(callback);
    },
    destroy: (sid, callback) => setImmediate(callback, undefined, kept.delete(sid)),
  }),
  'calls back as those of connect, without ttl': (kept) => ({
    get: (sid, callback) => setImmediate(callback, null, kept.get(sid) ?? null),
    set(sid: string, session: StoredSession, callback: unknown) {
      kept.set(sid, session);
      setImmediate(callback as StoreCallback, null);
    },
    destroy: (sid, callback) => setImmediate(callback, kept.delete(sid) ? null : undefined),
  }),
  'calls back before it returns': (kept) => ({
    get(sid, callback) {
      callback(null, kept.get(sid));
    },
    set(sid: string, session: StoredSession, _ttl: number, callback: StoreCallback) {
      kept.set(sid, session);
      callback();
    },
    destroy(sid, callback) {
      kept.delete(sid);
      callback();
    },
  }),
  'gives promises of another library': (kept) => ({
    get: (sid) => ({ then: (done: (value: unknown) => void) => { done(kept.get(sid)); } }), // prettier-ignore
    set: (sid, session) => ({ then: (done: () => void) => { kept.set(sid, session); done(); } }), // prettier-ignore
    destroy: (sid) => ({ then: (done: () => void) => { kept.delete(sid); done(); } }), // prettier-ignore
  }),
};

describe.each(Object.entries(FORMS))('a simple store that %s', (_form, build) => {
  it('keeps the strong contract within one process', async () => {
    const adapter = adapt(build(new Map()));
    const first = record();
    const second = record({ n: 2 }, { version: '2', userId: 'ann' });
    expect(await adapter.load(ID)).toBeUndefined();
    expect(await adapter.update(ID, first, '1')).toEqual({ status: 'missing' });
    expect(await adapter.touch(ID, first)).toBe(false);
    expect(await adapter.create(ID, first)).toBe(true);
    expect(await adapter.create(ID, second)).toBe(false);
    expect(await adapter.load(ID)).toEqual(first);
    expect(await adapter.update(ID, second, '0')).toEqual({ status: 'conflict', current: first });
    expect(await adapter.update(ID, second, '1')).toEqual({ status: 'updated' });
    const touched = { ...second, usedAt: second.usedAt + 5 };
    expect(await adapter.touch(ID, touched)).toBe(true);
    expect(await adapter.load(ID)).toEqual(touched);
    expect(await adapter.destroy(ID)).toEqual(touched);
    expect(await adapter.load(ID)).toBeUndefined();
    expect(await adapter.destroy(ID)).toBeUndefined();
  });

  it('law 5: of parallel updates of one version exactly one succeeds', async () => {
    const adapter = adapt(build(new Map()));
    await adapter.create(ID, record());
    const results = await Promise.all(
      [1, 2, 3, 4].map((n) => adapter.update(ID, record({ n }, { version: `next ${String(n)}` }), '1')),
    );
    expect(results.map(({ status }) => status)).toEqual(['updated', 'conflict', 'conflict', 'conflict']);
  });

  it('law 6: what was asked for before a destroy does not come after it', async () => {
    const adapter = adapt(build(new Map()));
    await adapter.create(ID, record());
    await Promise.all([adapter.touch(ID, record()), adapter.destroy(ID), adapter.update(ID, record(), '1')]);
    expect(await adapter.load(ID)).toBeUndefined();
  });

  it('law 8: finds nothing from the end of a session on, though the store never expires it', async () => {
    const time = new TestClock();
    const adapter = adapt(build(new Map()));
    adapter.attach({ now: time.now, storeTimeout: 2_000, evicted: () => undefined, notice: () => undefined });
    const stored = record({}, { usedAt: time.now(), startedAt: time.now() });
    await adapter.create(ID, stored);
    time.advance(30 * MINUTE - 1);
    expect(await adapter.load(ID)).toBeDefined();
    time.advance(1);
    expect(await adapter.load(ID)).toBeUndefined();
    expect(await adapter.touch(ID, stored)).toBe(false);
    expect(await adapter.update(ID, stored, '1')).toEqual({ status: 'missing' });
    expect(await adapter.create(ID, stored)).toBe(true);
  });
});

describe('what a simple store gets', () => {
  function spied(): { adapter: SimpleStoreAdapter; set: jest.Mock<SessionStore['set']>; kept: Kept } {
    const kept: Kept = new Map();
    const set = jest.fn<SessionStore['set']>(async (sid, session) => void kept.set(sid, session));
    return { adapter: adapt({ ...FORMS['gives promises']?.(kept), set } as SessionStore), set, kept };
  }

  it('is the data as plain JSON with one key of metadata, and the time in ms that is left', async () => {
    const { adapter, set } = spied();
    const { payload: _, ...metadata } = record();
    await adapter.create(ID, record({ views: 3, cart: ['x'] }));
    expect(set.mock.calls[0]?.slice(0, 3)).toEqual([
      ID,
      { views: 3, cart: ['x'], [METADATA_KEY]: metadata },
      30 * MINUTE,
    ]);
    await adapter.touch(ID, record({}, { usedAt: clock.now() + 50 * MINUTE }));
    expect(set.mock.calls[1]?.[2]).toBe(60 * MINUTE);
  });

  it('D42: is a copy each time: what the store does with it changes nothing here, nor the other way round', async () => {
    const { adapter, set, kept } = spied();
    await adapter.create(ID, record({ cart: ['x'] }));
    const given = set.mock.calls[0]?.[1] as { cart: string[] };
    const loaded = await adapter.load(ID);
    given.cart.push('y');
    expect(loaded?.payload).toBe('1\n{"cart":["x"]}');
    await adapter.update(ID, record({ cart: ['z'] }), '1');
    expect(given.cart).toEqual(['x', 'y']);
    expect(kept.get(ID)).not.toBe(given);
  });

  it.each<[string, string]>([
    ['uses the key of the metadata', `{"${METADATA_KEY}":{"version":"x"},"n":1}`],
    ['holds __proto__ at the top', '{"__proto__":{"admin":true}}'],
    ['is text of another codec', 'n=1&m=2'],
    ['has spaces in its JSON', '{ "n": 1 }'],
    ['has keys twice', '{"n":1,"n":2}'],
    ['has numbers that JavaScript rounds', '{"n":12345678901234567890}'],
    ['has keys that JavaScript reorders', '{"b":1,"2":2,"1":3}'],
    ['holds __proto__ deeper', '{"a":{"__proto__":{"admin":true}}}'],
    ['is that of a newer version', '2\n{"n":1}'],
    ['is empty', ''],
  ])('law 11: data that %s comes back letter for letter', async (_name, text) => {
    const { adapter } = spied();
    const payload = text.startsWith('2\n') ? text : `1\n${text}`;
    await adapter.create(ID, { ...record(), payload });
    expect((await adapter.load(ID))?.payload).toBe(payload);
  });

  it('law 11: data comes back the same from a store that loses nothing but the order of keys', async () => {
    const { adapter, kept } = spied();
    await adapter.create(ID, record({ b: 1, a: [{ y: 1, x: 2 }] }));
    kept.set(ID, Object.fromEntries(Object.entries(kept.get(ID) ?? {}).reverse()));
    const loaded = await adapter.load(ID);
    expect(JSON.parse(loaded?.payload.slice(2) ?? '')).toEqual({ b: 1, a: [{ y: 1, x: 2 }] });
  });

  it('touch of its own is used where there is one, with the session and the time left', async () => {
    const { set, kept } = spied();
    const touch = jest.fn(async () => undefined);
    const withTouch = adapt({ ...FORMS['gives promises']?.(kept), set, touch } as unknown as SessionStore);
    await withTouch.create(ID, record());
    await withTouch.touch(ID, record({}, { usedAt: clock.now() + MINUTE }));
    expect(set).toHaveBeenCalledTimes(1);
    const session = expect.objectContaining({
      n: 1,
      [METADATA_KEY]: expect.objectContaining({ usedAt: clock.now() + MINUTE }),
    });
    expect(touch).toHaveBeenCalledWith(ID, session, 31 * MINUTE, expect.any(Function));
  });
});

describe('abilities of a simple store', () => {
  const none = (): SessionStore => (FORMS['gives promises'] as (kept: Kept) => SessionStore)(new Map());

  it('are there only if the store has them, and a notice at boot says once what is missing', () => {
    const adapter = adapt(none());
    expect([adapter.count, adapter.clear]).toEqual([undefined, undefined]);
    expect(adapter.notices).toEqual([
      expect.stringMatching(/unconditionally.*AtomicSessionStore.*Without touch.*Without length.*Without clear/s),
    ]);
    expect(adapt(new SimpleMapStore()).notices[0]).toMatch(/^SimpleMapStore writes unconditionally/);
  });

  it('count is length, or the number of all', async () => {
    expect(await adapt({ ...none(), length: () => 7 }).count?.()).toBe(7);
    expect(await adapt({ ...none(), all: async () => ({ a: {}, b: {} }) }).count?.()).toBe(2);
  });

  it('clear and close are handed on', async () => {
    const [clear, close] = [jest.fn(), jest.fn()];
    const adapter = adapt({ ...none(), clear, close });
    await adapter.clear?.();
    await adapter.close();
    expect([clear.mock.calls.length, close.mock.calls.length]).toEqual([1, 1]);
  });
});

describe('F79: a simple store that misbehaves', () => {
  const never = new Promise<never>(() => undefined);
  const answering: SessionStore = { get: async () => null, set: async () => undefined, destroy: async () => undefined };

  it.each<[string, Partial<SessionStore>, string]>([
    ['throws', { get: () => { throw new Error('down'); } }, 'down'], // prettier-ignore
    ['rejects', { get: () => Promise.reject(new Error('down')) }, 'down'],
    ['calls back with an error', { get: (_sid, callback) => { callback(new Error('down')); } }, 'down'], // prettier-ignore
    ['rejects with text', { get: () => Promise.reject('down') }, 'down'], // eslint-disable-line @typescript-eslint/prefer-promise-reject-errors -- what custom stores do
    ['rejects with nothing', { get: () => Promise.reject() }, 'rejected'], // eslint-disable-line @typescript-eslint/prefer-promise-reject-errors -- what custom stores do
    ['calls back with an odd error', { get: (_sid, callback) => { callback({ code: 1 }); } }, 'an error without text'], // prettier-ignore
    ['never settles', { get: () => never }, 'no answer within 20 ms'],
    ['never calls back', { get: (_sid, _callback) => undefined }, 'no answer within 20 ms'],
  ])('fails the call when it %s', async (_name, faulty, message) => {
    await expect(adapt({ ...answering, ...faulty }, 10).load(ID)).rejects.toThrow(message);
  });

  it('is heard once when it calls back twice', async () => {
    const kept = { n: 1, [METADATA_KEY]: { ...record(), payload: undefined } };
    const get: SessionStore['get'] = (_sid, callback) => {
      callback(null, kept);
      callback(new Error('again'));
      callback(null, null);
    };
    expect(await adapt({ ...answering, get }).load(ID)).toEqual(record());
  });

  it('is heard once when it calls back and then throws', async () => {
    const get: SessionStore['get'] = (_sid, callback) => {
      callback(null, null);
      throw new Error('afterwards');
    };
    expect(await adapt({ ...answering, get }).load(ID)).toBeUndefined();
  });

  it('holds up those behind a call that never settles no longer than the deadline', async () => {
    let sets = 0;
    const adapter = adapt({ ...answering, set: () => (++sets === 1 ? never : Promise.resolve()) }, 10);
    const [first, second] = await Promise.allSettled([adapter.create(ID, record()), adapter.create(ID, record())]);
    expect(first).toMatchObject({ status: 'rejected', reason: { message: 'no answer within 20 ms' } });
    expect(second).toEqual({ status: 'fulfilled', value: true });
  });

  it('a fault of one session does not hold up others', async () => {
    const adapter = adapt({ ...answering, set: (sid) => (sid === 'slow' ? never : Promise.resolve()) }, 10);
    const slow = adapter.create('slow', record());
    expect(await adapter.create('other', record())).toBe(true);
    await expect(slow).rejects.toThrow('no answer');
  });

  it.each([42, true, 'text', [], {}, Buffer.from('x'), { [METADATA_KEY]: 7 }, { [METADATA_KEY]: { version: 1 } }])(
    'S52: that turns a session into %j changes nothing and throws no TypeError',
    async (garbage) => {
      const adapter = adapt({ ...answering, get: async () => garbage });
      expect(await adapter.load(ID)).toBeDefined();
      expect(await adapter.create(ID, record())).toBe(false);
      expect(await adapter.touch(ID, record())).toBe(false);
      expect((await adapter.update(ID, record(), '1')).status).not.toBe('updated');
    },
  );
});
