import { cookie, SessionService, type SessionInfo, type SessionOptions } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call, type Answer, type CallOptions } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { DataUserController, slow, userIdOf } from '../support/data-user.controller.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { STORES } from '../support/stores.js';

type Data = Record<string, unknown>;

const MINUTE = 60_000;

failOnUnhandledRejections();
afterEach(closeApps);

describe.each(PLATFORMS)('userIdOf on %s', (platform) => {
  let clock: TestClock;
  let running: RunningApp;
  let sessions: SessionService;

  async function start(session: SessionOptions = {}): Promise<void> {
    slow.until = undefined;
    clock = new TestClock();
    const options = { clock: clock.now, userIdOf, ...session };
    running = await startApp(platform, { controllers: [DataUserController], session: options });
    sessions = running.get(SessionService);
  }

  const get = async (path: string, token?: string): Promise<Data> =>
    (await call(running.url, path, { token })).json() as Data;
  const post = (path: string, token?: string, body: unknown = {}, options: CallOptions = {}): Promise<Answer> =>
    call(running.url, path, { method: 'POST', token, body, ...options });
  const remove = (key: string, token: string): Promise<Answer> =>
    call(running.url, `/data/${key}`, { method: 'DELETE', token });
  const begin = async (data: Data): Promise<string> => (await post('/assign', undefined, data)).token as string;
  const idsOf = async (user: string | number): Promise<string[]> => (await sessions.list(user)).map(({ id }) => id);
  const idOf = async (token: string): Promise<string> => (await get('/info', token))['id'] as string;

  describe.each(Object.entries(STORES))('%s', (_name, createStore) => {
    beforeEach(() => start({ store: createStore() }));

    it('ASVS 7.2.4: a stored session is bound by the commit, under a new token; a planted one is dead', async () => {
      const planted = await begin({ cart: 1 });
      const answer = await post('/assign', planted, { user: 'ada' });
      expect([answer.status, answer.headers['cache-control']]).toEqual([201, 'no-store']);
      const token = answer.token as string;
      expect(token).toMatch(/^[\w-]{43}$/);
      expect(token).not.toBe(planted);
      expect(await get('/data', token)).toEqual({ cart: 1, user: 'ada' });
      expect(await get('/info', token)).toMatchObject({ userId: 'ada', level: 1, authenticatedAt: clock.now() });
      expect(await idsOf('ada')).toEqual([await idOf(token)]);
      expect((await call(running.url, '/account', { token })).text).toBe('reached');
      const late = await call(running.url, '/data', { token: planted });
      expect([late.json(), late.token, await sessions.load(planted)]).toEqual([{}, undefined, undefined]);
      expect(await get('/account', planted)).toMatchObject({ code: 'LOGIN_REQUIRED' });
    });

    it('a session that begins with it is bound at once, under its one token', async () => {
      const token = await begin({ user: 'ada', cart: 1 });
      expect(await get('/info', token)).toMatchObject({ userId: 'ada', level: 1, authenticatedAt: clock.now() });
      expect(await idsOf('ada')).toEqual([await idOf(token)]);
      expect((await call(running.url, '/recent', { token })).text).toBe('reached');
    });

    it.each(['stored before', 'new'])(
      'save() binds a session that is %s, and its object goes on working',
      async (kind) => {
        const planted = kind === 'new' ? undefined : await begin({ cart: 1 });
        const answer = await post('/save', planted, { user: 'ada' });
        const { before, after, ...seen } = answer.json() as { before: SessionInfo; after: SessionInfo };
        expect(before).not.toHaveProperty('userId');
        expect(after).toMatchObject({ userId: 'ada', token: answer.token, isNew: false });
        expect(seen).toEqual({ id: after.id, isSame: true });
        expect(answer.token).not.toBe(planted);
        expect(await get('/data', answer.token)).toMatchObject({ user: 'ada', afterwards: true });
        if (planted !== undefined) expect(await sessions.load(planted)).toBeUndefined();
      },
    );

    it('another user in the data: a new token again, and the session is no longer the one before', async () => {
      const ada = await begin({ user: 'ada', cart: 1 });
      const elevated = (await post('/reauthenticate', ada)).token as string;
      const bob = (await post('/assign', elevated, { user: 'bob' })).token as string;
      expect(await get('/info', bob)).toMatchObject({ userId: 'bob', level: 1 });
      expect([await idsOf('ada'), await idsOf('bob')]).toEqual([[], [await idOf(bob)]]);
      expect([await get('/data', elevated), await get('/data', ada)]).toEqual([{}, {}]);
      expect(await sessions.destroyAll('ada')).toBe(0);
      expect(await get('/data', bob)).toEqual({ user: 'bob', cart: 1 });
    });

    it('without the user in the data it belongs to nobody: record and list say so, the token stays', async () => {
      const token = await begin({ user: 'ada', cart: 1 });
      const answer = await remove('user', token);
      expect([answer.status, answer.token]).toEqual([200, undefined]);
      const info = await get('/info', token);
      expect(info).toMatchObject({ level: 0 });
      for (const name of ['userId', 'authenticatedAt']) expect(info).not.toHaveProperty(name);
      expect(await get('/data', token)).toEqual({ cart: 1 });
      expect(await get('/account', token)).toMatchObject({ code: 'LOGIN_REQUIRED' });
      expect([await idsOf('ada'), await sessions.destroyAll('ada')]).toEqual([[], 0]);
      const again = (await post('/assign', token, { user: 'ada' })).token as string;
      expect([again === token, await idsOf('ada')]).toEqual([false, [await idOf(again)]]);
    });

    it.each([null, ''])('%j in the data is none', async (none) => {
      const anonymous = await begin({ user: none });
      expect(await get('/info', anonymous)).not.toHaveProperty('userId');
      const token = (await post('/assign', anonymous, { user: 'ada' })).token as string;
      expect((await post('/assign', token, { user: none })).token).toBeUndefined();
      expect([await get('/info', token), await idsOf('ada')]).toEqual([
        expect.not.objectContaining({ userId: 'ada' }),
        [],
      ]);
    });

    it.each([7, 0, -3])('the number %d is taken as text', async (user) => {
      const token = await begin({ user });
      expect(await get('/info', token)).toMatchObject({ userId: String(user) });
      expect([await idsOf(user), await idsOf(String(user))]).toEqual([[await idOf(token)], [await idOf(token)]]);
      expect((await post('/assign', token, { user: String(user) })).token).toBeUndefined();
    });

    it('a session that login() bound stays so, whatever its data say', async () => {
      const { token } = await post('/login', undefined, { user: 'ada' });
      for (const change of [() => post('/assign', token, { user: 'bob' }), () => remove('user', token as string)]) {
        expect((await change()).token).toBeUndefined();
        expect(await get('/info', token)).toMatchObject({ userId: 'ada' });
        expect([await idsOf('ada'), await idsOf('bob')]).toEqual([[await idOf(token as string)], []]);
      }
      const renewed = (await post('/regenerate', token, { keep: [] })).token as string;
      expect(await get('/info', renewed)).toMatchObject({ userId: 'ada' });
    });

    it('login() on a session that its data bound replaces it; from then on the data bind no more', async () => {
      const bob = await begin({ user: 'bob' });
      const ada = (await post('/login', bob, { user: 'bob' })).token as string;
      expect(await get('/info', ada)).toMatchObject({ userId: 'ada' });
      expect([await idsOf('ada'), await idsOf('bob')]).toEqual([[await idOf(ada)], []]);
    });

    it('regenerate({ keep }) keeps the user whose name moves along, and no other', async () => {
      const first = await begin({ user: 'ada', cart: 1 });
      const kept = (await post('/regenerate', first, { keep: ['user'] })).token as string;
      expect(await get('/info', kept)).toMatchObject({ userId: 'ada' });
      expect(await idsOf('ada')).toEqual([await idOf(kept)]);
      const left = (await post('/regenerate', kept, { keep: ['cart'] })).token as string;
      expect(await get('/info', left)).not.toHaveProperty('userId');
      expect([await idsOf('ada'), await get('/data', kept)]).toEqual([[], {}]);
    });

    it('destroyAll and destroyById end what data bound', async () => {
      const tokens = [await begin({ user: 'ada' }), await begin({ user: 'ada' }), await begin({ user: 'ada' })];
      const ids = await Promise.all(tokens.map(idOf));
      expect([...(await idsOf('ada'))].sort()).toEqual([...ids].sort());
      expect(await sessions.destroyById('bob', ids[0] as string)).toBe(false);
      expect(await sessions.destroyById('ada', ids[0] as string)).toBe(true);
      expect(await sessions.destroyAll('ada', { except: ids[1] as string })).toBe(1);
      expect(await Promise.all(tokens.map((token) => get('/data', token)))).toEqual([{}, { user: 'ada' }, {}]);
    });
  });

  it('law 8: both clocks start anew with the user, and go on without', async () => {
    await start({ absoluteTimeout: '1h', idleTimeout: '1h' });
    const anonymous = await begin({ cart: 1 });
    clock.advance(30 * MINUTE);
    const signedIn = clock.now();
    const token = (await post('/assign', anonymous, { user: 'ada' })).token as string;
    const started = { startedAt: signedIn, absoluteExpiresAt: signedIn + 60 * MINUTE };
    expect(await get('/info', token)).toMatchObject({ ...started, authenticatedAt: signedIn });
    clock.advance(30 * MINUTE);
    await remove('user', token);
    expect(await get('/info', token)).toMatchObject(started);
  });

  it('a nested user, as Passport keeps it, is noticed when it changes in place', async () => {
    await start({ userIdOf: ({ account }) => (account as { id?: string } | undefined)?.id });
    const ada = await begin({ account: { id: 'ada' } });
    const bob = (await post('/rename', ada, { id: 'bob' })).token as string;
    expect(await get('/info', bob)).toMatchObject({ userId: 'bob' });
    expect((await post('/rename', bob, { id: '' })).token).toBeUndefined();
    expect([await get('/info', bob), await idsOf('bob')]).toEqual([expect.not.objectContaining({ userId: 'bob' }), []]);
  });

  it('ASVS 7.2.4: in a cookie too, with Max-Age anew', async () => {
    await start({ transport: cookie(), absoluteTimeout: '1h' });
    const cookieOf = ({ cookies }: Answer): string => cookies[0]?.split(';')[0] ?? '';
    const planted = await post('/assign', undefined, { cart: 1 });
    clock.advance(10 * MINUTE);
    const bound = await post('/assign', undefined, { user: 'ada' }, { headers: { Cookie: cookieOf(planted) } });
    expect(bound.cookies).toEqual([expect.stringContaining('; Max-Age=3600;')]);
    expect(cookieOf(bound)).not.toBe(cookieOf(planted));
  });

  it.each([['stored before'], ['new']])('law 12: it is told as a login, for a session that is %s', async (kind) => {
    await start({ captureDevice: true });
    const anonymous = kind === 'new' ? undefined : await begin({ cart: 1 });
    const events = collectEvents(running);
    const { token } = await post('/assign', anonymous, { user: 'ada' }, { headers: { 'User-Agent': 'phone' } });
    const { id, device } = await get('/info', token);
    expect(events.filter(({ type }) => type === 'authn_login_success')).toEqual([
      { type: 'authn_login_success', id, userId: 'ada' },
    ]);
    expect(device).toMatchObject({ userAgent: 'phone' });
  });
});
