import { jest } from '@jest/globals';
import { MemoryStore, type Store } from 'express-session';
import { cookie as signedCookie } from 'nestjs-token-session';
import { closeApps } from '../../support/app.js';
import { Browser, closePeers, SECRET, startMoved, startPeer } from '../../support/express-move.js';
import { closeStores, EXPRESS_STORES } from '../../support/express-stores.js';
import { until } from '../../support/redis/until.js';

const MINUTE = 60_000;
const NOON = Date.parse('2026-01-01T12:00:00Z');

/** Both layers and the store read the same clock, which stands still unless the test moves it. */
function freezeDate(): void {
  jest.useFakeTimers({
    now: NOON,
    doNotFake: [
      ...(['hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'clearImmediate'] as const),
      ...(['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout'] as const),
    ],
  });
}

interface Kept {
  cookie: Record<string, unknown>;
}

const storedIn = (store: Store, id: string): Kept =>
  JSON.parse((store as unknown as { sessions: Record<string, string> }).sessions[id] as string) as Kept;

const at = (minutes: number): unknown => jest.setSystemTime(NOON + minutes * MINUTE);

afterEach(async () => {
  jest.useRealTimers();
  await closeApps();
  await closePeers();
  closeStores();
});

describe('the clocks of a session of both layers', () => {
  it('law 8, ASVS 7.3.1: used on either side within the idle limit it lives on both; unused it ends on both', async () => {
    freezeDate();
    const store = new MemoryStore();
    const [peer, ours] = [await startPeer(store), (await startMoved(store)).url];
    const browser = new Browser();
    await browser.ask(peer, '/login', { id: 'ada' });
    const id = browser.rawId as string;
    const movedTo = (minutes: number) =>
      until('the touch beside the answer is done', () => {
        return Date.parse(storedIn(store, id).cookie['expires'] as string) === NOON + minutes * MINUTE;
      });
    at(20);
    expect(await browser.user(ours)).toBe('ada');
    await movedTo(50);
    at(40);
    expect(await browser.user(peer)).toBe('ada');
    at(60);
    expect(await browser.user(ours)).toBe('ada');
    await movedTo(90);
    at(85);
    expect(await browser.user(ours)).toBe('ada');
    await movedTo(115);
    at(115.1);
    expect([await browser.user(ours), await browser.user(peer)]).toEqual([null, null]);
  });

  it('law 8, ASVS 7.3.2: the absolute limit counts from when it was first stored here, however much it is used', async () => {
    freezeDate();
    const store = new MemoryStore();
    const peer = await startPeer(store);
    const { url: ours } = await startMoved(store, { session: { absoluteTimeout: '1h' } });
    const browser = new Browser();
    await browser.ask(peer, '/login', { id: 'ada' });
    at(10);
    await browser.ask(ours, '/set', { a: 1 });
    for (const minutes of [25, 40, 55, 69.9]) {
      at(minutes);
      await browser.ask(peer, '/set', { minutes });
      expect([minutes, await browser.user(ours)]).toEqual([minutes, 'ada']);
    }
    at(70);
    expect(await browser.user(ours)).toBeNull();
  });

  it('attributes of the cookie belong to express-session: what is stored here moves its time only', async () => {
    freezeDate();
    const store = new MemoryStore();
    const attributes = { maxAge: 40 * MINUTE, sameSite: 'strict', domain: 'example.com', priority: 'high' } as const;
    const peer = await startPeer(store, { cookie: attributes });
    const { url: ours } = await startMoved(store);
    const browser = new Browser();
    await browser.ask(peer, '/set', { a: 1 });
    const { cookie } = storedIn(store, browser.rawId as string);
    at(5);
    await browser.ask(ours, '/set', { a: 2 });
    // Ours is the shorter idle limit.
    const expires = new Date(NOON + 35 * MINUTE).toISOString();
    expect(storedIn(store, browser.rawId as string).cookie).toEqual({ ...cookie, expires });
  });

  it('a cookie that ends with the browser goes on to do so', async () => {
    freezeDate();
    const store = new MemoryStore();
    const peer = await startPeer(store, { cookie: {} });
    const { url: ours } = await startMoved(store);
    const browser = new Browser();
    await browser.ask(peer, '/set', { a: 1 });
    await browser.ask(ours, '/set', { a: 2 });
    // By the one express-session sends the cookie, by the other stores expire the session.
    const expires = new Date(NOON + 30 * MINUTE).toISOString();
    expect(storedIn(store, browser.rawId as string).cookie).toMatchObject({ originalMaxAge: null, expires });
    await browser.ask(peer, '/set', { a: 3 });
    expect(browser.last?.cookies.join()).not.toMatch(/Expires|Max-Age/);
    expect(storedIn(store, browser.rawId as string).cookie).toMatchObject({ originalMaxAge: null, expires: null });
    expect(await browser.data(ours)).toEqual({ a: 3 });
  });

  it('a session that began here has the attributes that express-session is to send', async () => {
    freezeDate();
    const store = new MemoryStore();
    const cookie = { secure: false, sameSite: 'lax', path: '/shop' } as const;
    const transport = signedCookie({ name: 'connect.sid', secret: SECRET, secure: false, path: '/shop' });
    const { url: ours } = await startMoved(store, { options: { cookie }, session: { transport } });
    const browser = new Browser();
    await browser.ask(ours, '/set', { a: 1 });
    expect(storedIn(store, browser.rawId as string).cookie).toEqual({
      ...cookie,
      httpOnly: true,
      originalMaxAge: 30 * MINUTE,
      expires: new Date(NOON + 30 * MINUTE).toISOString(),
    });
  });

  it('one that express-session has only touched for hours, which shows in the expiry of the store alone, lives', async () => {
    const { store, client } = EXPRESS_STORES['better-sqlite3-session-store on libsql']();
    const [peer, ours] = [await startPeer(store), (await startMoved(store)).url];
    const browser = new Browser();
    await browser.ask(peer, '/login', { id: 'ada' });
    const hoursAgo = new Date(Date.now() - 180 * MINUTE).toISOString();
    const soon = new Date(Date.now() + 5 * MINUTE).toISOString();
    client.prepare("UPDATE sessions SET sess = json_set(sess, '$.cookie.expires', ?), expire = ?").run(hoursAgo, soon);
    const expiry = (): string => (client.prepare('SELECT expire FROM sessions').get() as { expire: string }).expire;
    expect(await browser.user(ours)).toBe('ada');
    await until('our touch has moved the expiry', () => Date.parse(expiry()) > Date.now() + 25 * MINUTE);
    // Now it is ours, too, and touched in the same way.
    client.prepare("UPDATE sessions SET sess = json_set(sess, '$.cookie.expires', ?), expire = ?").run(hoursAgo, soon);
    expect(await browser.user(ours)).toBe('ada');
    expect(await browser.user(peer)).toBe('ada');
  });
});
