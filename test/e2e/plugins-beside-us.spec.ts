import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import {
  Controller,
  Get,
  Module,
  type INestApplication,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import expressSession from 'express-session';
import { Session, SessionModule } from 'nestjs-token-session';
import { closeApps, SILENT, startApp, type AppPlan } from '../support/app.js';
import { call } from '../support/client.js';
import type { RunningApp } from '../support/platforms.js';

@Controller()
class ViewsController {
  @Get('views')
  views(@Session() sess: Session<{ views: number }>): string {
    return String((sess.views = (sess.views ?? 0) + 1));
  }
}

const secret = 'a secret of at least thirty-two characters';

afterEach(closeApps);

describe('@fastify/session beside SessionModule is a boot error that names the conflict', () => {
  const start = (prepare: (app: NestFastifyApplication) => unknown): Promise<RunningApp> =>
    startApp('fastify', { controllers: [ViewsController], prepare: prepare as NonNullable<AppPlan['prepare']> });

  const CONFLICT = { name: 'SessionConfigError', code: 'CONFLICTING_PLUGIN' };

  it('registered and awaited in main.ts', async () => {
    const booting = start(async (app) => {
      await app.register(fastifyCookie);
      await app.register(fastifySession, { secret });
    });
    await expect(booting).rejects.toMatchObject({ ...CONFLICT, message: expect.stringContaining('@fastify/session') });
  });

  it('registered in main.ts without waiting', async () => {
    const booting = start((app) => {
      void app.register(fastifyCookie);
      void app.register(fastifySession, { secret });
    });
    await expect(booting).rejects.toMatchObject(CONFLICT);
  });

  it('registered on the instance below Nest', async () => {
    const booting = start((app) => {
      const instance = app.getHttpAdapter().getInstance();
      void instance.register(fastifyCookie);
      void instance.register(fastifySession, { secret });
    });
    await expect(booting).rejects.toMatchObject(CONFLICT);
  });

  it('without SessionModule it works as before', async () => {
    const { url } = await startApp('fastify', {
      imports: [],
      controllers: [],
      prepare: async (app) => {
        const fastify = app as NestFastifyApplication;
        await fastify.register(fastifyCookie);
        await fastify.register(fastifySession, { secret });
      },
    });
    expect((await call(url, '/')).status).toBe(404);
  });
});

describe('express-session beside SessionModule', () => {
  const theirs = expressSession({ secret, resave: false, saveUninitialized: false });

  const start = (prepare: (app: INestApplication) => unknown): Promise<RunningApp> =>
    startApp('express', {
      controllers: [ViewsController],
      prepare: (app) => {
        app.useGlobalFilters({
          catch(error: Error, host) {
            app.getHttpAdapter().reply(host.switchToHttp().getResponse(), error.message, 500);
          },
        });
        prepare(app);
      },
    });

  it('in main.ts, ahead of ours: an error at each request names the conflict', async () => {
    const { url } = await start((app) => app.use(theirs));
    const { status, text, token, cookies } = await call(url, '/views');
    expect(status).toBe(500);
    expect(text).toMatch(/req\.session.*(express-session|another)/s);
    expect([token, cookies]).toEqual([undefined, []]);
  });

  it('in a module, behind ours: it steps back, and ours is used', async () => {
    @Module({})
    class OldModule implements NestModule {
      configure(consumer: MiddlewareConsumer): void {
        consumer.apply(theirs).forRoutes('*path');
      }
    }
    const imports = [OldModule, SessionModule.forRoot({ logger: SILENT })];
    const { url } = await startApp('express', { imports, controllers: [ViewsController] });
    const { token, cookies } = await call(url, '/views');
    expect(cookies).toEqual([]);
    expect((await call(url, '/views', { token })).text).toBe('2');
  });

  it('on paths that ours excludes both live side by side', async () => {
    const { url } = await startApp('express', {
      imports: [SessionModule.forRoot({ exclude: ['/old'], logger: SILENT })],
      controllers: [ViewsController],
      prepare: (app) =>
        app
          .use('/old', theirs)
          .use('/old', (request: { session: { n?: number } }, response: { end(t: string): void }) => {
            request.session.n = (request.session.n ?? 0) + 1;
            response.end(String(request.session.n));
          }),
    });
    const [sid = ''] = (await call(url, '/old')).cookies;
    expect((await call(url, '/old', { headers: { Cookie: sid.split(';')[0] ?? '' } })).text).toBe('2');
    const { token } = await call(url, '/views');
    expect((await call(url, '/views', { token })).text).toBe('2');
  });
});
