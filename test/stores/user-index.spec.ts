import type { SessionStore, UserIndex } from 'nestjs-token-session';
import { atomicStoreOf } from '../../lib/stores/atomic-store-of.js';
import { SimpleMapStore } from '../support/stores.js';

/** The index of a store that has the clock of a test. */
function indexOf(store: SessionStore, now: () => number): UserIndex {
  const atomic = atomicStoreOf(store, 2_000);
  atomic.attach?.({ now, storeTimeout: 2_000, evicted: () => undefined, notice: () => undefined });
  return atomic.users as UserIndex;
}

const ID = 'i'.repeat(43);

describe('growth: the index in a simple store', () => {
  it('takes one key for a user, of the form of a session id, which tells nothing', async () => {
    const store = new SimpleMapStore();
    const index = indexOf(store, Date.now);
    for (const [number, user] of ['ada', 'ada', 'bob'].entries()) {
      await index.add(user, `${String(number)}${ID.slice(1)}`, 60_000, {});
    }
    const keys = [...store.sessions.keys()];
    expect(keys).toHaveLength(2);
    for (const key of keys) expect(key).toMatch(/^[\w-]{43}$/);
  });

  it('takes no key when the last entry has gone', async () => {
    const store = new SimpleMapStore();
    const index = indexOf(store, Date.now);
    await index.add('ada', ID, 60_000, {});
    await index.settle('ada', ID, 60_000);
    await index.remove('ada', [ID]);
    expect(store.sessions.size).toBe(0);
  });
});
