import { sign } from 'cookie-signature';
import fc from 'fast-check';
import { cookie, type CookieOptions, type TransportRequest } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { COOKIE, type Carrier } from '../support/carriers.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { CounterController } from '../support/counter.controller.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';
import { SECRETS, SIGNED, signed, UNSIGNED } from './support/ways.js';

/** A Set-Cookie line as its name, and its attributes in lower case. */
function parts(line: string): { pair: string; attributes: Map<string, string> } {
  const [pair = '', ...attributes] = line.split('; ');
  return {
    pair,
    attributes: new Map(
      attributes.map((attribute) => [attribute.split('=')[0]?.toLowerCase() ?? '', attribute.replace(/^[^=]*=?/, '')]),
    ),
  };
}

afterEach(closeApps);

describe.each(PLATFORMS)('cookies on %s', (platform) => {
  const start = (transport: ReturnType<typeof cookie>, store = new ProbedStore()): Promise<RunningApp> =>
    startApp(platform, { controllers: [CounterController], session: { store, transport, clock: new TestClock().now } });
  const post = (app: RunningApp, headers: Record<string, string> = {}): Promise<Answer> =>
    call(app.url, '/views', { method: 'POST', headers });

  describe('CVE-2026-39324: Rack: what was not authentic fell back to a decoder that checks nothing', () => {
    it('CVE-2026-39324: nothing but what one of the secrets signed is a token: no store call, one event', async () => {
      const store = new ProbedStore();
      const app = await start(SIGNED.transport() as ReturnType<typeof cookie>, store);
      const token = SIGNED.received(await post(app)) as string;
      const value = signed(token);
      const signature = decodeURIComponent(value).slice('s:'.length + token.length + 1);
      const edited = fc
        .tuple(fc.nat(signature.length - 1), fc.constantFrom('A', 'b', '+', '/', '=', '.'))
        .map(([at, character]) => signature.slice(0, at) + character + signature.slice(at + 1))
        .filter((other) => other !== signature);
      const forged = fc.oneof(
        // Cut, wrong, by another secret, or without a mark.
        fc.nat(signature.length - 1).map((length) => `s:${token}.${signature.slice(0, length)}`),
        edited.map((other) => `s:${token}.${other}`),
        fc
          .string({ maxLength: 40 })
          .filter((key) => key !== '' && !SECRETS.includes(key as never))
          .map((key) => `s:${sign(token, key)}`),
        fc.constantFrom(token, `s:${token}`, `s:${token}.`, `:${token}.${signature}`, `${token}.${signature}`),
        fc.constantFrom(`S:${token}.${signature}`, `j:${token}.${signature}`, `s:s:${token}.${signature}`),
        fc.constantFrom(`s:${token}.${signature}${signature}`, `s:${signature}.${token}`, `s:.${signature}`),
        fc.constantFrom(`j:"${token}"`, Buffer.from(token).toString('base64'), `s:${token}.${'A'.repeat(43)}`),
      );
      const events = collectEvents(app);
      const property = fc.asyncProperty(forged, fc.boolean(), async (sent, encode) => {
        store.calls.length = events.length = 0;
        const headers = UNSIGNED.send(encode ? encodeURIComponent(sent) : sent.replace(/[^!-~]|[;%]/g, '_'));
        const answer = await call(app.url, '/views', { headers });
        expect([answer.status, answer.json(), answer.cookies]).toEqual([200, { views: 0 }, []]);
        expect(store.calls).toEqual([]);
        expect(events).toEqual([{ type: 'input_validation_fail', transport: 'cookie' }]);
      });
      await fc.assert(property, { numRuns: 200 });
      // Both secrets that are still in use open it.
      for (const secret of SECRETS) {
        const headers = { Cookie: `connect.sid=${signed(token, secret)}` };
        expect((await call(app.url, '/views', { headers })).json()).toEqual({ views: 1 });
      }
    });

    it('CVE-2026-39324: a secret that was taken out opens nothing any more', async () => {
      const store = new ProbedStore();
      const before = await start(cookie({ name: 'connect.sid', secure: false, secret: 'dropped' }), store);
      const [line] = (await post(before)).cookies as [string];
      const after = await start(SIGNED.transport() as ReturnType<typeof cookie>, store);
      store.calls.length = 0;
      const headers = { Cookie: parts(line).pair };
      expect((await call(before.url, '/views', { headers })).json()).toEqual({ views: 1 });
      expect((await call(after.url, '/views', { headers })).json()).toEqual({ views: 0 });
      expect(store.calls).toEqual(['load']);
    });
  });

  describe('ASVS 7.4.1: tower-sessions: the cookie that removes had no Path, so that browsers kept the other', () => {
    it.each<[string, CookieOptions | ((request: TransportRequest) => CookieOptions)]>([
      ['by default', {}],
      ['with a path', { path: '/app' }],
      ['with a path and a domain', { path: '/app', domain: 'example.com', sameSite: 'strict' }],
      ['partitioned', { partitioned: true, sameSite: 'none', extra: { Future: 'yes' } }],
      ['signed', { name: 'connect.sid', path: '/shop', secret: SECRETS[0] }],
      ['by request', ({ raw }) => ({ path: `/${String(raw.headers['x-tenant'] ?? 'none')}` })],
    ])('ASVS 7.4.1: it has all attributes of the one that it removes: %s', async (_what, options) => {
      const app = await start(cookie(options));
      const tenant = { 'X-Tenant': 'one' };
      const [set] = (await post(app, tenant)).cookies as [string];
      const ended = await call(app.url, '/session', {
        method: 'DELETE',
        headers: { ...tenant, Cookie: parts(set).pair },
      });
      expect(ended.cookies).toHaveLength(1);
      const [one, other] = [parts(set), parts(ended.cookies[0] as string)];
      expect(other.pair).toBe(one.pair.replace(/=.*/, '='));
      expect(other.attributes.get('path')).toMatch(/^\//);
      expect([other.attributes.get('max-age'), other.attributes.get('expires')]).toEqual([
        '0',
        'Thu, 01 Jan 1970 00:00:00 GMT',
      ]);
      for (const lifetime of ['max-age', 'expires'])
        for (const { attributes } of [one, other]) attributes.delete(lifetime);
      expect(other.attributes).toEqual(one.attributes);
    });
  });

  describe('CVE-2023-30861: Flask: a cookie was sent anew without Vary: Cookie, and caches gave it to others', () => {
    it.each<[string, Carrier]>([
      ['cookie', COOKIE],
      ['signed cookie', SIGNED],
    ])(
      'CVE-2023-30861: use sends no cookie anew; whenever one is sent, Vary and no-store go with it: %s',
      async (_t, way) => {
        const clock = new TestClock();
        const app = await startApp(platform, {
          controllers: [CounterController],
          session: { transport: way.transport(), clock: clock.now },
        });
        const issued = await post(app);
        const token = way.received(issued) as string;
        // Each of these moves the idle clock.
        const used: Answer[] = [];
        for (let count = 0; count < 3; count++) {
          clock.advance('10m');
          used.push(await call(app.url, '/views', { headers: way.send(token) }));
          used.push(await post(app, way.send(token)));
        }
        clock.advance('10m');
        const elsewhere = await call(app.url, '/plain', { headers: way.send(token) });
        const renewed = await call(app.url, '/renew', { method: 'POST', headers: way.send(token) });
        const next = way.received(renewed) as string;
        const cleared = await call(app.url, '/session', { method: 'DELETE', headers: way.send(next) });

        for (const answer of used) expect([answer.cookies, answer.headers['vary']]).toEqual([[], 'Cookie']);
        // What did not look at the session is the same for everybody.
        expect([elsewhere.cookies, elsewhere.headers['vary']]).toEqual([[], undefined]);
        for (const { cookies, headers } of [issued, renewed, cleared]) {
          expect(cookies).toHaveLength(1);
          expect([headers['vary'], headers['cache-control']]).toEqual(['Cookie', 'no-store']);
        }
      },
    );
  });

  describe('CVE-2024-47764: cookie: name, path and domain could bring in other attributes', () => {
    const INJECTIONS = ['; Domain=evil.example', '\r\nX-Evil: yes', '\n', '\0', ', a=b', '\x7f', '\u0130'];
    const options = ['name', 'path', 'domain']
      .flatMap((option) => INJECTIONS.map((injection) => [option, injection] as const))
      // A comma may stand in a path, where it ends nothing (RFC 6265, 4.1.1).
      .filter(([option, injection]) => option !== 'path' || !injection.startsWith(','));
    const valueOf = (option: string, injection: string): string =>
      `${{ name: 'sid', path: '/app', domain: 'example.com' }[option] ?? ''}${injection}`;

    it.each(options)('CVE-2024-47764: %s with %j is refused at boot', (option, injection) => {
      expect(() => cookie({ secure: false, [option]: valueOf(option, injection) })).toThrow(
        expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining('cookie name') }),
      );
    });

    it('CVE-2024-47764: given by a function of the request it fails the request, and nothing of it is sent', async () => {
      for (const [option, injection] of options) {
        const app = await start(cookie(() => ({ secure: false, [option]: valueOf(option, injection) })));
        const answer = await post(app);
        expect([answer.status, answer.cookies]).toEqual([500, []]);
        expect(answer.rawHeaders.join()).not.toMatch(/evil/i);
        await app.close();
      }
    });
  });
});
