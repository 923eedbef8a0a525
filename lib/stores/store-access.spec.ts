import { SessionEvents } from '../session.events.js';
import type { SessionEvent } from '../session.events.js';
import { MemoryStore } from './memory.store.js';
import { StoreAccess } from './store-access.js';

describe('a store that answers at once, but for the time it waits for a lock', () => {
  it('law 9: is told to have recovered by a change that it carries out, and what is owed is done', async () => {
    const inner = new MemoryStore();
    let answers: 'at once' | 'late' | 'not' = 'late';
    const store = Object.assign(Object.create(inner) as MemoryStore, {
      destroy: (id: string) => {
        if (answers === 'not') throw new Error('locked');
        const destroyed = inner.destroy(id);
        return answers === 'late' ? Promise.resolve(destroyed) : destroyed;
      },
    });
    const events = new SessionEvents({ warn: () => undefined, error: () => undefined }, Date.now);
    const seen: SessionEvent['type'][] = [];
    events.stream.subscribe(({ type }) => seen.push(type));
    const access = new StoreAccess(store, 1_000, events, Date.now);

    await access.destroy('a');
    answers = 'not';
    let owed = 0;
    void access.owe(async () => {
      owed++;
      await access.destroy('b');
    });
    await new Promise(setImmediate);
    expect(seen).toEqual(['store_failed']);
    answers = 'at once';
    void access.destroy('c');
    expect(seen).toEqual(['store_failed', 'store_recovered']);
    await new Promise(setImmediate);
    expect(owed).toBe(2);
  });

  it('what a cache gives at once proves nothing', async () => {
    const inner = new MemoryStore();
    let isLost = false;
    const store = Object.assign(Object.create(inner) as MemoryStore, {
      touch: () => (isLost ? Promise.reject(new Error('connection lost')) : Promise.resolve(true)),
    });
    const events = new SessionEvents({ warn: () => undefined, error: () => undefined }, Date.now);
    const seen: SessionEvent['type'][] = [];
    events.stream.subscribe(({ type }) => seen.push(type));
    const access = new StoreAccess(store, 1_000, events, Date.now);
    const times = { startedAt: 0, usedAt: 0, idleTimeout: 1, absoluteTimeout: 1 };
    await access.touch('a', times);
    isLost = true;
    await expect(access.touch('a', times)).rejects.toThrow('unavailable');
    expect(access.load('a')).toBeUndefined();
    expect(seen).toEqual(['store_failed']);
  });
});
