import { All, Controller, Get, Module, Req, type MiddlewareConsumer, type NestModule, type Type } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { cookie, SessionModule, type CookieAttributes, type TransportRequest } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { COOKIE } from '../support/carriers.js';
import { call, type Answer } from '../support/client.js';
import { CounterController } from '../support/counter.controller.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';

/** What the framework itself says of the request. */
@Controller()
class ProtocolController {
  @All('protocol')
  protocol(@Req() request: { protocol: string }): { protocol: string } {
    return { protocol: request.protocol };
  }
}

@Module({})
class MiddlewareModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply((_request: unknown, _response: unknown, next: () => void) => {
        next();
      })
      .forRoutes('{*path}');
  }
}

const HOST = { Host: 'shop.example.com' };
const HTTPS = { ...HOST, 'X-Forwarded-Proto': 'https' };

describe.each(PLATFORMS)('behind a proxy, on %s (ASVS 4.1.3)', (platform) => {
  afterEach(closeApps);

  interface Plan {
    trusts: boolean;
    options?: Parameters<typeof cookie>[0];
    lines?: string[];
    others?: Type[];
  }

  const start = ({ trusts, options, lines = [], others = [] }: Plan): Promise<RunningApp> => {
    const log = (line: string): void => void lines.push(line);
    return startApp(platform, {
      controllers: [CounterController, ProtocolController],
      imports: [SessionModule.forRoot({ transport: cookie(options), logger: { warn: log, error: log } }), ...others],
      ...(platform === 'fastify' ? { adapter: new FastifyAdapter({ trustProxy: trusts }) } : {}),
      prepare: (app) => {
        if (platform === 'express') (app as NestExpressApplication).set('trust proxy', trusts);
      },
    });
  };
  const post = (app: RunningApp, headers: Record<string, string | string[]>): Promise<Answer> =>
    call(app.url, '/views', { method: 'POST', headers });

  it('P28: a spoofed X-Forwarded-Proto changes nothing where the framework trusts no proxy', async () => {
    const secure = await start({ trusts: false });
    const auto = await start({ trusts: false, options: { secure: 'auto' } });
    for (const header of [
      'X-Forwarded-Proto',
      'X-Forwarded-Protocol',
      'X-Forwarded-Ssl',
      'Front-End-Https',
      'Forwarded',
    ]) {
      for (const value of ['https', 'on', 'proto=https']) {
        const headers = { ...HOST, [header]: value };
        expect((await post(secure, headers)).cookies).toEqual([]);
        expect((await post(auto, headers)).cookies).toEqual([expect.not.stringContaining('Secure')]);
      }
    }
    // Nor does a forwarded host make the request one of this machine.
    expect((await post(secure, { ...HOST, 'X-Forwarded-Host': 'localhost' })).cookies).toEqual([]);
  });

  it('P28: with a trusted proxy the Secure cookie goes out, and is Secure by secure: auto', async () => {
    const secure = await start({ trusts: true });
    const auto = await start({ trusts: true, options: { secure: 'auto' } });

    expect((await post(secure, HTTPS)).cookies).toEqual([expect.stringContaining('; Secure')]);
    expect((await post(auto, HTTPS)).cookies).toEqual([expect.stringContaining('; Secure')]);
    expect((await post(auto, { ...HOST, 'X-Forwarded-Proto': 'http' })).cookies).toEqual([
      expect.not.stringContaining('Secure'),
    ]);
    expect((await post(auto, HOST)).cookies).toEqual([expect.not.stringContaining('Secure')]);
  });

  it('a Secure cookie withheld on plain http is a loud event with the remedy', async () => {
    const lines: string[] = [];
    const app = await start({ trusts: false, lines });
    const events = collectEvents(app);

    const answer = await post(app, HTTPS);

    expect([answer.status, answer.cookies]).toEqual([201, []]);
    expect(events).toEqual([
      { type: 'session_created', id: expect.any(String) },
      { type: 'cookie_withheld', reason: expect.stringMatching(/^The Secure cookie __Host-sid was not sent.*trust/) },
    ]);
    expect(lines).toEqual([expect.stringMatching(/^cookie_withheld .*'trust proxy'.*trustProxy.*'auto'/)]);
  });

  it.each([
    'localhost',
    'localhost:3000',
    'LOCALHOST',
    'app.localhost:3000',
    '127.0.0.1',
    '127.0.0.1:80',
    '127.5.4.3',
    '127.255.255.254:3000',
    '[::1]:3000',
  ])('development: %s gets its Secure cookie over plain http, as browsers take it', async (host) => {
    const app = await start({ trusts: false });
    expect((await post(app, { Host: host })).cookies).toEqual([expect.stringContaining('; Secure')]);
  });

  it.each([
    'shop.example.com',
    'localhost.example.com',
    'mylocalhost',
    '127.0.0.1.example.com',
    '128.0.0.1',
    '[::2]',
    '10.0.0.1',
    'x',
  ])('%s does not', async (host) => {
    const app = await start({ trusts: false });
    expect((await post(app, { Host: host })).cookies).toEqual([]);
  });

  it.each<[string, string | string[]]>([
    ['two values', 'https, http'],
    ['two values, the other way round', 'http, https'],
    ['two lines', ['https', 'http']],
    ['two lines, the other way round', ['http', 'https']],
    ['upper case', 'HTTPS'],
    ['empty', ''],
    ['a comma', ','],
    ['another scheme', 'javascript'],
    ['nearly', 'https '],
    ['and more', 'https;x'],
  ])('P29: of a duplicate or odd X-Forwarded-Proto the framework decides, not we: %s', async (_title, value) => {
    const app = await start({ trusts: true });
    const headers = { ...HOST, 'X-Forwarded-Proto': value };

    const { protocol } = (await call(app.url, '/protocol', { headers })).json() as { protocol: string };
    const answer = await post(app, headers);

    expect(answer.status).toBe(201);
    expect(answer.cookies.length).toBe(protocol === 'https' ? 1 : 0);
  });

  it.each([false, true])(
    '`secure` and the framework’s request are the same when reading and when sending (module middleware: %s)',
    async (middleware) => {
      const seen: unknown[] = [];
      const bySecurity = ({ secure, request }: TransportRequest): CookieAttributes => {
        seen.push([secure, (request as { hostname?: string }).hostname]);
        return { name: secure ? '__Host-sid' : 'sid', secure };
      };
      const app = await start({ trusts: true, options: bySecurity, others: middleware ? [MiddlewareModule] : [] });

      const token = COOKIE.received(await post(app, HTTPS)) as string;
      const read = await call(app.url, '/views', { headers: { ...HTTPS, ...COOKIE.send(token) } });
      const renewed = await call(app.url, '/renew', { method: 'POST', headers: { ...HTTPS, ...COOKIE.send(token) } });

      expect([read.json(), renewed.json()]).toEqual([{ views: 1 }, { views: 1 }]);
      expect(new Set(seen.map((entry) => JSON.stringify(entry)))).toEqual(new Set(['[true,"shop.example.com"]']));
    },
  );

  it('P32: nothing that a shared cache would keep for others has a token or depends on one unsaid', async () => {
    @Controller('public')
    class PublicController {
      @Get()
      page(): string {
        return 'for all';
      }
    }
    const app = await startApp(platform, {
      controllers: [CounterController, PublicController],
      session: { transport: cookie() },
      prepare: (nest) => {
        nest.use((_request: unknown, response: { setHeader(name: string, value: string): void }, next: () => void) => {
          response.setHeader('Cache-Control', 'public, s-maxage=3600');
          next();
        });
      },
    });
    const cacheable = ({ headers }: Answer): boolean => !/no-store/.test(String(headers['cache-control']));

    const issued = await call(app.url, '/views', { method: 'POST' });
    const sent = COOKIE.send(COOKIE.received(issued) as string);
    const renewed = await call(app.url, '/renew', { method: 'POST', headers: sent });
    const next = COOKIE.send(COOKIE.received(renewed) as string);
    const read = await call(app.url, '/views', { headers: next });
    const page = await call(app.url, '/public', { headers: next });
    const ended = await call(app.url, '/session', { method: 'DELETE', headers: next });

    expect([issued, renewed, ended].map(cacheable)).toEqual([false, false, false]);
    expect([cacheable(read), read.headers['vary'], read.cookies]).toEqual([true, 'Cookie', []]);
    expect([cacheable(page), page.headers['vary'], page.cookies]).toEqual([true, undefined, []]);
  });
});
