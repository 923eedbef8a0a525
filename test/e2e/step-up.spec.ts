import { cookie, SessionService, type SessionOptions } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call, type Answer, type CallOptions } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { slow, StepUpController } from '../support/step-up.controller.js';
import { STORES } from '../support/stores.js';

type Data = Record<string, unknown>;

const MINUTE = 60_000;
const DATA = { cart: 1, nested: { a: [{ b: 'c' }] } };

failOnUnhandledRejections();
afterEach(closeApps);

describe.each(PLATFORMS)('reauthenticate on %s', (platform) => {
  let clock: TestClock;
  let running: RunningApp;

  async function start(session: SessionOptions = {}): Promise<void> {
    slow.until = undefined;
    clock = new TestClock();
    running = await startApp(platform, { controllers: [StepUpController], session: { clock: clock.now, ...session } });
  }

  const get = async (path: string, token?: string): Promise<Data> =>
    (await call(running.url, path, { token })).json() as Data;
  const post = (path: string, token?: string, body: unknown = {}, options: CallOptions = {}): Promise<Answer> =>
    call(running.url, path, { method: 'POST', token, body, ...options });
  const login = async (options: unknown = {}): Promise<string> =>
    (await post('/login', undefined, options)).token as string;

  async function stepUp(token: string, options: { level?: unknown } = {}): Promise<string> {
    const answer = await post('/reauthenticate', token, options);
    expect([answer.status, answer.headers['cache-control']]).toEqual([201, 'no-store']);
    return answer.token as string;
  }

  describe.each(Object.entries(STORES))('%s', (_name, createStore) => {
    beforeEach(() => start({ store: createStore() }));

    it('law 7, ASVS 7.2.4: the same user and data, nested too, under a new token; the old one opens nothing', async () => {
      const token = await login();
      const next = await stepUp(token, { level: 2 });
      expect(next).toMatch(/^[\w-]{43}$/);
      expect(next).not.toBe(token);
      expect(await get('/data', next)).toEqual(DATA);
      expect(await get('/info', next)).toMatchObject({ userId: 'ada', level: 2, isNew: false });
      expect(await running.get(SessionService).load(token)).toBeUndefined();
      expect(await running.get(SessionService).list('ada')).toMatchObject([
        { id: (await get('/info', next))['id'], level: 2 },
      ]);
    });

    it('R61b: a request on its way with the old token is anonymous, and its answer neither sets nor clears a token', async () => {
      const token = await login();
      const next = await stepUp(token);
      const read = await call(running.url, '/data', { token });
      expect([read.status, read.json(), read.token]).toEqual([200, {}, undefined]);
      for (const path of ['/assign', '/reauthenticate', '/regenerate']) {
        const refused = await post(path, token, path === '/assign' ? { cart: 2 } : {});
        expect([refused.status, refused.json(), refused.token]).toEqual([
          401,
          expect.objectContaining({ code: 'SESSION_ENDED' }),
          undefined,
        ]);
      }
      expect(await get('/data', next)).toEqual(DATA);
      clock.advance(MINUTE);
      expect((await post('/reauthenticate', token)).json()).toMatchObject({ code: 'LOGIN_REQUIRED' });
    });

    it('what this request changed before and after it is stored; the old object is out of use', async () => {
      const answer = await post('/change-and-reauthenticate', await login());
      expect([answer.status, answer.text]).toEqual([201, 'SESSION_REPLACED']);
      expect(await get('/data', answer.token)).toEqual({ ...DATA, before: true, after: true });
    });

    it('401 LOGIN_REQUIRED without a user: nothing is stored, ended or sent', async () => {
      const anonymous = (await post('/assign', undefined, { cart: 1 })).token as string;
      for (const token of [undefined, 'A'.repeat(43), anonymous]) {
        const refused = await post('/reauthenticate', token, { level: 2 });
        expect([refused.status, refused.token]).toEqual([401, undefined]);
        expect(refused.json()).toEqual({
          statusCode: 401,
          error: 'Unauthorized',
          code: 'LOGIN_REQUIRED',
          message: 'This needs a user. Sign in first.',
        });
      }
      expect(await get('/data', anonymous)).toEqual({ cart: 1 });
      expect(await get('/info', anonymous)).not.toHaveProperty('userId');
    });

    it('label, persistence and the limits of this session stay as its login said', async () => {
      const options = { label: 'phone', persistent: false, idleTimeout: '10m', absoluteTimeout: '1h' };
      const token = await login(options);
      clock.advance(5 * MINUTE);
      const now = clock.now();
      expect(await get('/info', await stepUp(token))).toMatchObject({
        ...{ label: 'phone', persistent: false, level: 1 },
        ...{ startedAt: now, usedAt: now, idleExpiresAt: now + 10 * MINUTE, absoluteExpiresAt: now + 60 * MINUTE },
      });
    });
  });

  it('law 8: both clocks start anew, and authenticatedAt with them', async () => {
    await start({ absoluteTimeout: '1h', idleTimeout: '1h' });
    const token = await login();
    const begun = clock.now();
    clock.advance(60 * MINUTE - 1);
    const next = await stepUp(token);
    const now = clock.now();
    expect(await get('/info', next)).toMatchObject({ startedAt: now, usedAt: now, authenticatedAt: now });
    expect(now).not.toBe(begun);
    clock.advance(60 * MINUTE - 1);
    expect(await get('/data', next)).toEqual(DATA);
    clock.advance(1);
    expect(await get('/data', next)).toEqual({});
  });

  it('the level is what it says, by default as before; regenerate keeps it, a new login does not', async () => {
    await start();
    const levelOf = async (token: string): Promise<unknown> => (await get('/info', token))['level'];
    let token = await login();
    expect(await levelOf(token)).toBe(1);
    expect(await levelOf((token = await stepUp(token, { level: 3 })))).toBe(3);
    expect(await levelOf((token = await stepUp(token)))).toBe(3);
    expect(await levelOf((token = (await post('/regenerate', token)).token as string))).toBe(3);
    expect(await levelOf((await post('/login', token)).token as string)).toBe(1);
    expect(await levelOf(await stepUp(await login({ level: 2 })))).toBe(2);
  });

  it.each([0, -1, 1.5, '2', null, true, [2], {}])(
    'a level of %j is refused: the session goes on as it was',
    async (level) => {
      await start();
      const token = await login({ level: 2 });
      const refused = await post('/reauthenticate', token, { level });
      expect([refused.status, refused.token]).toEqual([500, undefined]);
      expect(await get('/info', token)).toMatchObject({ level: 2 });
      const sessions = running.get(SessionService);
      const loaded = await sessions.load(token);
      await expect(sessions.reauthenticate(loaded as never, { level: level as number })).rejects.toMatchObject({
        code: 'INVALID_LOGIN_OPTION',
        message: expect.stringMatching(/level: takes a whole number of at least 1; got/),
      });
    },
  );

  it('an option that does not exist is refused, as login refuses it', async () => {
    await start();
    const sessions = running.get(SessionService);
    const loaded = await sessions.load(await login());
    await expect(sessions.reauthenticate(loaded as never, { lvl: 2 } as never)).rejects.toMatchObject({
      code: 'INVALID_LOGIN_OPTION',
      message: expect.stringContaining('lvl'),
    });
  });

  it('the device stays the one of the login', async () => {
    await start({ captureDevice: true });
    const { token } = await post('/login', undefined, {}, { headers: { 'User-Agent': 'phone' } });
    const next = await post('/reauthenticate', token, {}, { headers: { 'User-Agent': 'other' } });
    expect(await get('/info', next.token)).toMatchObject({ device: { userAgent: 'phone', address: '127.0.0.1' } });
  });

  it.each([
    [true, '; Max-Age=3600;'],
    [false, ''],
  ])('a cookie of persistent: %p stays such a one, its Max-Age anew', async (persistent, maxAge) => {
    await start({ transport: cookie(), absoluteTimeout: '1h' });
    const cookieOf = ({ cookies }: Answer): string => cookies[0]?.split(';')[0] ?? '';
    const first = await post('/login', undefined, { persistent });
    clock.advance(10 * MINUTE);
    const next = await post('/reauthenticate', undefined, {}, { headers: { Cookie: cookieOf(first) } });
    expect(next.cookies).toHaveLength(1);
    expect(/; Max-Age=\d+;/.exec(next.cookies[0] ?? '')?.[0] ?? '').toBe(maxAge);
    expect(cookieOf(next)).not.toBe(cookieOf(first));
  });

  it('law 12: it is told as a login and as a renewal', async () => {
    await start();
    const token = await login();
    const previousId = (await get('/info', token))['id'];
    const events = collectEvents(running);
    const { id } = await get('/info', await stepUp(token));
    expect(events).toEqual(
      expect.arrayContaining([
        { type: 'session_renewed', id, previousId, userId: 'ada' },
        { type: 'authn_login_success', id, userId: 'ada' },
      ]),
    );
  });
});
