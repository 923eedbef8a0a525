import { Body, Controller, Get, Post } from '@nestjs/common';
import {
  RequireLogin,
  RequireRecentLogin,
  RequireSession,
  Session,
  SessionService,
  type SessionOptions,
} from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call, type Answer, type CallOptions } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { PLATFORMS } from '../support/platforms.js';
import { ProbedStore, STORES } from '../support/stores.js';

type Data = Record<string, unknown>;

@Controller()
class AccountController {
  constructor(private readonly sessions: SessionService) {}

  @Post('begin') begin(@Session() sess: Session<Data>): void {
    sess['begun'] = true;
  }

  @Post('login') async login(@Session() sess: Session, @Body() options: { level?: number }): Promise<void> {
    await this.sessions.login(sess, 'ada', options);
  }

  /** As careless code has it: all that the client says becomes data. */
  @Post('assign') assign(@Session() sess: Session<Data>, @Body() body: Data): void {
    Object.assign(sess, body);
  }

  @Post('destroy') destroy(@Session() sess: Session): Promise<void> {
    return this.sessions.destroy(sess);
  }

  @Post('regenerate') async regenerate(@Session() sess: Session): Promise<void> {
    await this.sessions.regenerate(sess);
  }

  @RequireLogin() @Get('account') account(): string {
    return 'account';
  }

  @RequireLogin({ level: 2 }) @Get('payments') payments(): string {
    return 'payments';
  }

  @RequireRecentLogin('10m') @Get('password') password(): string {
    return 'password';
  }

  @RequireRecentLogin('10m') @RequireLogin({ level: 2 }) @RequireSession() @Get('both') both(): string {
    return 'both';
  }
}

@RequireLogin({ level: 2 })
@Controller('strict')
class StrictController {
  @Get() plain(): string {
    return 'strict';
  }

  @RequireLogin({ level: 3 }) @Get('stricter') stricter(): string {
    return 'stricter';
  }

  @RequireLogin({ level: 1 }) @Get('laxer') laxer(): string {
    return 'laxer';
  }

  @RequireSession() @Get('session') session(): string {
    return 'session';
  }
}

@Controller('inherited')
class InheritingController extends StrictController {}

@RequireLogin({ level: 3 })
@Controller('tightened')
class TightenedController extends StrictController {}

@RequireLogin()
@Controller('loosened')
class LoosenedController extends StrictController {}

const CONTROLLERS = [
  AccountController,
  StrictController,
  InheritingController,
  TightenedController,
  LoosenedController,
];

const LOGIN_REQUIRED = {
  statusCode: 401,
  error: 'Unauthorized',
  code: 'LOGIN_REQUIRED',
  message: 'This needs a user. Sign in first.',
};

const levelRequired = (level: number) => ({
  statusCode: 401,
  error: 'Unauthorized',
  code: 'LEVEL_REQUIRED',
  message: 'This needs a stronger proof of who you are. Sign in with a further factor.',
  level,
});

afterEach(closeApps);

describe.each(PLATFORMS)('@RequireLogin on %s', (platform) => {
  type Get = (path: string, options?: CallOptions) => Promise<Answer>;

  async function start(session: SessionOptions = {}): Promise<Get> {
    const { url } = await startApp(platform, { controllers: CONTROLLERS, session });
    return (path, options) => call(url, path, options);
  }

  const post = (get: Get, path: string, token?: string, body?: unknown): Promise<Answer> =>
    get(path, { method: 'POST', token, body });

  async function login(get: Get, level?: number): Promise<string> {
    return (await post(get, '/login', undefined, { level })).token as string;
  }

  it('@RequireLogin() lets a user through, and nobody else: 401 LOGIN_REQUIRED, also for a stored session', async () => {
    const get = await start();
    const user = await get('/account', { token: await login(get) });
    expect([user.status, user.text]).toEqual([200, 'account']);
    const anonymous = (await post(get, '/begin')).token;
    for (const token of [undefined, anonymous]) {
      const refused = await get('/account', { token });
      expect([refused.status, refused.json(), refused.token]).toEqual([401, LOGIN_REQUIRED, undefined]);
    }
  });

  it('@RequireLogin({ level }) takes that level and more; the body of the 401 says which', async () => {
    const get = await start();
    for (const level of [undefined, 1]) {
      const refused = await get('/payments', { token: await login(get, level) });
      expect([refused.status, refused.json(), refused.token]).toEqual([401, levelRequired(2), undefined]);
      // No cache may give it to others.
      expect(refused.headers['vary']).toMatch(/x-auth-token/i);
    }
    for (const level of [2, 3]) expect((await get('/payments', { token: await login(get, level) })).status).toBe(200);
    expect((await get('/payments')).json()).toEqual(LOGIN_REQUIRED);
  });

  it.each([
    ['/strict', 2],
    ['/strict/stricter', 3],
    ['/strict/laxer', 2],
    ['/strict/session', 2],
    ['/inherited', 2],
    ['/inherited/stricter', 3],
    ['/inherited/laxer', 2],
    ['/tightened', 3],
    ['/tightened/laxer', 3],
    ['/loosened', 2],
    ['/both', 2],
  ])(
    'class, handler, base class and several decorators add up, the strictest wins: %s takes level %d',
    async (path, level) => {
      const get = await start();
      expect((await get(path)).json()).toEqual(LOGIN_REQUIRED);
      expect((await get(path, { token: await login(get, level - 1) })).json()).toEqual(levelRequired(level));
      expect((await get(path, { token: await login(get, level) })).status).toBe(200);
    },
  );

  it('H24: unknown, malformed, expired, destroyed and rotated tokens get the very answer that no token gets', async () => {
    const clock = new TestClock();
    const get = await start({ clock: clock.now, idleTimeout: '1h' });
    const expired = await login(get);
    clock.advance(3_600_000);
    const destroyed = await login(get);
    await post(get, '/destroy', destroyed);
    const rotated = await login(get);
    await post(get, '/regenerate', rotated);
    for (const path of ['/account', '/payments', '/password', '/both', '/strict']) {
      const { status, text, headers } = await get(path);
      expect([status, JSON.parse(text)]).toEqual([401, LOGIN_REQUIRED]);
      for (const token of ['A'.repeat(43), 'nonsense', '', expired, destroyed, rotated]) {
        const refused = await get(path, { token });
        const date = refused.headers['date'];
        expect([refused.status, refused.text, refused.headers]).toEqual([status, text, { ...headers, date }]);
      }
    }
  });

  it('law 9: 503, not 401, while the store is down; 401 where a fault is an anonymous session', async () => {
    for (const onStoreError of ['fail', 'anonymous'] as const) {
      const store = new ProbedStore();
      const get = await start({ store, onStoreError });
      const token = await login(get, 2);
      store.before = () => {
        throw new Error('down');
      };
      for (const path of ['/account', '/payments', '/password']) {
        const answer = await get(path, { token });
        const expected = onStoreError === 'fail' ? [503, 'STORE_UNAVAILABLE'] : [401, 'LOGIN_REQUIRED'];
        expect([answer.status, (answer.json() as Data)['code'], answer.token]).toEqual([...expected, undefined]);
        expect((await get(path)).json()).toEqual(LOGIN_REQUIRED);
      }
    }
  });

  it('law 3: costs no store call beyond the one load', async () => {
    const store = new ProbedStore();
    const get = await start({ store });
    const token = await login(get, 2);
    store.calls.length = 0;
    await get('/both', { token });
    await get('/strict/session', { token });
    await get('/account');
    expect(store.calls).toEqual(['load', 'load']);
  });

  describe.each(Object.entries(STORES))('ASVS 15.3.3, with %s', (_name, createStore) => {
    const rich = { userId: 'ada', level: 9, authenticatedAt: 9e15, byData: true, persistent: false };
    const body = {
      ...rich,
      marks: rich,
      identity: { userId: 'ada', marks: rich },
      record: rich,
      'nestjs-token-session': { ...rich, marks: rich, version: 'x', startedAt: 0, usedAt: 9e15 },
    };

    it('no data makes a user of nobody, or raises a level: only login and reauthenticate do', async () => {
      const get = await start({ store: createStore() });
      const assigned = await post(get, '/assign', undefined, body);
      expect([assigned.status, assigned.token]).toEqual([201, expect.stringMatching(/^[\w-]{43}$/)]);
      const anonymous = assigned.token;
      expect((await get('/account', { token: anonymous })).json()).toEqual(LOGIN_REQUIRED);
      const user = await login(get);
      for (let times = 0; times < 2; times++) {
        expect((await post(get, '/assign', user, body)).status).toBe(201);
        expect((await get('/account', { token: user })).status).toBe(200);
        expect((await get('/payments', { token: user })).json()).toEqual(levelRequired(2));
      }
    });
  });
});
