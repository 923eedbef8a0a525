import { cookie, type CookieAttributes, type TransportRequest } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { COOKIE } from '../support/carriers.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { CounterController } from '../support/counter.controller.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

/** A Set-Cookie line as its name, value and attributes, the latter sorted. */
function parts(line: string | undefined): { name: string; value: string; attributes: string[] } {
  const [pair = '', ...attributes] = (line ?? '').split('; ');
  const at = pair.indexOf('=');
  return { name: pair.slice(0, at), value: pair.slice(at + 1), attributes: attributes.sort() };
}

const ours = (answer: Answer): ReturnType<typeof parts> => {
  expect(answer.cookies).toHaveLength(1);
  return parts(answer.cookies[0]);
};

const post = (app: RunningApp, headers: Record<string, string | string[]> = {}): Promise<Answer> =>
  call(app.url, '/views', { method: 'POST', headers });
const views = async (app: RunningApp, sent: string | string[]): Promise<unknown> =>
  (await call(app.url, '/views', { headers: { Cookie: sent } })).json();

describe.each(PLATFORMS)('the token in a cookie, on %s', (platform) => {
  afterEach(closeApps);

  const start = (
    options?: Parameters<typeof cookie>[0],
    session: { clock?: () => number; store?: ProbedStore } = {},
  ): Promise<RunningApp> =>
    startApp(platform, { controllers: [CounterController], session: { ...session, transport: cookie(options) } });
  const end = (app: RunningApp, sent: string): Promise<Answer> =>
    call(app.url, '/session', { method: 'DELETE', headers: { Cookie: sent } });

  describe('attributes (ASVS 3.3)', () => {
    it('__Host-, Secure, HttpOnly, SameSite=Lax, Path=/ by default, up to the absolute limit', async () => {
      const app = await start(undefined, { clock: new TestClock().now });
      const { name, value, attributes } = ours(await post(app));
      expect([name, value]).toEqual(['__Host-sid', expect.stringMatching(/^[\w-]{43}$/)]);
      expect(attributes).toEqual(['HttpOnly', 'Max-Age=43200', 'Path=/', 'SameSite=Lax', 'Secure']);
    });

    it.each<[string, CookieAttributes, string, string[]]>([
      ['a path', { path: '/app' }, '__Secure-sid', ['HttpOnly', 'Path=/app', 'SameSite=Lax', 'Secure']],
      [
        'a domain',
        { domain: 'example.com' },
        '__Secure-sid',
        ['Domain=example.com', 'HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure'],
      ],
      ['a name', { name: 'session' }, 'session', ['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure']],
      [
        'the prefix __Secure-',
        { name: '__Secure-sid', domain: 'example.com' },
        '__Secure-sid',
        ['Domain=example.com', 'HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure'],
      ],
      ['strict', { sameSite: 'strict' }, '__Host-sid', ['HttpOnly', 'Path=/', 'SameSite=Strict', 'Secure']],
      ['none', { sameSite: 'none' }, '__Host-sid', ['HttpOnly', 'Path=/', 'SameSite=None', 'Secure']],
      ['for scripts', { httpOnly: false }, '__Host-sid', ['Path=/', 'SameSite=Lax', 'Secure']],
      ['not secure', { secure: false }, 'sid', ['HttpOnly', 'Path=/', 'SameSite=Lax']],
      ['secure auto on plain http', { secure: 'auto' }, 'sid', ['HttpOnly', 'Path=/', 'SameSite=Lax']],
      [
        'partitioned',
        { partitioned: true },
        '__Host-sid',
        ['HttpOnly', 'Partitioned', 'Path=/', 'SameSite=Lax', 'Secure'],
      ],
      [
        'a priority',
        { priority: 'high' },
        '__Host-sid',
        ['HttpOnly', 'Path=/', 'Priority=High', 'SameSite=Lax', 'Secure'],
      ],
      [
        'attributes that this version does not know',
        { extra: { Future: 'yes', Flag: true } },
        '__Host-sid',
        ['Flag', 'Future=yes', 'HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure'],
      ],
    ])('%s; clearing repeats the attributes', async (_title, options, wantedName, wanted) => {
      const app = await start(options, { clock: new TestClock().now });
      const set = ours(await post(app));
      const cleared = ours(await end(app, `${set.name}=${set.value}`));

      expect([set.name, set.attributes]).toEqual([wantedName, [...wanted, 'Max-Age=43200'].sort()]);
      expect(cleared).toEqual({
        name: wantedName,
        value: '',
        attributes: [...wanted, 'Max-Age=0', 'Expires=Thu, 01 Jan 1970 00:00:00 GMT'].sort(),
      });
    });

    it('persistent: false makes it a browser-session cookie; clearing it still removes it', async () => {
      const app = await start({ persistent: false });
      const { name, value, attributes } = ours(await post(app));
      expect(attributes).toEqual(['HttpOnly', 'Path=/', 'SameSite=Lax', 'Secure']);
      expect(ours(await end(app, `${name}=${value}`)).attributes).toContain('Max-Age=0');
    });

    it('law 8: Max-Age is what is left until the absolute limit, and is not sent anew by use', async () => {
      const clock = new TestClock();
      const app = await start(undefined, { clock: clock.now });
      const token = COOKIE.received(await post(app)) as string;

      clock.advance(29 * 60_000);
      expect((await post(app, COOKIE.send(token))).cookies).toEqual([]);
      const renewed = await call(app.url, '/renew', { method: 'POST', headers: COOKIE.send(token) });
      expect(ours(renewed).attributes).toContain(`Max-Age=${12 * 3600 - 29 * 60}`);
    });
  });

  describe('reading', () => {
    let app: RunningApp;
    let store: ProbedStore;
    let token: string;

    beforeEach(async () => {
      store = new ProbedStore();
      app = await start(undefined, { store });
      token = COOKIE.received(await post(app)) as string;
      store.calls.length = 0;
    });

    it('H7: the cookie name twice with different values is none, in one line or in two', async () => {
      const events = collectEvents(app);
      const other = 'A'.repeat(43);
      for (const sent of [
        `__Host-sid=${token}; __Host-sid=${other}`,
        `__Host-sid=${other}; a=b; __Host-sid=${token}`,
        `__Host-sid=${token}; __Host-sid=`,
        [`__Host-sid=${token}`, `__Host-sid=${other}`],
      ]) {
        expect(await views(app, sent)).toEqual({ views: 0 });
      }
      expect(store.calls).toEqual([]);
      expect(events).toEqual(Array(4).fill({ type: 'input_validation_fail', transport: 'cookie' }));
    });

    it('H7: twice with the same value is that value', async () => {
      expect(await views(app, `__Host-sid=${token}; __Host-sid=${token}`)).toEqual({ views: 1 });
    });

    it('H13: other cookies may hold anything', async () => {
      for (const other of [
        'a=%E0%A4%A',
        'a',
        '=',
        '=x',
        ';;',
        'a="b',
        'ä=ö',
        'a==; =a',
        '__Host-sid2=x',
        'x__Host-sid=x',
      ]) {
        expect([other, await views(app, `${other}; __Host-sid=${token}; ${other}`)]).toEqual([other, { views: 1 }]);
      }
    });

    it('H16: cookies named __proto__ and constructor', async () => {
      expect(await views(app, `__proto__=x; constructor=y; __Host-sid=${token}; toString=z`)).toEqual({ views: 1 });
      expect(({} as Record<string, unknown>)['x']).toBeUndefined();
      for (const name of ['__proto__', 'constructor']) {
        const named = await start({ name, secure: false });
        const issued = ours(await post(named));
        expect(issued.name).toBe(name);
        expect(await views(named, `${name}=${issued.value}`)).toEqual({ views: 1 });
        expect(await views(named, 'a=b')).toEqual({ views: 0 });
      }
    });

    it('H17: 200 cookies', async () => {
      const many = Array.from({ length: 200 }, (_, index) => `cookie-${index}=value-${index}`);
      expect(await views(app, [...many.slice(0, 100), `__Host-sid=${token}`, ...many.slice(100)].join('; '))).toEqual({
        views: 1,
      });
      expect(await views(app, many.join('; '))).toEqual({ views: 0 });
    });

    it('blanks around name and value are not part of them', async () => {
      for (const sent of [`a=b;   __Host-sid=${token}  ; c=d`, `__Host-sid=${token} ;a=b`]) {
        expect([sent, await views(app, sent)]).toEqual([sent, { views: 1 }]);
      }
    });

    it('the case of the name matters, as in browsers', async () => {
      expect(await views(app, `__host-sid=${token}`)).toEqual({ views: 0 });
    });

    it('H20: what other middleware puts on request.cookies is not looked at', async () => {
      for (const value of [[token], { value: token }, token, null]) {
        const other = await startApp(platform, {
          controllers: [CounterController],
          session: { store, transport: cookie() },
          prepare: (nest) => {
            nest.use(
              (request: { cookies?: unknown; signedCookies?: unknown }, _response: unknown, next: () => void) => {
                request.cookies = request.signedCookies = { '__Host-sid': value };
                next();
              },
            );
          },
        });
        const answer = await call(other.url, '/views');
        expect([answer.status, answer.json()]).toEqual([200, { views: 0 }]);
      }
      expect(store.calls).toEqual([]);
    });
  });

  describe('as a function of the request', () => {
    const byHost = ({ raw }: TransportRequest): CookieAttributes => {
      const host = (raw.headers.host ?? '').replace(/:\d+$/, '');
      return { name: `sid-${host.split('.')[0] as string}`, domain: host, secure: false, path: '/app' };
    };

    it('name and attributes follow the request, when setting, reading and clearing', async () => {
      const app = await start(byHost);
      const shop = { Host: 'shop.example.com' };

      const set = ours(await post(app, shop));
      expect([set.name, set.attributes]).toEqual([
        'sid-shop',
        expect.arrayContaining(['Domain=shop.example.com', 'Path=/app']),
      ]);
      const sent = { Cookie: `sid-shop=${set.value}` };
      expect((await call(app.url, '/views', { headers: { ...shop, ...sent } })).json()).toEqual({ views: 1 });
      expect((await call(app.url, '/views', { headers: { Host: 'blog.example.com', ...sent } })).json()).toEqual({
        views: 0,
      });
      const cleared = ours(await call(app.url, '/session', { method: 'DELETE', headers: { ...shop, ...sent } }));
      expect([cleared.name, cleared.value, cleared.attributes]).toEqual([
        'sid-shop',
        '',
        expect.arrayContaining(['Domain=shop.example.com', 'Path=/app', 'Max-Age=0']),
      ]);
    });

    it('sees the request of the framework', async () => {
      const app = await start(({ request }) => ({
        name: `sid-${(request as { hostname: string }).hostname.split('.')[0] as string}`,
      }));
      const set = ours(await post(app, { Host: 'localhost' }));
      expect(set.name).toBe('sid-localhost');
      const read = await call(app.url, '/views', {
        headers: { Host: 'localhost', Cookie: `sid-localhost=${set.value}` },
      });
      expect(read.json()).toEqual({ views: 1 });
    });

    it.each<[string, (request: TransportRequest) => CookieAttributes]>([
      [
        'throws',
        () => {
          throw new Error('no tenant');
        },
      ],
      ['gives a wrong name', () => ({ name: 'a b' })],
      ['gives attributes that browsers refuse', () => ({ sameSite: 'none', secure: false })],
      ['injects', ({ raw }) => ({ domain: decodeURIComponent(String(raw.headers['x-tenant'])) })],
      ['gives a promise', () => Promise.resolve({}) as never],
    ])('CVE-2024-47764: one that %s fails the request that needs it, and no other', async (_title, options) => {
      const app = await start(options);
      const headers = { 'X-Tenant': 'example.com%3B%20SameSite%3DNone%0D%0AX%3A%20y' };

      const written = await post(app, headers);
      const read = await call(app.url, '/views', { headers: { ...headers, Cookie: `sid=${'A'.repeat(43)}` } });
      const plain = await call(app.url, '/plain', { headers });

      expect([written.status, written.cookies, read.status]).toEqual([500, [], 500]);
      expect([plain.status, plain.text]).toEqual([200, 'plain']);
    });
  });
});
