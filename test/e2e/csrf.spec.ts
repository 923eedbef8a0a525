import { Controller, Get, Post, type Type } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import {
  bearer,
  cookie,
  CsrfExempt,
  CsrfGuard,
  header,
  RequireSession,
  Session,
  type CsrfOptions,
} from 'nestjs-token-session';
import { connect, type ClientHttp2Session } from 'node:http2';
import { closeApps, startApp, type AppPlan } from '../support/app.js';
import { BEARER, COOKIE, HEADER } from '../support/carriers.js';
import { call, type Answer } from '../support/client.js';
import { CounterController } from '../support/counter.controller.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

const CROSS_SITE = { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example' };
const APP = 'https://app.example.com';

@Controller('other')
class OtherController {
  @Post('plain')
  plain(): string {
    return 'plain';
  }

  @Post('read')
  read(@Session() sess: Session<{ views: number }>): { views: number } {
    return { views: sess.views ?? 0 };
  }

  @Post('required')
  @RequireSession()
  required(): string {
    return 'required';
  }

  @Post('exempt')
  @CsrfExempt()
  exempt(@Session() sess: Session<{ views: number }>): { views: number } {
    return { views: sess.views ?? 0 };
  }
}

@Controller('exempt')
@CsrfExempt()
class ExemptController {
  @Post()
  read(@Session() sess: Session<{ views: number }>): { views: number } {
    return { views: sess.views ?? 0 };
  }

  @Get()
  get(): string {
    return 'safe';
  }

  @Post('begin')
  begin(@Session() sess: Session<{ views: number }>): void {
    sess.views = 1;
  }
}

describe.each(PLATFORMS)('requests from other sites on %s (ASVS 3.5)', (platform) => {
  let store: ProbedStore;

  beforeEach(() => {
    store = new ProbedStore();
  });
  afterEach(closeApps);

  const start = (
    csrf?: CsrfOptions | false,
    { controllers = [], providers = [] }: { controllers?: Type[]; providers?: AppPlan['providers'] } = {},
  ): Promise<RunningApp> =>
    startApp(platform, {
      controllers: [CounterController, ...controllers],
      providers,
      session: { store, transport: cookie(csrf === undefined ? {} : { csrf }) },
    });
  const begin = async (app: RunningApp): Promise<Record<string, string>> => {
    const issued = await call(app.url, '/views', { method: 'POST' });
    store.calls.length = 0;
    return COOKIE.send(COOKIE.received(issued) as string);
  };

  describe('at the request, which is the default', () => {
    it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'])(
      '%s from another site is refused with 403 before any load',
      async (method) => {
        const app = await start();
        const sent = await begin(app);
        const events = collectEvents(app);

        const answer = await call(app.url, '/views', { method, headers: { ...sent, ...CROSS_SITE } });

        expect(answer.status).toBe(403);
        expect(answer.json()).toMatchObject({
          statusCode: 403,
          code: 'CSRF_REFUSED',
          message: expect.stringContaining('csrf.origins'),
        });
        expect([store.calls, answer.cookies]).toEqual([[], []]);
        expect(events).toEqual([{ type: 'malicious_cors', reason: expect.any(String) }]);
      },
    );

    it('refused also where the handler never looks at the session', async () => {
      const app = await start();
      const sent = await begin(app);
      expect((await call(app.url, '/plain', { method: 'POST', headers: { ...sent, ...CROSS_SITE } })).status).toBe(403);
    });

    it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE'])(
      '%s from another site changes nothing by definition and passes',
      async (method) => {
        const app = await start();
        const sent = await begin(app);
        const answer = await call(app.url, '/views', { method, headers: { ...sent, ...CROSS_SITE } });
        expect(answer.status).not.toBe(403);
      },
    );

    it.each<[string, Record<string, string>]>([
      ['Sec-Fetch-Site: same-origin', { 'Sec-Fetch-Site': 'same-origin' }],
      ['Sec-Fetch-Site: none, typed in by the user', { 'Sec-Fetch-Site': 'none' }],
      ['same-origin with an Origin', { 'Sec-Fetch-Site': 'same-origin', Origin: 'https://shop.example.com' }],
      ['Origin of our own host, without Fetch metadata', { Origin: 'https://shop.example.com' }],
      ['Origin of our own host over plain http', { Origin: 'http://shop.example.com' }],
      ['Origin of our own host in another case', { Host: 'Shop.Example.COM', Origin: 'https://shop.example.com' }],
      ['neither: no browser', {}],
    ])('passes: %s', async (_title, headers) => {
      const app = await start();
      const sent = await begin(app);
      const answer = await call(app.url, '/views', {
        method: 'POST',
        headers: { Host: 'shop.example.com', ...sent, ...headers },
      });
      expect([answer.status, answer.json()]).toEqual([201, { views: 2 }]);
    });

    it.each<[string, Record<string, string | string[]>]>([
      ['Sec-Fetch-Site: cross-site', { 'Sec-Fetch-Site': 'cross-site' }],
      ['Sec-Fetch-Site: same-site, as a sister domain may be another’s', { 'Sec-Fetch-Site': 'same-site' }],
      ['an unknown Sec-Fetch-Site', { 'Sec-Fetch-Site': 'near' }],
      ['an empty Sec-Fetch-Site', { 'Sec-Fetch-Site': '' }],
      ['Sec-Fetch-Site twice', { 'Sec-Fetch-Site': ['same-origin', 'cross-site'] }],
      [
        'cross-site with a forged Origin of ours',
        { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://shop.example.com' },
      ],
      ['a foreign Origin', { Origin: 'https://evil.example' }],
      ['a foreign Origin that begins like ours', { Origin: 'https://shop.example.com.evil.example' }],
      ['our host on another port', { Origin: 'https://shop.example.com:8443' }],
      ['our host as a user name', { Origin: 'https://shop.example.com@evil.example' }],
      ['the Origin null of a sandboxed frame', { Origin: 'null' }],
      ['an Origin that is none', { Origin: 'shop.example.com' }],
      ['an empty Origin', { Origin: '' }],
      ['two Origins', { Origin: ['https://shop.example.com', 'https://evil.example'] }],
    ])('refused: %s', async (_title, headers) => {
      const app = await start();
      const sent = await begin(app);
      const answer = await call(app.url, '/views', {
        method: 'POST',
        headers: { Host: 'shop.example.com', ...sent, ...headers },
      });
      expect([answer.status, store.calls]).toEqual([403, []]);
    });

    it('listed origins may act with the cookie, others not', async () => {
      const app = await start({ origins: [APP] });
      const sent = await begin(app);
      const from = (origin: string, site: string): Promise<Answer> =>
        call(app.url, '/views', {
          method: 'POST',
          headers: { ...sent, Origin: origin, 'Sec-Fetch-Site': site },
        });

      expect((await from(APP, 'same-site')).status).toBe(201);
      expect((await from(APP, 'cross-site')).status).toBe(201);
      expect((await from('https://other.example.com', 'same-site')).status).toBe(403);
      expect((await from(`${APP}:8443`, 'same-site')).status).toBe(403);
      expect((await from('http://app.example.com', 'same-site')).status).toBe(403);
    });

    it('csrf: false turns it off', async () => {
      const app = await start(false);
      const sent = await begin(app);
      const answer = await call(app.url, '/views', { method: 'POST', headers: { ...sent, ...CROSS_SITE } });
      expect(answer.status).toBe(201);
    });

    it('a function of the request has the defence too', async () => {
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: { store, transport: cookie(() => ({}), { csrf: { origins: [APP] } }) },
      });
      const sent = await begin(app);
      const refused = await call(app.url, '/views', { method: 'POST', headers: { ...sent, ...CROSS_SITE } });
      const listed = await call(app.url, '/views', { method: 'POST', headers: { ...sent, Origin: APP } });
      expect([refused.status, listed.status]).toEqual([403, 201]);
    });

    it('login CSRF: another site can not begin a session either', async () => {
      const app = await start();
      const events = collectEvents(app);

      const answer = await call(app.url, '/views', { method: 'POST', headers: CROSS_SITE });

      expect(answer.status).toBe(403);
      expect(answer.json()).toMatchObject({ code: 'CSRF_REFUSED' });
      expect([store.calls, answer.cookies]).toEqual([[], []]);
      // Law 12: no refusal without its event.
      expect(events).toEqual([{ type: 'malicious_cors', reason: expect.any(String) }]);
    });

    it('without a cookie a route that begins no session is not refused', async () => {
      const app = await start(undefined, { controllers: [OtherController] });
      expect((await call(app.url, '/other/plain', { method: 'POST', headers: CROSS_SITE })).status).toBe(201);
      expect((await call(app.url, '/other/read', { method: 'POST', headers: CROSS_SITE })).json()).toEqual({
        views: 0,
      });
    });

    it('header and bearer are unaffected, also beside a cookie', async () => {
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: { store, transport: [header(), bearer(), cookie()] },
      });
      const { token } = await call(app.url, '/views', { method: 'POST', headers: CROSS_SITE });
      for (const carrier of [HEADER, BEARER]) {
        const answer = await call(app.url, '/views', {
          method: 'POST',
          headers: { ...CROSS_SITE, ...COOKIE.send('A'.repeat(43)), ...carrier.send(token as string) },
        });
        expect(answer.status).toBe(201);
      }
      const byCookie = await call(app.url, '/views', {
        method: 'POST',
        headers: { ...CROSS_SITE, ...COOKIE.send(token as string) },
      });
      expect(byCookie.status).toBe(403);
    });
  });

  describe('at the handler', () => {
    const guarded = {
      controllers: [OtherController, ExemptController],
      providers: [{ provide: APP_GUARD, useClass: CsrfGuard }],
    };

    it('CsrfGuard refuses with 403 before any load', async () => {
      const app = await start({ at: 'handler' }, guarded);
      const sent = await begin(app);
      const events = collectEvents(app);
      for (const path of ['/views', '/other/plain', '/other/read']) {
        const answer = await call(app.url, path, { method: 'POST', headers: { ...sent, ...CROSS_SITE } });
        expect([path, answer.status, answer.json()]).toEqual([
          path,
          403,
          expect.objectContaining({ code: 'CSRF_REFUSED' }),
        ]);
      }
      expect(store.calls).toEqual([]);
      expect(events.map(({ type }) => type)).toEqual(Array(3).fill('malicious_cors'));
    });

    it('what is not from another site passes the guard', async () => {
      const app = await start({ at: 'handler' }, guarded);
      const sent = await begin(app);
      expect((await call(app.url, '/views', { method: 'POST', headers: sent })).json()).toEqual({ views: 2 });
      expect((await call(app.url, '/views', { headers: { ...sent, ...CROSS_SITE } })).json()).toEqual({ views: 2 });
    });

    it('@CsrfExempt() on a handler or a controller lets it through, with its session', async () => {
      const app = await start({ at: 'handler' }, guarded);
      const sent = await begin(app);
      for (const path of ['/other/exempt', '/exempt']) {
        store.calls.length = 0;
        const answer = await call(app.url, path, { method: 'POST', headers: { ...sent, ...CROSS_SITE } });
        expect([answer.status, answer.json()]).toEqual([201, { views: 1 }]);
        expect(store.calls).toEqual(['load']);
      }
    });

    it('@CsrfExempt(): a handler may begin a session, as a sign-in by form post does', async () => {
      const app = await start({ at: 'handler' }, guarded);

      const answer = await call(app.url, '/exempt/begin', { method: 'POST', headers: CROSS_SITE });

      expect(answer.status).toBe(201);
      expect(COOKIE.received(answer)).toMatch(/^[\w-]{43}$/);
    });

    it('@CsrfExempt(): a session may begin in place of an unknown cookie', async () => {
      const app = await start({ at: 'handler' }, guarded);
      const answer = await call(app.url, '/exempt/begin', {
        method: 'POST',
        headers: { ...CROSS_SITE, ...COOKIE.send('A'.repeat(43)) },
      });
      expect(answer.status).toBe(201);
      expect(COOKIE.received(answer)).toMatch(/^[\w-]{43}$/);
    });

    it('another site can not begin a session in a handler that is not exempt', async () => {
      const app = await start({ at: 'handler' }, guarded);
      const answer = await call(app.url, '/views', { method: 'POST', headers: CROSS_SITE });
      expect([answer.status, answer.cookies, store.calls]).toEqual([403, [], []]);
    });

    it('without the guard any use of the session is refused, and nothing else', async () => {
      const app = await start({ at: 'handler' }, { controllers: [OtherController, ExemptController] });
      const sent = await begin(app);
      const post = (path: string): Promise<Answer> =>
        call(app.url, path, { method: 'POST', headers: { ...sent, ...CROSS_SITE } });

      expect((await post('/other/plain')).status).toBe(201);
      for (const path of ['/other/read', '/other/required', '/views', '/exempt']) {
        expect([path, (await post(path)).status]).toEqual([path, 403]);
      }
      expect(store.calls).toEqual([]);
    });

    it("onStoreError: 'anonymous' does not soften it", async () => {
      const app = await startApp(platform, {
        controllers: [OtherController],
        session: { store, onStoreError: 'anonymous', transport: cookie({ csrf: { at: 'handler' } }) },
      });
      const answer = await call(app.url, '/other/read', {
        method: 'POST',
        headers: { ...CROSS_SITE, ...COOKIE.send('A'.repeat(43)) },
      });
      expect(answer.status).toBe(403);
    });

    it('a failed store is still told to an exempt handler', async () => {
      const app = await start({ at: 'handler' }, guarded);
      const sent = await begin(app);
      store.before = () => {
        throw new Error('down');
      };
      const answer = await call(app.url, '/exempt', { method: 'POST', headers: { ...sent, ...CROSS_SITE } });
      expect(answer.status).toBe(503);
    });
  });
});

describe('ASVS 3.5: over HTTP/2, where a request has :authority in place of Host', () => {
  let client: ClientHttp2Session;
  let store: ProbedStore;

  beforeEach(async () => {
    store = new ProbedStore();
    const app = await startApp('fastify', {
      controllers: [CounterController],
      session: { store, transport: cookie() },
      adapter: new FastifyAdapter({ http2: true } as never),
    });
    client = connect(app.url);
  });
  afterEach(async () => {
    client.destroy();
    await closeApps();
  });

  const statusFrom = (origin: string): Promise<number | undefined> =>
    new Promise((resolve, reject) => {
      client
        .request({ ':method': 'POST', ':path': '/views', ':authority': 'shop.example.com', origin })
        .on('response', (headers) => {
          resolve(headers[':status']);
        })
        .on('error', reject)
        .end();
    });

  it('an Origin of our own host passes, another one is refused', async () => {
    expect(await statusFrom('https://shop.example.com')).toBe(201);
    store.calls.length = 0;
    expect(await statusFrom('https://evil.example')).toBe(403);
    expect(store.calls).toEqual([]);
  });
});
