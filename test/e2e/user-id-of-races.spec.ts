import { SessionService, type SessionOptions } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { DataUserController, slow, userIdOf } from '../support/data-user.controller.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore } from '../support/stores.js';

type Data = Record<string, unknown>;

const ENDED = expect.objectContaining({ statusCode: 401, code: 'SESSION_ENDED' });

failOnUnhandledRejections();
afterEach(closeApps);

describe.each(PLATFORMS)('userIdOf beside other requests on %s', (platform) => {
  let store: ProbedStore;
  let running: RunningApp;
  let sessions: SessionService;
  let token: string;

  beforeEach(async () => {
    await start();
    token = (await post('/assign', undefined, { old: true })).token as string;
  });

  async function start(options: SessionOptions = {}): Promise<void> {
    slow.until = undefined;
    store = new ProbedStore();
    const session = { store, clock: new TestClock().now, userIdOf, ...options };
    running = await startApp(platform, { controllers: [DataUserController], session });
    sessions = running.get(SessionService);
  }

  const get = async (path: string, given?: string): Promise<Data> =>
    (await call(running.url, path, { token: given })).json() as Data;
  const post = (path: string, given?: string, body: unknown = {}): Promise<Answer> =>
    call(running.url, path, { method: 'POST', token: given, body });
  const leave = (given: string): Promise<Answer> => call(running.url, '/data/user', { method: 'DELETE', token: given });

  /** Holds a request with its session loaded while others act, then lets it go on. */
  async function around(request: () => Promise<Answer>, others: () => Promise<unknown>): Promise<Answer> {
    const barrier = (slow.until = new Barrier());
    const held = request();
    await barrier.arrived;
    slow.until = undefined;
    await others();
    barrier.open();
    return held;
  }

  /** The same, held at the first call of an operation of the store. */
  async function at(
    operation: string,
    request: () => Promise<Answer>,
    others: () => Promise<unknown>,
  ): Promise<Answer> {
    const barrier = new Barrier();
    let calls = 0;
    store.before = (current) => (current === operation && calls++ === 0 ? barrier.pass() : undefined);
    const held = request();
    await barrier.arrived;
    await others();
    barrier.open();
    return held;
  }

  const signIn = (path = '/assign'): Promise<Answer> => post(path, token, { user: 'ada' });

  it.each(['with its session loaded', 'users.add', 'create', 'users.settle', 'update'])(
    'law 5, R60: what another request saves while it waits (%s) is in the session of the user',
    async (operation) => {
      const others = async (): Promise<void> => expect((await post('/assign', token, { cart: 1 })).status).toBe(201);
      const bound = await (operation === 'with its session loaded'
        ? around(signIn, others)
        : at(operation, signIn, others));
      expect(bound.status).toBe(201);
      expect(await get('/data', bound.token)).toEqual({ old: true, cart: 1, user: 'ada' });
      expect(await sessions.list('ada')).toMatchObject([{ id: (await get('/info', bound.token))['id'] }]);
      expect(await get('/data', token)).toEqual({});
    },
  );

  it('law 5: nor is it lost for a session whose data the handler froze', async () => {
    const bound = await at(
      'update',
      () => signIn('/freeze'),
      () => post('/assign', token, { cart: 1 }),
    );
    expect([bound.status, await get('/data', bound.token)]).toEqual([201, { old: true, cart: 1, user: 'ada' }]);
  });

  it('R61b: requests on their way with the old token neither set nor clear one, and no write is lost in silence', async () => {
    let bound: Answer | undefined;
    const write = await around(
      () => post('/assign', token, { cart: 1 }),
      async () => (bound = await signIn()),
    );
    const read = await call(running.url, '/data', { token });
    expect([write.status, write.json(), write.token]).toEqual([401, ENDED, undefined]);
    expect([read.status, read.json(), read.token]).toEqual([200, {}, undefined]);
    expect(await get('/data', bound?.token)).toEqual({ old: true, user: 'ada' });
  });

  it.each([
    ['the same user', ['ada', 'ada']],
    ['two users', ['ada', 'bob']],
  ])('R61: of sign-ins of %s at once one succeeds, and one session is left', async (_who, users) => {
    const barrier = (slow.until = new Barrier(2));
    const requests = users.map((user) => post('/assign', token, { user }));
    await barrier.arrived;
    slow.until = undefined;
    barrier.open();
    const answers = await Promise.all(requests);
    const [won, ...more] = answers.filter(({ status }) => status === 201);
    expect(more).toEqual([]);
    const lost = answers.find((answer) => answer !== won);
    expect([lost?.status, lost?.json(), lost?.token]).toEqual([401, ENDED, undefined]);
    const { id, userId } = await get('/info', won?.token);
    expect(await get('/data', won?.token)).toEqual({ old: true, user: userId });
    for (const user of ['ada', 'bob']) {
      expect((await sessions.list(user)).map((entry) => entry.id)).toEqual(user === userId ? [id] : []);
    }
  });

  it('R58: a change beside a sign-out by data is stored, and brings nobody back', async () => {
    const ada = (await signIn()).token as string;
    const written = await around(
      () => post('/assign', ada, { cart: 1 }),
      () => leave(ada),
    );
    expect([written.status, written.token]).toEqual([201, undefined]);
    expect(await get('/data', ada)).toEqual({ old: true, cart: 1 });
    expect(await get('/info', ada)).not.toHaveProperty('userId');
    expect(await sessions.list('ada')).toEqual([]);
  });

  it('R58: a request that says the user again beside a sign-out: record, data and list agree', async () => {
    const ada = (await signIn()).token as string;
    const written = await around(
      () => post('/assign', ada, { user: 'ada', cart: 1 }),
      () => leave(ada),
    );
    const now = written.token ?? ada;
    const [{ user }, { userId, id }] = [await get('/data', now), await get('/info', now)];
    expect(userId).toBe(user);
    expect((await sessions.list('ada')).map((entry) => entry.id)).toEqual(user === undefined ? [] : [id]);
  });

  it.each([
    ['destroyAll', () => sessions.destroyAll('ada')],
    ['a logout', () => post('/destroy', token)],
  ])('law 6, R60: %s in the middle: 401, no token, nobody is signed in', async (_end, end) => {
    const refused = await at('users.settle', signIn, end);
    expect([refused.status, refused.json(), refused.token]).toEqual([401, ENDED, undefined]);
    expect(await sessions.list('ada')).toEqual([]);
  });

  describe('when the store fails', () => {
    const failing = (wanted: string, times = Infinity): void => {
      store.before = (operation) => {
        if (operation === wanted && times-- > 0) throw new Error('connection lost');
      };
    };

    it.each(['users.add', 'create', 'users.settle', 'update'])(
      'law 9: at %s: 503, no token, the session before goes on without a user, and none is left beside it',
      async (operation) => {
        failing(operation);
        const refused = await signIn();
        expect([refused.status, refused.token]).toEqual([503, undefined]);
        expect(refused.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
        store.before = undefined;
        expect(await get('/data', token)).toEqual({ old: true });
        expect([await sessions.list('ada'), store.count()]).toEqual([[], 1]);
        expect(await get('/info', (await signIn()).token)).toMatchObject({ userId: 'ada' });
      },
    );

    it('law 9: at a sign-out by data: 503, and the user is still signed in', async () => {
      const ada = (await signIn()).token as string;
      failing('update');
      expect((await leave(ada)).status).toBe(503);
      store.before = undefined;
      expect(await get('/info', ada)).toMatchObject({ userId: 'ada' });
      expect(await sessions.list('ada')).toHaveLength(1);
    });

    it('law 4: a save that failed unseen is made good by the commit', async () => {
      failing('users.add', 1);
      const bound = await signIn('/saved-or-not');
      expect(bound.status).toBe(201);
      expect(await get('/info', bound.token)).toMatchObject({ userId: 'ada' });
      expect(await sessions.list('ada')).toHaveLength(1);
    });
  });

  it('law 4: what is assigned while save() binds is stored too', async () => {
    const bound = await signIn('/save-and-change');
    expect(await get('/data', bound.token)).toEqual({ old: true, user: 'ada', meanwhile: true });
  });

  it('law 4: once no token can be sent any more it is refused, and the session goes on as it was', async () => {
    await start({ userIdOf: ({ account }) => (account as { id?: string } | undefined)?.id });
    const given = (await post('/assign', undefined, { account: { id: '' } })).token;
    expect((await post('/answered', given, { id: 'ada' })).text).toBe('begun ALREADY_ANSWERED');
    expect(await get('/data', given)).toEqual({ account: { id: '' } });
    expect(await sessions.list('ada')).toEqual([]);
  });
});
