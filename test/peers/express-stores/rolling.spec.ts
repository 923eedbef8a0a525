import type { Store } from 'express-session';
import { closeApps } from '../../support/app.js';
import { Browser, closePeers, startMoved, startPeer, type Shop } from '../../support/express-move.js';
import { closeStores, EXPRESS_STORES } from '../../support/express-stores.js';
import { PLATFORMS } from '../../support/platforms.js';

const REQUESTS = 200;
const SEED = 20_260_101;

/** The same numbers in each run (mulberry32). */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

interface Visitor {
  readonly browser: Browser;
  data: Shop;
  readonly old: string[];
}

/** Each answer as it has to be, whichever application gives it. */
async function deploy(store: Store, sides: readonly string[], seed: number): Promise<void> {
  const random = randomFrom(seed);
  const visitors = [0, 1, 2].map((): Visitor => ({ browser: new Browser(), data: {}, old: [] }));
  const history: string[] = [];
  for (let request = 0; request < REQUESTS; request++) {
    const number = random(visitors.length);
    const visitor = visitors[number] as Visitor;
    const { browser } = visitor;
    const side = random(sides.length);
    const url = sides[side] as string;
    const act = random(10);
    const before = browser.cookie;
    let status: number | undefined;
    history.push(`${String(number)} at ${String(side)}: ${String(act)}`);
    if (act < 5) {
      const key = `k${String(random(6))}`;
      visitor.data = { ...visitor.data, [key]: request };
      ({ status } = await browser.ask(url, '/set', { [key]: request }));
    } else if (act < 6) {
      const id = `user-${String(random(3))}`;
      visitor.data = { ...visitor.data, passport: { user: id } };
      ({ status } = await browser.ask(url, '/login', { id }));
    } else if (act < 7) {
      visitor.data = {};
      ({ status } = await browser.ask(url, '/logout', {}));
      browser.cookie = undefined;
    }
    const expectedStatus = side < 2 ? 200 : 201;
    if (act < 7)
      expect({ history: history.slice(-20), status }).toEqual({ history: history.slice(-20), status: expectedStatus });
    if (before !== undefined && before !== browser.cookie) visitor.old.push(before);
    const other = sides[random(sides.length)] as string;
    const seen = { data: await browser.data(other), user: await browser.user(other) };
    const expected = { data: visitor.data, user: visitor.data.passport?.user ?? null };
    expect({ history: history.slice(-20), ...seen }).toEqual({ history: history.slice(-20), ...expected });
  }
  // Laws 6 and 7: what was signed out, or replaced at a login, signs nobody in on either side.
  const old = visitors.flatMap((visitor) => visitor.old);
  expect(old.length).toBeGreaterThan(20);
  for (const cookie of old) {
    for (const url of sides) {
      const browser = new Browser();
      browser.cookie = cookie;
      expect(await browser.user(url)).toBeNull();
    }
  }
}

describe.each(PLATFORMS)('a rolling deployment to %s', (platform) => {
  afterEach(async () => {
    await closeApps();
    await closePeers();
    closeStores();
  });

  it.each(['express-session MemoryStore', 'better-sqlite3-session-store on libsql'] as const)(
    `${String(REQUESTS)} random requests to old and new processes on one store give what a simple model gives: %s`,
    async (name) => {
      const { store } = EXPRESS_STORES[name]();
      const peers = [await startPeer(store), await startPeer(store)];
      const moved = [await startMoved(store, { platform }), await startMoved(store, { platform })];
      await deploy(store, [...peers, ...moved.map(({ url }) => url)], SEED);
    },
    60_000,
  );
});
