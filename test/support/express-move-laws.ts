import { createHash } from 'node:crypto';
import { SessionService, type Session } from 'nestjs-token-session';
import { expressStore } from 'nestjs-token-session/express-session';
import { closeApps, startApp } from './app.js';
import { call } from './client.js';
import { CounterController } from './counter.controller.js';
import { collectEvents } from './events.js';
import { Browser, closePeers, startMoved, startPeer, type MovedPlan } from './express-move.js';
import type { OpenedStore } from './express-stores.js';
import { PLATFORMS } from './platforms.js';

/** What holds while an application moves from express-session to us, on whichever store. */
export function describeMove(name: string, open: () => OpenedStore | Promise<OpenedStore>): void {
  describe.each(PLATFORMS)(`${name}, moved to %s`, (platform) => {
    afterEach(async () => {
      await closeApps();
      await closePeers();
    });

    async function both(plan: MovedPlan = {}) {
      const opened = await open();
      const peer = await startPeer(opened.store);
      const moved = await startMoved(opened.store, { ...plan, platform });
      return { ...opened, peer, moved, ours: moved.url, browser: new Browser() };
    }

    it('who is signed in by Passport on express-session stays so, with all data and the same cookie', async () => {
      const { peer, ours, browser } = await both();
      await browser.ask(peer, '/set', { cart: ['apple'], theme: 'dark' });
      await browser.ask(peer, '/login', { id: 'ada' });
      const { cookie } = browser;
      expect(await browser.data(ours)).toEqual({ cart: ['apple'], theme: 'dark', passport: { user: 'ada' } });
      expect(await browser.user(ours)).toBe('ada');
      await browser.ask(ours, '/set', { theme: 'light' });
      expect(browser.cookie).toBe(cookie);
      expect(await browser.user(ours)).toBe('ada');
      expect(await browser.data(peer)).toEqual({ cart: ['apple'], theme: 'light', passport: { user: 'ada' } });
      expect(await browser.user(peer)).toBe('ada');
    });

    it('sessions and users of ours are taken by express-session, with the cookie that we sent', async () => {
      const { peer, ours, browser } = await both();
      await browser.ask(ours, '/set', { cart: 1 });
      expect(await browser.data(peer)).toEqual({ cart: 1 });
      const anonymous = browser.cookie;
      await browser.ask(ours, '/login', { id: 'bob' });
      expect(browser.cookie).not.toBe(anonymous);
      expect(await browser.user(peer)).toBe('bob');
      await browser.ask(peer, '/set', { cart: 2 });
      expect(await browser.data(ours)).toEqual({ cart: 2, passport: { user: 'bob' } });
      // ASVS 7.2.4: what was used before the login opens nothing on either side.
      browser.cookie = anonymous;
      expect([await browser.user(peer), await browser.user(ours)]).toEqual([null, null]);
    });

    it.each(['peer', 'ours'] as const)('a logout on one side (%s) is one on both', async (side) => {
      const { peer, ours, browser } = await both();
      await browser.ask(peer, '/login', { id: 'ada' });
      await browser.ask(ours, '/set', { cart: 1 });
      const { cookie } = browser;
      await browser.ask(side === 'peer' ? peer : ours, '/logout', {});
      browser.cookie = cookie;
      expect([await browser.user(peer), await browser.user(ours)]).toEqual([null, null]);
      expect([await browser.data(peer), await browser.data(ours)]).toEqual([{}, {}]);
    });

    it('law 5: keys that both change in turn all survive, also under a request of ours that began before', async () => {
      const { peer, moved, ours, browser } = await both();
      const events = collectEvents(moved);
      await browser.ask(peer, '/set', { a: 1 });
      await browser.ask(ours, '/set', { b: 1 });
      const service = moved.get(SessionService);
      const early = await service.load<{ b: number; c: number }>(browser.rawId as string);
      await browser.ask(peer, '/set', { a: 2 });
      if (early === undefined) throw new Error('there is no session');
      early.c = 1;
      await early.save();
      expect(events.map(({ type }) => type)).toContain('update_conflict');
      expect(await browser.data(peer)).toEqual({ a: 2, b: 1, c: 1 });
      expect(await browser.data(ours)).toEqual({ a: 2, b: 1, c: 1 });
    });

    it('a user signed in by express-session is listed and ended from the first write here on', async () => {
      const { peer, moved, ours, browser } = await both();
      const service = moved.get(SessionService);
      await browser.ask(peer, '/login', { id: 'ada' });
      expect(await service.list('ada')).toEqual([]);
      await browser.ask(ours, '/set', { cart: 1 });
      const [listed] = await service.list('ada');
      const { id } = (await browser.ask(ours, '/id')).json() as { id: string };
      expect(listed).toMatchObject({ id, userId: 'ada', authenticatedAt: undefined });
      expect(await service.destroyById('ada', id)).toBe(true);
      expect([await browser.user(peer), await browser.user(ours)]).toEqual([null, null]);
    });

    it('law 11: data under the names of both layers come back, whoever writes between', async () => {
      const { peer, ours, browser } = await both();
      const data = { cookie: 'chocolate', __lastAccess: 1, 'nestjs-token-session': { users: [] }, plain: 1 };
      await browser.ask(ours, '/set', data);
      expect(await browser.data(ours)).toEqual(data);
      await browser.ask(peer, '/set', { plain: 2 });
      expect(await browser.data(ours)).toEqual({ ...data, plain: 2 });
    });
  });
}

/** What holds of such a store that is ours alone. */
export function describeOwn(name: string, open: () => OpenedStore | Promise<OpenedStore>): void {
  describe(`${name}, ours alone`, () => {
    afterEach(closeApps);

    it('ASVS 11.2.4: a dump holds SHA-256 of the tokens and no token', async () => {
      const { store, dump } = await open();
      const app = await startApp('express', {
        controllers: [CounterController],
        session: { store: expressStore(store) },
      });
      const first = (await call(app.url, '/views', { method: 'POST' })).token as string;
      const second = (await call(app.url, '/renew', { method: 'POST', token: first })).token as string;
      expect((await call(app.url, '/views', { method: 'POST', token: second })).json()).toEqual({ views: 2 });
      const text = await dump();
      expect(text).toContain(createHash('sha256').update(second).digest('base64url'));
      for (const token of [first, second]) expect(text).not.toContain(token);
    });

    it('law 6, ASVS 7.4.3: logins are listed, and ended everywhere', async () => {
      const { store } = await open();
      const app = await startApp('express', {
        controllers: [CounterController],
        session: { store: expressStore(store) },
      });
      const service = app.get(SessionService);
      const tokens: string[] = [];
      for (let login = 0; login < 3; login++) {
        const { token } = await call(app.url, '/views', { method: 'POST' });
        const session = await service.login((await service.load(token as string)) as Session, 'ada');
        tokens.push(service.info(session).token as string);
      }
      expect(await service.list('ada')).toHaveLength(3);
      expect(await service.destroyAll('ada')).toBe(3);
      for (const token of tokens) expect(await service.load(token)).toBeUndefined();
    });
  });
}
