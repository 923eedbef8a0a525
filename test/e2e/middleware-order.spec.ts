import {
  Controller,
  Get,
  Injectable,
  Module,
  Req,
  RequestMethod,
  Session as NestSession,
  type DynamicModule,
  type MiddlewareConsumer,
  type NestMiddleware,
  type NestModule,
} from '@nestjs/common';
import { Session, SessionModule, type TokenSession } from 'nestjs-token-session';
import { closeApps, SILENT, startApp, type AppPlan } from '../support/app.js';
import { call } from '../support/client.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

interface Trail {
  trail: string[];
  same: boolean;
}
type Next = (error?: unknown) => void;
interface RequestLike {
  session?: (TokenSession & Partial<Trail>) | null | undefined;
  originalUrl?: string;
}
interface ResponseLike {
  setHeader(name: string, value: string): unknown;
  end(text?: string): unknown;
}

/** What the last middleware saw as `req.session`. */
let seen: unknown;

function follow(request: RequestLike, step: string): void {
  if (request.session == null) return;
  seen = request.session;
  request.session.trail = [...(request.session.trail ?? []), step];
}

@Injectable()
class ClassMiddleware implements NestMiddleware<RequestLike, ResponseLike> {
  async use(request: RequestLike, _response: ResponseLike, next: Next): Promise<void> {
    await Promise.resolve();
    follow(request, 'class');
    next();
  }
}

function functionMiddleware(request: RequestLike, _response: ResponseLike, next: Next): void {
  follow(request, 'function');
  next();
}

/** As connect-flash and Passport work: they write to `req.session`, and assign it. */
function answering(request: RequestLike, response: ResponseLike, next: Next): void {
  switch (request.originalUrl) {
    case '/answers':
      follow(request, 'answers');
      response.end('by the middleware');
      break;
    case '/destroys':
      request.session = null;
      response.end(String(request.session));
      break;
    case '/assigns-itself':
      request.session = request.session;
      follow(request, 'assigned');
      response.end('assigned');
      break;
    case '/assigns-another':
      request.session = { trail: [] } as unknown as TokenSession;
      response.end('assigned');
      break;
    default:
      next();
  }
}

@Module({})
class FeatureModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply(ClassMiddleware, functionMiddleware)
      .forRoutes({ path: 'trail', method: RequestMethod.ALL })
      .apply(answering)
      .forRoutes('*path');
  }
}

@Controller()
class AppController {
  @Get('trail')
  trail(@Session() sess: Session<Trail>, @NestSession() nests: unknown, @Req() request: RequestLike): Trail {
    const same = [nests, request.session, (request as { raw?: RequestLike }).raw?.session ?? sess, seen];
    return { trail: sess.trail ?? [], same: same.every((one) => one === sess) };
  }

  @Get('plain')
  plain(@Session() sess: Session<Trail>): Trail {
    return { trail: sess.trail ?? [], same: true };
  }
}

afterEach(async () => {
  seen = undefined;
  await closeApps();
});

describe.each(PLATFORMS)('module middleware on %s', (platform) => {
  const sessions = (): DynamicModule => SessionModule.forRoot({ logger: SILENT });

  const start = (plan: Partial<AppPlan> = {}): Promise<RunningApp> =>
    startApp(platform, { controllers: [AppController], imports: [FeatureModule, sessions()], ...plan });

  it.each([
    ['before', () => [FeatureModule, sessions()]],
    ['after', () => [sessions(), FeatureModule]],
  ])('of a module imported %s ours has req.session, the very session of the handler', async (_order, imports) => {
    const { url } = await start({ imports: imports() });
    const first = await call(url, '/trail');
    expect(first.json()).toEqual({ trail: ['class', 'function'], same: true });
    const second = await call(url, '/trail', { token: first.token });
    expect(second.json()).toEqual({ trail: ['class', 'function', 'class', 'function'], same: true });
  });

  it('of the root module has req.session too', async () => {
    @Module({ imports: [sessions()], controllers: [AppController] })
    class RootModule implements NestModule {
      configure(consumer: MiddlewareConsumer): void {
        consumer.apply(functionMiddleware).forRoutes(AppController);
      }
    }
    const { url } = await start({ imports: [RootModule], controllers: [] });
    expect((await call(url, '/trail')).json()).toEqual({ trail: ['function'], same: true });
  });

  it('of a module with SessionModule nested below has req.session too', async () => {
    @Module({ imports: [sessions()] })
    class CoreModule {}
    const { url } = await start({ imports: [FeatureModule, CoreModule] });
    expect((await call(url, '/trail')).json()).toMatchObject({ trail: ['class', 'function'] });
  });

  it('law 10: one load and one commit, whether or not a middleware uses the session', async () => {
    const store = new ProbedStore();
    const { url } = await start({ imports: [FeatureModule, SessionModule.forRoot(store, { logger: SILENT })] });
    const { token } = await call(url, '/trail');
    expect(store.calls).toEqual(['create']);
    await call(url, '/trail', { token });
    await call(url, '/plain', { token });
    expect(store.calls).toEqual(['create', 'load', 'update', 'load']);
  });

  it('law 4: what a middleware changed is stored when it answers itself', async () => {
    const { url } = await start();
    const { text, token } = await call(url, '/answers');
    expect(text).toBe('by the middleware');
    expect((await call(url, '/plain', { token })).json()).toMatchObject({ trail: ['answers'] });
  });

  it('D43: `req.session = null` destroys the session and clears the token', async () => {
    const { url } = await start();
    const { token } = await call(url, '/answers');
    const destroyed = await call(url, '/destroys', { token });
    expect(destroyed).toMatchObject({ status: 200, text: 'undefined', token: '' });
    expect((await call(url, '/plain', { token })).json()).toMatchObject({ trail: [] });
  });

  it('D43: the session itself may be assigned, as some libraries do', async () => {
    const { url } = await start();
    const { status, token } = await call(url, '/assigns-itself');
    expect(status).toBe(200);
    expect((await call(url, '/plain', { token })).json()).toMatchObject({ trail: ['assigned'] });
  });

  it('D43: another object is refused, and the stored session is intact', async () => {
    const { url } = await start();
    const { token } = await call(url, '/answers');
    expect((await call(url, '/assigns-another', { token })).status).toBe(500);
    expect((await call(url, '/plain', { token })).json()).toMatchObject({ trail: ['answers'] });
  });

  it('law 9: a middleware that uses the session while the store is down answers 503, other routes go on', async () => {
    const store = new ProbedStore();
    const { url } = await start({ imports: [FeatureModule, SessionModule.forRoot(store, { logger: SILENT })] });
    const { token } = await call(url, '/answers');
    store.before = () => {
      throw new Error('down');
    };
    for (const path of ['/trail', '/answers']) {
      const refused = await call(url, path, { token });
      expect(refused.status).toBe(503);
      expect(refused.json()).toMatchObject({ statusCode: 503, code: 'STORE_UNAVAILABLE' });
    }
    expect((await call(url, '/answers')).status).toBe(503);
    expect((await call(url, '/unknown', { token })).status).toBe(404);
  });

  it('law 3: a request without a token that middleware of main.ts answers makes no store call', async () => {
    const store = new ProbedStore();
    const { url } = await start({
      imports: [FeatureModule, SessionModule.forRoot(store, { logger: SILENT })],
      prepare: (app) =>
        app.use((_request: RequestLike, response: ResponseLike) => {
          response.end('first');
        }),
    });
    const { text, token } = await call(url, '/trail');
    expect([text, token]).toEqual(['first', undefined]);
    expect(store.calls).toEqual([]);
  });

  it('excluded paths have no session in middleware either', async () => {
    const { url } = await start({
      imports: [FeatureModule, SessionModule.forRoot({ exclude: ['/answers'], logger: SILENT })],
    });
    const { text, token } = await call(url, '/answers');
    expect([text, token]).toEqual(['by the middleware', undefined]);
  });
});
