import { Controller, Get, Param, Post } from '@nestjs/common';
import { MemoryStore, RequireRecentLogin, Session, SessionService } from 'nestjs-token-session';
import { createHash } from 'node:crypto';
import { closeApps, startApp } from '../support/app.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { PLATFORMS } from '../support/platforms.js';

type Data = Record<string, unknown>;

const MINUTE = 60_000;

@Controller()
class AccountController {
  constructor(private readonly sessions: SessionService) {}

  @Get('data') data(@Session() sess: Session<Data>): Data {
    return { ...sess };
  }

  @Get('info') info(@Session() sess: Session): unknown {
    return this.sessions.info(sess);
  }

  @Post('use/:way') async use(@Session() sess: Session<Data>, @Param('way') way: string): Promise<void> {
    const count = () => (sess['count'] = Number(sess['count'] ?? 0) + 1);
    const ways: Record<string, () => unknown> = {
      change: count,
      save: () => (count(), this.sessions.save(sess)),
      update: () => this.sessions.update<Data>(sess, (draft) => (draft['updated'] = true)),
      reload: () => this.sessions.reload(sess),
      touch: () => this.sessions.touch(sess),
      regenerate: () => this.sessions.regenerate(sess, { keep: ['count'] }),
      'fake it': () => Object.assign(sess, { authenticatedAt: 9e15, marks: { authenticatedAt: 9e15 } }),
      login: () => this.sessions.login(sess, 'ada'),
      reauthenticate: () => this.sessions.reauthenticate(sess),
    };
    await ways[way]?.();
  }

  @RequireRecentLogin('10m') @Get('recent') recent(): string {
    return 'reached';
  }

  @RequireRecentLogin(1) @Get('at-once') atOnce(): string {
    return 'reached';
  }
}

@RequireRecentLogin('20m')
@Controller('class')
class RecentController {
  @Get() plain(): string {
    return 'reached';
  }

  @RequireRecentLogin('10m') @Get('shorter') shorter(): string {
    return 'reached';
  }

  @RequireRecentLogin('30m') @Get('longer') longer(): string {
    return 'reached';
  }

  @RequireRecentLogin('10m') @RequireRecentLogin('5m') @Get('twice') twice(): string {
    return 'reached';
  }
}

@RequireRecentLogin('15m')
@Controller('inherited')
class InheritingController extends RecentController {}

const recentRequired = (maxAge: number) => ({
  statusCode: 401,
  error: 'Unauthorized',
  code: 'RECENT_LOGIN_REQUIRED',
  message: 'This needs a recent proof of who you are. Sign in again.',
  maxAge,
});

afterEach(closeApps);

describe.each(PLATFORMS)('ASVS 7.5.1: @RequireRecentLogin on %s', (platform) => {
  let clock: TestClock;
  let store: MemoryStore;
  let get: (path: string, token?: string) => Promise<Answer>;
  let use: (way: string, token?: string) => Promise<Answer>;

  beforeEach(async () => {
    clock = new TestClock();
    store = new MemoryStore();
    const controllers = [AccountController, RecentController, InheritingController];
    const { url } = await startApp(platform, {
      controllers,
      session: { store, clock: clock.now, idleTimeout: '3h', touchInterval: 1 },
    });
    get = (path, token) => call(url, path, { token });
    use = (way, token) => call(url, `/use/${encodeURIComponent(way)}`, { method: 'POST', token });
  });

  const login = async (): Promise<string> => (await use('login')).token as string;

  it.each([
    ['/recent', 10 * MINUTE],
    ['/at-once', 1],
    ['/class', 20 * MINUTE],
    ['/class/shorter', 10 * MINUTE],
    ['/class/longer', 20 * MINUTE],
    ['/class/twice', 5 * MINUTE],
    ['/inherited', 15 * MINUTE],
    ['/inherited/shorter', 10 * MINUTE],
    ['/inherited/longer', 15 * MINUTE],
  ])(
    '%s: until 1 ms before the bound, and from it on 401 that says the bound; the strictest wins',
    async (path, bound) => {
      const token = await login();
      clock.advance(bound - 1);
      expect((await get(path, token)).text).toBe('reached');
      clock.advance(1);
      const refused = await get(path, token);
      expect([refused.status, refused.json(), refused.token]).toEqual([401, recentRequired(bound), undefined]);
      expect((await get('/data', token)).status).toBe(200);
    },
  );

  it('without a user 401 LOGIN_REQUIRED, whether or not there is a session', async () => {
    const anonymous = (await use('change')).token;
    for (const token of [undefined, anonymous, 'A'.repeat(43)]) {
      const refused = await get('/recent', token);
      expect([refused.status, refused.json()]).toEqual([
        401,
        {
          statusCode: 401,
          error: 'Unauthorized',
          code: 'LOGIN_REQUIRED',
          message: 'This needs a user. Sign in first.',
        },
      ]);
    }
  });

  it.each(['change', 'save', 'update', 'reload', 'touch', 'regenerate', 'fake it', 'read'])(
    'using the session is no proof: %s does not refresh it',
    async (way) => {
      let token = await login();
      for (let minutes = 0; minutes < 10; minutes++) {
        expect((await get('/recent', token)).text).toBe('reached');
        clock.advance(MINUTE);
        const used = way === 'read' ? await get('/data', token) : await use(way, token);
        expect(used.status).toBeLessThan(300);
        token = used.token ?? token;
      }
      expect((await get('/recent', token)).json()).toEqual(recentRequired(10 * MINUTE));
      expect((await get('/info', token)).json()).toMatchObject({
        usedAt: clock.now(),
        authenticatedAt: clock.now() - 10 * MINUTE,
      });
    },
  );

  it.each(['login', 'reauthenticate'])('%s is a proof, which lasts as long again', async (way) => {
    const token = await login();
    clock.advance(10 * MINUTE);
    const fresh = (await use(way, token)).token;
    clock.advance(10 * MINUTE - 1);
    expect((await get('/recent', fresh)).text).toBe('reached');
    expect((await get('/recent', token)).json()).toMatchObject({ code: 'LOGIN_REQUIRED' });
    clock.advance(1);
    expect((await get('/recent', fresh)).json()).toEqual(recentRequired(10 * MINUTE));
  });

  it('C46: of a clock that was put back, a proof that lies further ahead than the bound is none', async () => {
    const token = await login();
    clock.advance(1 - 10 * MINUTE);
    expect((await get('/recent', token)).text).toBe('reached');
    clock.advance(-1);
    expect((await get('/recent', token)).json()).toEqual(recentRequired(10 * MINUTE));
    clock.advance(-60 * MINUTE);
    expect((await get('/recent', token)).json()).toEqual(recentRequired(10 * MINUTE));
    clock.advance(70 * MINUTE);
    expect((await get('/recent', token)).text).toBe('reached');
  });

  it('a record of a user that does not say when they proved who they are is not recent', async () => {
    const token = 'A'.repeat(43);
    const times = {
      startedAt: clock.now(),
      usedAt: clock.now(),
      idleTimeout: 30 * MINUTE,
      absoluteTimeout: 720 * MINUTE,
    };
    const id = createHash('sha256').update(token).digest('base64url');
    store.create(id, { ...times, payload: '1\n{}', version: 'v', userId: 'ada' });
    expect((await get('/info', token)).json()).toMatchObject({ userId: 'ada', level: 1 });
    expect((await get('/recent', token)).json()).toEqual(recentRequired(10 * MINUTE));
  });
});
