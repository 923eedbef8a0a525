import { All, Controller, Post, Req } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { cookie, Session, SessionService } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { COOKIE } from '../support/carriers.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

// Which headers count, odd ones, and the cookie that is withheld: test/e2e/proxy.spec.ts. What of them is kept of a
// device: test/e2e/device-capture.spec.ts. Paths by unit: lib/session.paths.spec.ts.

/** All that a proxy may say of a request, as a client of plain http would forge it. */
const FORGED = {
  Host: 'shop.example.com',
  Forwarded: 'for=10.0.0.1;proto=https;host=localhost',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'localhost',
  'X-Forwarded-Port': '443',
  'X-Forwarded-For': '127.0.0.1, ::1',
  'X-Real-Ip': '127.0.0.1',
};

@Controller()
class ShopController {
  constructor(private readonly sessions: SessionService) {}

  @Post('login')
  async login(@Session() sess: Session): Promise<void> {
    await this.sessions.login(sess, 'ada');
  }

  @Post('cart')
  cart(@Session() sess: Session<{ items: number }>): { items: number } {
    sess.items = (sess.items ?? 0) + 1;
    return { items: sess.items };
  }

  @All('*')
  any(@Req() request: { session?: object; protocol: string }): { session: boolean; protocol: string } {
    return { session: request.session !== undefined, protocol: request.protocol };
  }
}

afterEach(closeApps);

describe.each(PLATFORMS)('what a proxy says, on %s', (platform) => {
  let store: ProbedStore;

  beforeEach(() => {
    store = new ProbedStore();
  });

  /** @param trusts as the framework takes it: addresses of proxies, or how many there are */
  const start = (
    trusts: boolean | string | number,
    options: Parameters<typeof cookie>[0] = {},
    exclude: string[] = [],
  ): Promise<RunningApp> =>
    startApp(platform, {
      controllers: [ShopController],
      session: { store, exclude, transport: cookie(options), clock: new TestClock().now },
      ...(platform === 'fastify' && { adapter: new FastifyAdapter({ trustProxy: trusts as string }) }),
      prepare: (app) => {
        if (platform === 'express') (app as NestExpressApplication).set('trust proxy', trusts);
      },
    });
  const post = (app: RunningApp, path: string, headers: Record<string, string | string[]>): Promise<Answer> =>
    call(app.url, path, { method: 'POST', headers });

  describe.each<[string, boolean | string]>([
    ['no proxy is trusted', false],
    ['proxies at other addresses are trusted', '10.0.0.0/8'],
  ])('where %s', (_title, trusts) => {
    it('ASVS 4.1.3, P28: forged headers bring no Secure cookie over plain http, and the log says why', async () => {
      const app = await start(trusts);
      const events = collectEvents(app);
      const [forged, plain] = [await post(app, '/login', FORGED), await post(app, '/login', { Host: FORGED.Host })];
      expect([forged.status, forged.cookies]).toEqual([plain.status, []]);
      expect(plain.cookies).toEqual([]);
      const withheld = events.filter(({ type }) => type === 'cookie_withheld');
      expect(withheld).toEqual([1, 2].map(() => ({ type: 'cookie_withheld', reason: expect.stringMatching(/trust/) })));
    });

    it("ASVS 4.1.3, P28: forged headers do not make a cookie Secure by secure: 'auto', nor one that is cleared", async () => {
      const app = await start(trusts, { secure: 'auto' });
      const { cookies } = await post(app, '/login', FORGED);
      expect(cookies).toEqual([expect.stringMatching(/^sid=[\w-]{43}; /)]);
      expect(cookies[0]).not.toMatch(/Secure/);
    });

    it('ASVS 4.1.3, P28, ASVS 3.5.1: a forged host makes no foreign Origin an own one', async () => {
      const app = await start(trusts, { secure: 'auto' });
      const [line] = (await post(app, '/cart', { Host: FORGED.Host })).cookies as [string];
      const sent = { Cookie: line.slice(0, line.indexOf(';')) };
      store.calls.length = 0;
      for (const origin of ['http://localhost', 'https://evil.example']) {
        const forged = { ...FORGED, 'X-Forwarded-Host': new URL(origin).host, Origin: origin, ...sent };
        expect((await post(app, '/cart', forged)).status).toBe(403);
      }
      expect(store.calls).toEqual([]);
      expect((await post(app, '/cart', { ...FORGED, Origin: 'https://shop.example.com', ...sent })).json()).toEqual({
        items: 2,
      });
    });
  });

  it.each<[string, boolean | string]>([
    ['all', true],
    ['by address', '127.0.0.1'],
  ])('ASVS 4.1.3: with the proxy trusted, %s, its word counts', async (_how, trusts) => {
    const app = await start(trusts);
    const headers = { Host: 'shop.example.com', 'X-Forwarded-Proto': 'https', 'X-Forwarded-For': '192.0.2.1' };
    const answer = await post(app, '/login', headers);
    expect(answer.cookies).toEqual([expect.stringMatching(/^__Host-sid=.*; Secure/)]);
    const sent = COOKIE.send(COOKIE.received(answer) as string);
    expect((await post(app, '/cart', { ...headers, ...sent })).json()).toEqual({ items: 1 });
    const http = await post(app, '/login', { ...headers, 'X-Forwarded-Proto': 'http' });
    expect(http.cookies).toEqual([]);
  });

  it('ASVS 4.1.3: what trust by the number of proxies means, the framework says: Fastify 5.12 trusts none by it', async () => {
    const app = await start(1);
    const headers = { Host: 'shop.example.com', 'X-Forwarded-Proto': 'https' };
    const { protocol } = (await call(app.url, '/bar', { headers })).json() as { protocol: string };
    expect((await post(app, '/login', headers)).cookies).toHaveLength(protocol === 'https' ? 1 : 0);
  });

  it.each<[string, string | string[]]>([
    ['https,http', 'https,http'],
    ['http,https', 'http,https'],
    ['HTTPS', 'HTTPS'],
    ['twice', ['https', 'https']],
    ['twice, and not the same', ['https', 'http']],
    ['with a line of others', 'https\t'],
    ['a very long one', 'https,'.repeat(1000)],
    ['a name of a prototype', '__proto__'],
  ])('P29: X-Forwarded-Proto %s: reading, renewing and ending go the way of the cookie', async (_title, value) => {
    const app = await start(true, ({ secure }) => ({ secure, name: secure ? '__Host-sid' : 'sid' }));
    const headers = { Host: 'shop.example.com', 'X-Forwarded-Proto': value };
    const issued = await post(app, '/login', headers);
    expect(issued.cookies).toHaveLength(1);
    const [line] = issued.cookies as [string];
    expect(/; Secure/.test(line)).toBe(line.startsWith('__Host-sid='));
    const pair = line.slice(0, line.indexOf(';'));
    expect((await post(app, '/cart', { ...headers, Cookie: pair })).json()).toEqual({ items: 1 });
    const renewed = await post(app, '/login', { ...headers, Cookie: pair });
    expect(renewed.cookies.map((text) => text.replace(/=[^;]*/, ''))).toEqual([line.replace(/=[^;]*/, '')]);
  });

  it('P30, P31: no prefix that a proxy adds takes a path out of its place among those excluded', async () => {
    const app = await start(true, {}, ['/foo']);
    const hasSession = async (path: string, headers = {}): Promise<boolean> =>
      ((await call(app.url, path, { headers })).json() as { session: boolean }).session;
    for (const name of ['X-Forwarded-Prefix', 'X-Original-Url', 'X-Rewrite-Url', 'X-Forwarded-Path']) {
      expect([name, await hasSession('/bar', { [name]: '/foo' })]).toEqual([name, true]);
      expect([name, await hasSession('/foo', { [name]: '/bar' })]).toEqual([name, false]);
    }
  });

  it.each(['//foo/bar', '/foobar', '/foo%2Fbar', '/foo%2f..%2fbar', '/%2e%2e/foo', '/foo/%2e%2e/bar', '//foo/../bar'])(
    'P31: %s is excluded only where it is below /foo for every reader of it, and costs no load then',
    async (path) => {
      const app = await start(false, { secure: 'auto' }, ['/foo']);
      const [line] = (await post(app, '/cart', {})).cookies as [string];
      store.calls.length = 0;
      const answer = await call(app.url, path, { headers: { Cookie: line.slice(0, line.indexOf(';')) } });
      const isExcluded = path === '//foo/bar';
      expect(answer.json()).toMatchObject({ session: !isExcluded });
      expect(store.calls).toEqual(isExcluded ? [] : ['load']);
    },
  );

  it('P32: an answer that brings a token is for no cache, whatever the proxy asks for', async () => {
    const app = await start(true);
    const headers = { ...FORGED, 'Cache-Control': 'only-if-cached', 'If-None-Match': '*', 'Surrogate-Capability': 'x' };
    const answer = await post(app, '/login', headers);
    expect([answer.status, answer.cookies.length, answer.headers['cache-control']]).toEqual([201, 1, 'no-store']);
  });
});
