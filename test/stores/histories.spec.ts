import { playHistories } from '../support/history.js';
import { STORES } from '../support/stores.js';

describe.each(Object.entries(STORES))('laws 5 to 8 in random histories on %s', (_name, store) => {
  it('every read gives what the acknowledged writes left, and nothing after the end', async () => {
    await playHistories(store, 100);
  }, 120_000);
});
