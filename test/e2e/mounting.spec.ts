import {
  All,
  Controller,
  Get,
  Module,
  Param,
  Req,
  Version,
  VersioningType,
  type DynamicModule,
  type INestApplication,
} from '@nestjs/common';
import { MemoryStore, session, Session, SessionModule, SessionService } from 'nestjs-token-session';
import { closeApps, SILENT, startApp, type AppPlan } from '../support/app.js';
import { call, type CallOptions } from '../support/client.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

type Views = Session<{ views: number }>;

function count(sess: Views | undefined): string {
  return sess === undefined ? 'no session' : String((sess.views = (sess.views ?? 0) + 1));
}

@Controller()
class AppController {
  @Get()
  root(@Session() sess: Views): string {
    return count(sess);
  }

  @Get('views')
  views(@Session() sess: Views): string {
    return count(sess);
  }

  @Get('users/:id')
  user(@Session() sess: Views, @Param('id') id: string): string {
    return `${id} ${count(sess)}`;
  }

  @All('files/*')
  file(@Session() sess: Views): string {
    return count(sess);
  }

  @Version('2')
  @Get('versioned')
  versioned(@Session() sess: Views): string {
    return count(sess);
  }

  @Get(['health', 'health/db', 'healthy'])
  health(@Req() request: { session?: Views }): string {
    return count(request.session);
  }
}

afterEach(closeApps);

describe.each(PLATFORMS)('mounted on %s', (platform) => {
  const start = (plan: Partial<AppPlan> = {}): Promise<RunningApp> =>
    startApp(platform, { controllers: [AppController], ...plan });

  async function countsViews({ url }: RunningApp, path: string, options: CallOptions = {}): Promise<void> {
    const first = await call(url, path, options);
    expect(first.status).toBe(200);
    expect((await call(url, path, { ...options, token: first.token })).text).toMatch(/\b2$/);
  }

  const routes: [string, (app: INestApplication) => unknown, string, CallOptions][] = [
    ['the root path', (app) => app, '/', {}],
    ['a route with parameters', (app) => app, '/users/7?views=1', {}],
    ['a wildcard route', (app) => app, '/files/a/b%2Fc.txt', { method: 'PUT' }],
    ['a global prefix', (app) => app.setGlobalPrefix('api'), '/api/views', {}],
    ['a global prefix with an exclusion', (app) => app.setGlobalPrefix('api', { exclude: ['views'] }), '/views', {}],
    ['URI versions', (app) => app.enableVersioning({ type: VersioningType.URI }), '/v2/versioned', {}],
    [
      'URI versions below a global prefix',
      (app) => app.setGlobalPrefix('api').enableVersioning({ type: VersioningType.URI }),
      '/api/v2/versioned',
      {},
    ],
    [
      'header versions',
      (app) => app.enableVersioning({ type: VersioningType.HEADER, header: 'X-Version' }),
      '/versioned',
      { headers: { 'X-Version': '2' } },
    ],
    [
      'media type versions',
      (app) => app.enableVersioning({ type: VersioningType.MEDIA_TYPE, key: 'v=' }),
      '/versioned',
      { headers: { Accept: 'application/json;v=2' } },
    ],
  ];

  it.each(routes)('sessions are there on %s', async (_name, prepare, path, options) => {
    await countsViews(await start({ prepare }), path, options);
  });

  describe('exclude', () => {
    const excluding = (prefix: string | undefined, ...exclude: string[]): Promise<RunningApp> =>
      start({ session: { exclude }, ...(prefix && { prepare: (app) => app.setGlobalPrefix(prefix) }) });

    it('is of whole segments of the path as the client sends it', async () => {
      const { url } = await excluding(undefined, '/health');
      expect((await call(url, '/health')).text).toBe('no session');
      expect((await call(url, '/health?a=/views')).text).toBe('no session');
      expect((await call(url, '/health/db')).text).toBe('no session');
      expect((await call(url, '/healthy')).text).toBe('1');
    });

    it('names the path with its global prefix', async () => {
      const { url } = await excluding('api', '/api/health');
      expect((await call(url, '/api/health')).text).toBe('no session');
      expect((await call(url, '/api/healthy')).text).toBe('1');
      const unprefixed = await excluding('api', '/health');
      expect((await call(unprefixed.url, '/api/health')).text).toBe('1');
    });

    it('law 3: an excluded path makes no store call even with a token', async () => {
      const store = new ProbedStore();
      const { url } = await start({ session: { store, exclude: ['/health'] } });
      const { token } = await call(url, '/views');
      store.calls.length = 0;
      const excluded = await call(url, '/health', { token });
      expect(excluded.text).toBe('no session');
      expect(excluded.headers['vary']).toBeUndefined();
      expect(store.calls).toEqual([]);
    });

    it('@Session() on an excluded path says which option is at work', async () => {
      const messages: string[] = [];
      const { url } = await start({
        session: { exclude: ['/views'] },
        prepare: (app) =>
          app.useGlobalFilters({
            catch(error: Error, host) {
              messages.push(error.message);
              app.getHttpAdapter().reply(host.switchToHttp().getResponse(), 'failed', 500);
            },
          }),
      });
      expect((await call(url, '/views')).status).toBe(500);
      expect(messages).toEqual([expect.stringContaining('`exclude`')]);
    });
  });

  describe('law 10: mounted more than once', () => {
    it('two forRoot modules: one load, one commit, and a notice', async () => {
      const [first, second] = [new ProbedStore(), new ProbedStore()];
      const lines: string[] = [];
      const logger = { warn: (line: string) => lines.push(line), error: (line: string) => lines.push(line) };
      const imports = [SessionModule.forRoot(first, { logger }), SessionModule.forRoot(second, { logger })];
      const running = await start({ imports });
      await countsViews(running, '/views');
      expect([first.calls, second.calls]).toContainEqual(['create', 'load', 'update']);
      expect([first.calls, second.calls]).toContainEqual([]);
      expect(lines).toEqual([expect.stringMatching(/imported twice/)]);
    });

    it('two forRoot modules: the SessionService that features inject works on the sessions of requests', async () => {
      @Controller()
      class InfoController {
        constructor(private readonly sessions: SessionService) {}

        @Get('save')
        async save(@Session() sess: Views): Promise<boolean> {
          count(sess);
          await this.sessions.save(sess);
          return (await this.sessions.load(this.sessions.info(sess).token ?? '')) !== undefined;
        }
      }
      @Module({ controllers: [InfoController] })
      class InfoModule {}
      const nested = (below: DynamicModule): new () => object => {
        @Module({ imports: [below] })
        class NestedModule {}
        return NestedModule;
      };
      const one = (): DynamicModule => SessionModule.forRoot({ logger: SILENT });
      for (const imports of [
        [one(), one(), InfoModule],
        [InfoModule, one(), nested(one())],
        [nested(one()), InfoModule, one()],
      ]) {
        const { url } = await start({ imports, controllers: [] });
        expect((await call(url, '/save')).text).toBe('true');
      }
    });

    it('session() in main.ts beside the module: the first decides, one load, one commit', async () => {
      const [early, late] = [new ProbedStore(), new ProbedStore()];
      const running = await start({
        session: { store: late },
        prepare: (app) => app.use(session({ store: early, logger: SILENT })),
      });
      await countsViews(running, '/views');
      expect(early.calls).toEqual(['create', 'load', 'update']);
      expect(late.calls).toEqual([]);
    });
  });

  describe('session() in main.ts', () => {
    interface Request {
      session: Session<{ passport: { user: string } }>;
      user?: string;
    }
    /** As `passport.session()` does: a user from what the session holds, at each request, before Nest. */
    function authenticate(request: Request, _response: unknown, next: () => void): void {
      const user = request.session.passport?.user;
      if (user !== undefined) request.user = user;
      next();
    }

    @Controller()
    class LoginController {
      /** As `request.logIn`: the new session is what carries the user. */
      @Get('login')
      async login(@Session() sess: Session): Promise<string> {
        const next = await sess.regenerate<{ passport: { user: string } }>();
        next.passport = { user: 'ada' };
        return 'welcome';
      }

      @Get('me')
      me(@Req() request: Request & { raw?: Request }): string {
        return (request.raw ?? request).user ?? 'nobody';
      }
    }

    const withoutModule = (store = new ProbedStore(new MemoryStore())): Promise<RunningApp> =>
      start({
        imports: [],
        controllers: [LoginController, AppController],
        prepare: (app) => app.use(session({ store, logger: SILENT })).use(authenticate),
      });

    it('serves middleware of main.ts, and @Session() in handlers, without the module', async () => {
      const { url } = await withoutModule();
      expect((await call(url, '/me')).text).toBe('nobody');
      const { token } = await call(url, '/login');
      expect((await call(url, '/me', { token })).text).toBe('ada');
    });

    it('serves middleware of main.ts together with the module', async () => {
      const store = new MemoryStore();
      const { url } = await start({
        session: { store },
        controllers: [LoginController],
        prepare: (app) => app.use(session({ store, logger: SILENT })).use(authenticate),
      });
      const { token } = await call(url, '/login');
      expect((await call(url, '/me', { token })).text).toBe('ada');
    });

    it('law 9: answers 503 when the store fails at the load or at the commit, and the process lives', async () => {
      const store = new ProbedStore();
      const { url } = await withoutModule(store);
      const { token } = await call(url, '/views');
      for (const failing of ['load', 'update', 'create']) {
        store.before = (operation) => {
          if (operation === failing) throw new Error('down');
        };
        const refused = await call(url, '/views', failing === 'create' ? {} : { token });
        expect([failing, refused.status]).toEqual([failing, 503]);
      }
      store.before = undefined;
      expect((await call(url, '/views', { token })).text).toBe('2');
    });
  });
});
