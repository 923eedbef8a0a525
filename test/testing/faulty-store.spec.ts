import { MemoryStore, type AtomicSessionStore, type SessionRecord, type SessionStore } from 'nestjs-token-session';
import { describeSessionStore, FaultyStore } from 'nestjs-token-session/testing';
import { atomicStoreOf } from '../../lib/stores/atomic-store-of.js';
import { CallbackMapStore, SimpleMapStore } from '../support/stores.js';

describeSessionStore('a FaultyStore without faults', () => new FaultyStore(), {}, { describe, it });
describeSessionStore(
  'a FaultyStore around a simple store',
  () => new FaultyStore(new SimpleMapStore()),
  { contract: 'simple' },
  { describe, it },
);

const ID = 'a'.repeat(43);
const LOST = new Error('lost');

const record: SessionRecord = {
  payload: '1\n{}',
  version: '1',
  startedAt: Date.now(),
  usedAt: Date.now(),
  idleTimeout: 60_000,
  absoluteTimeout: 60_000,
};

/** How the stores of both contracts are broken in the same way. */
const STORES: [string, () => { store: FaultyStore<AtomicSessionStore | SessionStore>; write: never; read: never }][] = [
  ['the memory store', () => ({ store: new FaultyStore(), write: 'create' as never, read: 'load' as never })],
  [
    'a simple store',
    () => ({ store: new FaultyStore(new SimpleMapStore()), write: 'set' as never, read: 'get' as never }),
  ],
  [
    'a callback store',
    () => ({ store: new FaultyStore(new CallbackMapStore()), write: 'set' as never, read: 'get' as never }),
  ],
];

describe.each(STORES)('FaultyStore around %s', (_name, open) => {
  /** As the session layer sees it. */
  function opened() {
    const { store, write, read } = open();
    return { store, write, read, atomic: atomicStoreOf(store, 1_000) };
  }

  const isThere = async (atomic: AtomicSessionStore): Promise<boolean> => (await atomic.load(ID)) !== undefined;

  it('fail: every call, until recover', async () => {
    const { store, atomic } = opened();
    store.fail();
    for (let time = 0; time < 2; time++) {
      await expect(atomic.load(ID)).rejects.toThrow('the store is away (FaultyStore)');
      await expect(atomic.create(ID, record)).rejects.toThrow('the store is away (FaultyStore)');
    }
    store.recover();
    expect(await isThere(atomic)).toBe(false);
    expect(await atomic.create(ID, record)).toBe(true);
  });

  it('fail: with an error, for named operations, once', async () => {
    const { store, atomic, write } = opened();
    store.fail(LOST);
    await expect(atomic.load(ID)).rejects.toBe(LOST);
    store.recover();
    store.fail(write, { error: LOST, once: true });
    expect(await isThere(atomic)).toBe(false);
    await expect(atomic.create(ID, record)).rejects.toBe(LOST);
    expect(await atomic.create(ID, record)).toBe(true);
    store.fail([write]);
    expect(await isThere(atomic)).toBe(true);
  });

  it('hang: no answer, and not carried out', async () => {
    const { store, write, read } = opened();
    const atomic = atomicStoreOf(store, 5);
    store.hang(write, { once: true });
    const creating = Promise.resolve(atomic.create(ID, record));
    const pending = Symbol('pending');
    // A simple store's adapter has a deadline of its own; a strong one leaves that to the session layer.
    const outcome =
      write === 'create' ? await Promise.race([creating, afterwards(pending)]) : await creating.catch(() => pending);
    expect(outcome).toBe(pending);
    expect(await isThere(atomic)).toBe(false);
    expect(store.calls).toContain(read);
  });

  it('loseReply: carried out, OUTCOME_UNKNOWN', async () => {
    const { store, atomic, write } = opened();
    store.loseReply(write, { once: true });
    await expect(atomic.create(ID, record)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    expect(await isThere(atomic)).toBe(true);
  });

  it('hold: one call waits, and is carried out when released; others pass', async () => {
    const { store, atomic, write } = opened();
    const held = store.hold(write);
    const creating = atomic.create(ID, record);
    await held.arrived;
    expect(await isThere(atomic)).toBe(false);
    expect(await atomic.create('b'.repeat(43), record)).toBe(true);
    held.release();
    expect(await creating).toBe(true);
    expect(await isThere(atomic)).toBe(true);
  });

  it('holdReply: carried out, and the answer waits', async () => {
    const { store, atomic, write, read } = opened();
    const held = store.holdReply(write);
    const creating = atomic.create(ID, record);
    await held.arrived;
    expect(await isThere(atomic)).toBe(true);
    const reading = store.holdReply(read);
    const loading = atomic.load(ID);
    await reading.arrived;
    store.recover();
    expect(await creating).toBe(true);
    expect(await loading).toMatchObject({ version: '1' });
  });

  it('what is for one call comes in the order given, before what lasts', async () => {
    const { store, atomic, read } = opened();
    store.fail(read, { error: new Error('first'), once: true });
    store.fail(read, { error: new Error('second'), once: true });
    store.fail(read, { error: new Error('lasting') });
    for (const text of ['first', 'second', 'lasting', 'lasting']) await expect(atomic.load(ID)).rejects.toThrow(text);
  });

  it('an operation that it does not have is refused', () => {
    const { store } = opened();
    expect(() => {
      store.fail('users.lst' as never);
    }).toThrow(/the store has no operation users\.lst; it has .*destroy/);
  });
});

describe('FaultyStore', () => {
  it('notes names of operations only', () => {
    const store = new FaultyStore();
    store.create(ID, record);
    store.load(ID);
    void store.users.list('ada');
    expect(store.calls).toEqual(['create', 'load', 'users.list']);
    store.calls.length = 0;
    expect(store.calls).toEqual([]);
  });

  it('fails the operations of the index of users', async () => {
    const store = new FaultyStore();
    store.fail('users.list', { once: true });
    await expect(store.users.list('ada')).rejects.toThrow('the store is away');
    expect(store.users.list('ada')).toEqual([]);
  });

  it('has what the inner store has, and nothing more', () => {
    const { load, create, update, touch, destroy } = new MemoryStore();
    const bare = new FaultyStore({ load, create, update, touch, destroy });
    for (const ability of ['users', 'sweep', 'count', 'clear', 'close', 'attach']) {
      expect([ability, ability in bare]).toEqual([ability, false]);
      expect(bare[ability as never]).toBeUndefined();
    }
    const whole = new FaultyStore();
    for (const ability of ['users', 'sweep', 'count', 'clear', 'attach']) expect(ability in whole).toBe(true);
    const simple = new FaultyStore(new CallbackMapStore());
    expect(simple.get).toHaveLength(2);
    expect(simple.set).toHaveLength(3);
    expect('touch' in simple).toBe(false);
    expect(simple.constructor.name).toBe('CallbackMapStore');
  });

  it('answers at once where the inner store does', () => {
    expect(new FaultyStore().load(ID)).toBeUndefined();
  });

  it('refuses what is no store', () => {
    expect(() => new FaultyStore({} as never)).toThrow(expect.objectContaining({ code: 'INVALID_STORE' }));
    expect(() => new FaultyStore(MemoryStore as never)).toThrow(/the class MemoryStore/);
  });
});

/** What comes when all that is ready has been done. */
function afterwards<T>(value: T): Promise<T> {
  return new Promise((resolve) => setImmediate(resolve, value));
}
