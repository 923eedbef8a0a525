import { MemoryStore, SessionService, type SessionOptions } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { DataUserController, slow, userIdOf } from '../support/data-user.controller.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore } from '../support/stores.js';

type Data = Record<string, unknown>;

const MINUTE = 60_000;

/** The user in the data, if it can be told at all: what applications write by mistake. */
const FAULTY: Record<string, NonNullable<SessionOptions['userIdOf']>> = {
  'that throws': ({ user }) => (user as { id: { text: string } }).id.text,
  'that gives an object': ({ user }) => ({ id: user }) as never,
  'that gives a promise': (async ({ user }: Data) => user) as never,
  'that gives false': ({ user }) => (user === 'ada' ? false : undefined) as never,
  'that gives a fraction': ({ user }) => (user === 'ada' ? 1.5 : undefined),
  'that gives too long a text': ({ user }) => (user === 'ada' ? 'a'.repeat(257) : undefined),
};

failOnUnhandledRejections();
afterEach(closeApps);

describe.each(PLATFORMS)('userIdOf on %s', (platform) => {
  let clock: TestClock;
  let store: ProbedStore;
  let running: RunningApp;
  let sessions: SessionService;

  beforeEach(() => {
    slow.until = undefined;
    clock = new TestClock();
    store = new ProbedStore();
  });

  async function start(session: SessionOptions = {}): Promise<void> {
    const options = { store, clock: clock.now, userIdOf, ...session };
    running = await startApp(platform, { controllers: [DataUserController], session: options });
    sessions = running.get(SessionService);
  }

  const get = async (path: string, token?: string): Promise<Data> =>
    (await call(running.url, path, { token })).json() as Data;
  const post = (path: string, token?: string, body: unknown = {}): Promise<Answer> =>
    call(running.url, path, { method: 'POST', token, body });
  const begin = async (data: Data): Promise<string> => (await post('/assign', undefined, data)).token as string;

  describe.each(Object.entries(FAULTY))('a function %s', (_fault, faulty) => {
    it('fails the request: nothing is stored, no token is sent, the session before is intact', async () => {
      await start({ userIdOf: () => undefined });
      const token = await begin({ cart: 1 });
      await start({ userIdOf: faulty });
      for (const given of [token, undefined]) {
        const refused = await post('/assign', given, { user: 'ada', cart: 2 });
        expect([refused.status, refused.token]).toEqual([500, undefined]);
      }
      const { name, code, message } = (await post('/caught', token, { user: 'ada', cart: 2 })).json() as Record<
        string,
        string
      >;
      if (name === 'SessionUsageError') {
        expect(code).toBe('INVALID_USER_ID');
        expect(message).toMatch(/userIdOf/);
      } else expect(name).toBe('TypeError');
      expect(await get('/data', token)).toEqual({ cart: 1 });
      expect([store.count(), await sessions.list('ada')]).toEqual([1, []]);
    });
  });

  it('law 3: requests that only read never bind, and cost what they cost without it', async () => {
    await start({ userIdOf: () => undefined });
    const tokens = { anonymous: await begin({ cart: 1 }), older: await begin({ user: 'ada' }) };
    await start();
    const bound = await begin({ user: 'bob' });
    store.calls.length = 0;
    for (const token of [tokens.anonymous, tokens.older, bound]) {
      const answer = await call(running.url, '/data', { token });
      expect(answer.token).toBeUndefined();
    }
    expect(store.calls).toEqual(['load', 'load', 'load']);
    expect(await get('/info', tokens.older)).not.toHaveProperty('userId');
    store.calls.length = 0;
    await post('/assign', bound, { cart: 1 });
    await post('/assign', tokens.anonymous, { cart: 2 });
    expect(store.calls).toEqual(['load', 'update', 'load', 'update']);
  });

  it('law 7: the entry, the new record, the end of the old one: a fixed number of store calls', async () => {
    await start();
    const token = await begin({ cart: 1 });
    store.calls.length = 0;
    const ada = (await post('/assign', token, { user: 'ada' })).token as string;
    expect(store.calls).toEqual(['load', 'users.add', 'create', 'users.settle', 'update']);
    store.calls.length = 0;
    const bob = (await post('/assign', ada, { user: 'bob' })).token as string;
    expect(store.calls).toEqual(['load', 'users.add', 'create', 'users.settle', 'update', 'users.remove']);
    store.calls.length = 0;
    await call(running.url, '/data/user', { method: 'DELETE', token: bob });
    expect(store.calls).toEqual(['load', 'update', 'users.remove']);
  });

  describe('update()', () => {
    const refusal = { code: 'NOT_SUPPORTED', message: expect.stringMatching(/update\(\).*userIdOf/) };

    it.each([['bob'], ['']])('that would change the user (to %j) is refused: nothing is stored', async (user) => {
      await start();
      const token = await begin({ user: 'ada', cart: 1 });
      const refused = await post('/update', token, { user, cart: 2 });
      expect([refused.status, refused.token]).toEqual([500, undefined]);
      const loaded = await sessions.load<Data>(token);
      const change = sessions.update<Data>(loaded as never, (draft) => Object.assign(draft, { user }));
      await expect(change).rejects.toMatchObject(refusal);
      expect(await get('/data', token)).toEqual({ user: 'ada', cart: 1 });
      expect(await sessions.list('ada')).toHaveLength(1);
    });

    it('of other keys works as ever; in a session that it begins it binds', async () => {
      await start();
      const ada = (await post('/update', undefined, { user: 'ada' })).token as string;
      expect(await get('/info', ada)).toMatchObject({ userId: 'ada' });
      expect((await post('/update', ada, { cart: 2 })).status).toBe(201);
      expect(await get('/data', ada)).toEqual({ user: 'ada', cart: 2 });
      expect(await sessions.list('ada')).toHaveLength(1);
    });
  });

  describe('sessions that were stored before the option was there', () => {
    async function older(): Promise<string> {
      await start({ userIdOf: () => undefined });
      const token = await begin({ user: 'ada' });
      await start();
      clock.advance(20 * MINUTE);
      return token;
    }

    it('are bound by their next change', async () => {
      const token = (await post('/assign', await older(), { cart: 1 })).token as string;
      expect(await get('/info', token)).toMatchObject({ userId: 'ada' });
      expect(await sessions.list('ada')).toHaveLength(1);
    });

    it('ASVS 7.5.1: are not of a user who has just proved who they are', async () => {
      const recent = async (change: Data): Promise<string> => {
        const { token } = await post('/assign', await older(), change);
        return (await call(running.url, '/recent', { token })).text;
      };
      expect(await recent({ cart: 1 })).toContain('RECENT_LOGIN_REQUIRED');
      expect(await recent({ user: 'bob' })).toBe('reached');
    });

    it('can be changed by update()', async () => {
      const token = await older();
      const answer = await post('/update', token, { cart: 1 });
      expect(answer.status).toBe(201);
      expect(await get('/data', answer.token ?? token)).toEqual({ user: 'ada', cart: 1 });
    });
  });

  describe('reauthenticate()', () => {
    it.each([
      ['another user', { user: 'bob' }],
      ['no user', { user: null }],
    ])('record and data do not disagree when the data just changed to %s', async (_what, change) => {
      await start();
      const token = await begin({ user: 'ada' });
      const answer = await post('/reauthenticate', token, change);
      const now = answer.token ?? token;
      const { userId } = await get('/info', now);
      expect(userId).toBe((await get('/data', now))['user']);
      for (const user of ['ada', 'bob']) expect(await sessions.list(user)).toHaveLength(user === userId ? 1 : 0);
    });

    it('keeps a session bound by its data, which still decide', async () => {
      await start();
      const token = (await post('/reauthenticate', await begin({ user: 'ada' }))).token as string;
      expect(await get('/info', token)).toMatchObject({ userId: 'ada' });
      expect((await call(running.url, '/data/user', { method: 'DELETE', token })).status).toBe(200);
      expect(await get('/info', token)).not.toHaveProperty('userId');
    });
  });

  it('law 7, 8, 12: regenerate() that takes a new user along signs in like any other', async () => {
    await start({ captureDevice: true });
    const token = await begin({ cart: 1 });
    clock.advance(MINUTE);
    const events: string[] = [];
    sessions.events$.subscribe(({ type }) => events.push(type));
    const ada = (await post('/regenerate', token, { user: 'ada', keep: ['user'] })).token as string;
    const now = clock.now();
    expect(await get('/info', ada)).toMatchObject({ userId: 'ada', authenticatedAt: now, startedAt: now, device: {} });
    expect(await sessions.list('ada')).toHaveLength(1);
    expect(events).toContain('authn_login_success');
  });

  it('ASVS 7.1.2: maxPerUser counts them, and evicts the one used longest ago', async () => {
    await start({ maxPerUser: 2 });
    const tokens: string[] = [];
    for (let count = 0; count < 3; count++) {
      tokens.push((await post('/assign', await begin({ cart: count }), { user: 'ada' })).token as string);
      clock.advance(1);
    }
    expect(await Promise.all(tokens.map(async (token) => (await get('/data', token))['cart']))).toEqual([
      undefined,
      1,
      2,
    ]);
    const switched = (await post('/assign', await begin({ user: 'bob' }), { user: 'ada' })).token as string;
    expect(await sessions.list('ada')).toMatchObject([{ id: (await get('/info', switched))['id'] }, {}]);
    expect(await sessions.list('bob')).toEqual([]);
  });

  it.each(['stored before', 'new'])(
    "ASVS 7.1.2: onMaxPerUser 'reject': 403, a session that is %s stays anonymous",
    async (kind) => {
      await start({ maxPerUser: 1, onMaxPerUser: 'reject' });
      const first = await begin({ user: 'ada' });
      const anonymous = kind === 'new' ? undefined : await begin({ cart: 1 });
      const records = store.count();
      const refused = await post('/assign', anonymous, { user: 'ada', cart: 2 });
      expect([refused.status, refused.token]).toEqual([403, undefined]);
      expect(refused.json()).toMatchObject({ code: 'TOO_MANY_SESSIONS' });
      expect(await get('/data', anonymous)).toEqual(kind === 'new' ? {} : { cart: 1 });
      expect([await get('/data', first), store.count()]).toEqual([{ user: 'ada' }, records]);
      expect(await sessions.list('ada')).toHaveLength(1);
    },
  );

  it('a store without `users` binds all the same, under a new token; nothing can be listed', async () => {
    const inner = new MemoryStore();
    Object.defineProperty(inner, 'users', { value: undefined });
    await start({ store: new ProbedStore(inner) });
    const planted = await begin({ cart: 1 });
    const token = (await post('/assign', planted, { user: 'ada' })).token as string;
    expect(await get('/info', token)).toMatchObject({ userId: 'ada' });
    expect(await sessions.load(planted)).toBeUndefined();
    await expect(sessions.list('ada')).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    expect((await call(running.url, '/data/user', { method: 'DELETE', token })).status).toBe(200);
    expect(await get('/info', token)).not.toHaveProperty('userId');
  });
});
