import { Controller, Get, Injectable, Post, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { APP_GUARD, ExternalContextCreator } from '@nestjs/core';
import {
  MemoryStore,
  RequireLogin,
  RequireRecentLogin,
  RequireSession,
  Session,
  SessionGuard,
  SessionService,
} from 'nestjs-token-session';
import { closeApps, startApp, type AppPlan } from '../support/app.js';
import { call, type Answer } from '../support/client.js';
import { PLATFORMS } from '../support/platforms.js';

type Data = Record<string, unknown>;

@Controller()
class OpenController {
  constructor(private readonly sessions: SessionService) {}

  @Post('begin') begin(@Session() sess: Session<Data>): void {
    sess['begun'] = true;
  }

  @Post('login') async login(@Session() sess: Session): Promise<void> {
    await this.sessions.login(sess, 'ada');
  }

  @Get('open') open(): string {
    return 'open';
  }
}

@Controller('guarded')
class GuardedController {
  @RequireLogin() @Get('user') user(): string {
    return 'reached';
  }

  @RequireLogin({ level: 2 }) @Get('level') level(): string {
    return 'reached';
  }

  @RequireRecentLogin('10m') @Get('recent') recent(): string {
    return 'reached';
  }
}

@RequireLogin()
@Controller('class')
class GuardedClassController {
  @Get() user(): string {
    return 'reached';
  }
}

const GUARDED = ['/guarded/user', '/guarded/level', '/guarded/recent', '/class'];

/** Signs in whoever names a user; counts how often it was asked. */
@Injectable()
class KeyGuard implements CanActivate {
  static asked = 0;

  constructor(private readonly sessions: SessionService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    KeyGuard.asked++;
    const { headers, session } = context.switchToHttp().getRequest<{ headers: Data; session: Session }>();
    if (typeof headers['x-key'] === 'string') await this.sessions.login(session, headers['x-key']);
    return true;
  }
}

@Controller('order')
class OrderController {
  @RequireLogin() @UseGuards(KeyGuard) @Get('first-key') firstKey(): string {
    return 'reached';
  }

  @UseGuards(KeyGuard) @RequireLogin() @Get('first-session') firstSession(): string {
    return 'reached';
  }

  @RequireLogin({ level: 2 }) @UseGuards(KeyGuard) @RequireSession() @Get('around') around(): string {
    return 'reached';
  }
}

@UseGuards(KeyGuard)
@Controller('class-order')
class ClassOrderController {
  @RequireLogin() @Get() user(): string {
    return 'reached';
  }
}

afterEach(closeApps);

describe.each(PLATFORMS)('guards of users on %s', (platform) => {
  const codeOf = (answer: Answer): unknown => [answer.status, (answer.json() as Data)['code']];

  describe('the order of guards', () => {
    let get: (path: string, key?: string, token?: string) => Promise<Answer>;

    beforeEach(async () => {
      const controllers = [OpenController, OrderController, ClassOrderController];
      const { url } = await startApp(platform, { controllers });
      get = (path, key, token) => call(url, path, { token, headers: key === undefined ? {} : { 'X-Key': key } });
      KeyGuard.asked = 0;
    });

    it.each(['/order/first-key', '/class-order'])('%s: a guard that comes first can sign the user in', async (path) => {
      const signedIn = await get(path, 'ada');
      expect([signedIn.status, KeyGuard.asked]).toEqual([200, 1]);
      expect((await get(path, undefined, signedIn.token)).text).toBe('reached');
      expect(codeOf(await get(path))).toEqual([401, 'LOGIN_REQUIRED']);
    });

    it('guards that come after the refusal are not asked', async () => {
      expect(codeOf(await get('/order/first-session', 'ada'))).toEqual([401, 'LOGIN_REQUIRED']);
      expect(KeyGuard.asked).toBe(0);
    });

    it('several decorators are checked as one, where the first of them stands', async () => {
      const { token } = await get('/order/first-key', 'ada');
      KeyGuard.asked = 0;
      expect(codeOf(await get('/order/around', 'ada', token))).toEqual([401, 'LEVEL_REQUIRED']);
      expect(KeyGuard.asked).toBe(0);
    });
  });

  it.each([
    ['APP_GUARD', { providers: [{ provide: APP_GUARD, useClass: SessionGuard }] }],
    ['useGlobalGuards', { prepare: (app) => app.useGlobalGuards(new SessionGuard()) }],
  ] satisfies [string, Partial<AppPlan>][])(
    'SessionGuard as a global guard (%s): a session everywhere, a user where a decorator says so',
    async (_way, plan) => {
      const store = new MemoryStore();
      const open = await startApp(platform, { controllers: [OpenController], session: { store } });
      const tokenOf = async (path: string) => (await call(open.url, path, { method: 'POST' })).token;
      const [anonymous, user] = [await tokenOf('/begin'), await tokenOf('/login')];
      const controllers = [OpenController, GuardedController];
      const { url } = await startApp(platform, { controllers, session: { store }, ...plan });
      const get = async (path: string, token?: string) => {
        const answer = await call(url, path, { token });
        return answer.status === 200 ? answer.text : String((answer.json() as Data)['code']);
      };
      expect([await get('/open'), await get('/guarded/user')]).toEqual(['SESSION_REQUIRED', 'LOGIN_REQUIRED']);
      expect([await get('/open', anonymous), await get('/guarded/user', anonymous)]).toEqual([
        'open',
        'LOGIN_REQUIRED',
      ]);
      expect([await get('/open', user), await get('/guarded/user', user)]).toEqual(['open', 'reached']);
      expect([await get('/guarded/level', user), await get('/guarded/recent', user)]).toEqual([
        'LEVEL_REQUIRED',
        'reached',
      ]);
    },
  );

  it.each([
    ['the module is not mounted', { imports: [] }],
    ['the paths are excluded', { session: { exclude: ['/guarded', '/class'] } }],
  ] satisfies [string, Partial<AppPlan>][])('fails closed when %s, and says why', async (_case, plan) => {
    const errors: unknown[] = [];
    const { url } = await startApp(platform, {
      controllers: [GuardedController, GuardedClassController],
      ...plan,
      prepare: (app) =>
        app.useGlobalFilters({
          catch(error: unknown, host) {
            errors.push(error);
            app.getHttpAdapter().reply(host.switchToHttp().getResponse(), 'failed', 500);
          },
        }),
    });
    for (const path of GUARDED) expect(await call(url, path)).toMatchObject({ status: 500, text: 'failed' });
    const hint = expect.stringMatching(/SessionModule\.forRoot\(\).*`exclude`/);
    expect(errors).toHaveLength(GUARDED.length);
    for (const error of errors) expect(error).toMatchObject({ code: 'NOT_MOUNTED', message: hint });
  });

  it.each([
    ['rpc', 'NOT_HTTP', 'in a rpc handler take SessionService.load(token)'],
    ['ws', 'NOT_HTTP', 'SessionSocketsModule.forRoot()'],
    ['graphql', 'NOT_MOUNTED', 'no request in the GraphQL context'],
  ])(
    'L92: in a %s handler without a request they fail closed, and say what to do instead',
    async (type, code, hint) => {
      const { app } = await startApp(platform, {
        controllers: [],
        providers: [GuardedController, GuardedClassController],
      });
      const creator = app.get(ExternalContextCreator);
      const handlers = [
        ...(['user', 'level', 'recent'] as const).map((name) => [app.get(GuardedController), name] as const),
        [app.get(GuardedClassController), 'user'] as const,
      ];
      for (const [controller, name] of handlers) {
        // As @nestjs/microservices, websockets and graphql build their handlers.
        const method = (controller as unknown as Record<string, () => string>)[name] as () => string;
        const factory = { exchangeKeyForValue: () => undefined };
        const handler = creator.create(
          controller,
          method,
          name,
          '__routeArguments__',
          factory,
          undefined,
          undefined,
          undefined,
          type as never,
        );
        const handling = (async (): Promise<unknown> => handler({}, {}, {}, {}))();
        await expect(handling).rejects.toMatchObject({ name: 'SessionUsageError', code });
        await expect(handling).rejects.toThrow(hint);
      }
    },
  );
});
