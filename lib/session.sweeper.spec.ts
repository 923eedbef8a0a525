import { SessionEvents } from './session.events.js';
import { Sweeper } from './session.sweeper.js';
import { MemoryStore } from './stores/memory.store.js';
import { StoreAccess } from './stores/store-access.js';

describe('Sweeper', () => {
  it('L93: a sweep that has more to do ends with its batch when it is stopped', async () => {
    let batches = 0;
    const store = Object.assign(new MemoryStore(), {
      sweep: () => {
        batches++;
        return { removed: 1, done: false };
      },
    });
    const events = new SessionEvents({ warn: () => undefined, error: () => undefined }, Date.now);
    const sweeper = new Sweeper(new StoreAccess(store, 1_000, events, Date.now));
    const sweeping = sweeper.sweep();
    sweeper.stop();
    expect(await sweeping).toBe(batches);
    expect(batches).toBeLessThanOrEqual(2);
  });
});
