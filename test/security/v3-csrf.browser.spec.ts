import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { Controller, Get, Header, HttpCode, Post, Put, type INestApplication } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  cookie,
  CsrfExempt,
  CsrfGuard,
  header,
  Session,
  SessionService,
  type CookieOptions,
  type SessionEvent,
  type SessionOptions,
  type TransportRequest,
} from 'nestjs-token-session';
import type { BrowserContext, Page } from 'playwright-core';
import { closeApps, startApp, type AppPlan } from '../support/app.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';
import {
  ATTACKS,
  ForeignSite,
  launchBrowser,
  LEAVING,
  PLAIN_SITE,
  SANDBOXED,
  script,
  type Attack,
} from './support/sites.js';

interface Account {
  transfers: number;
}

/** What an attacker would like others to do. */
@Controller()
class BankController {
  constructor(private readonly sessions: SessionService) {}

  @Get()
  @Header('Content-Type', 'text/html')
  page(): string {
    return '<!doctype html><title>bank</title><form method="post" action="/transfer"><button>Transfer</button></form>';
  }

  @Get('account')
  @Header('Cache-Control', 'no-store')
  account(@Session() sess: Session<Account>): object {
    return { user: this.sessions.info(sess).userId ?? null, transfers: sess.transfers ?? 0 };
  }

  @Post('login')
  async login(@Session() sess: Session<Account>): Promise<void> {
    await this.sessions.login(sess, 'ada');
  }

  @Post('logout')
  logout(@Session() sess: Session): Promise<void> {
    return this.sessions.destroy(sess);
  }

  @Post('transfer')
  @HttpCode(200)
  transfer(@Session() sess: Session<Account>): Account {
    sess.transfers = (sess.transfers ?? 0) + 1;
    return { transfers: sess.transfers };
  }

  @Put('transfer')
  put(@Session() sess: Session<Account>): Account {
    return this.transfer(sess);
  }

  @Post('callback')
  @CsrfExempt()
  @HttpCode(200)
  callback(@Session() sess: Session<Account>): Account {
    return this.transfer(sess);
  }
}

/** A request as it came to the application, and how it was answered. */
interface Arrival {
  method: string;
  path: string;
  withCookie: boolean;
  site: string | undefined;
  origin: string | undefined;
  status: number;
}

let browser: BrowserContext;
let evil: ForeignSite;
/** The same hosts, and other origins. */
let another: ForeignSite;

beforeAll(async () => {
  [browser, evil, another] = await Promise.all([launchBrowser(), new ForeignSite().start(), new ForeignSite().start()]);
});
afterAll(() => Promise.all([browser.close(), evil.end(), another.end()]));

describe.each(PLATFORMS)('a real browser and other sites, on %s', (platform) => {
  let app: RunningApp;
  let store: ProbedStore;
  let events: SessionEvent[];
  let arrivals: Arrival[];
  let arrived: ((arrival: Arrival) => void) | undefined;
  let own: string;

  afterEach(end);

  async function end(): Promise<void> {
    await browser.clearCookies();
    // Chromium keeps connections for later.
    (app.app.getHttpServer() as Server).closeAllConnections();
    await closeApps();
  }

  /** The application by one of its names, with Ada signed in. */
  async function open(
    host: string,
    transport: NonNullable<SessionOptions['transport']>,
    plan: Partial<AppPlan> = {},
  ): Promise<void> {
    store = new ProbedStore();
    arrivals = [];
    app = await startApp(platform, { controllers: [BankController], ...plan, session: { store, transport } });
    own = `http://${host}:${new URL(app.url).port}`;
    const server = app.app.getHttpServer() as Server;
    const [handle] = server.listeners('request') as RequestListener[];
    server.removeAllListeners('request').on('request', (request, response) => {
      // Chromium asks for it whenever it likes, with the cookie: that is no page's doing.
      if (request.url === '/favicon.ico') return response.writeHead(404).end();
      note(request, response);
      return handle?.(request, response);
    });
    await inTab(own, (page) => page.evaluate('fetch("/login", { method: "POST" }).then(({ status }) => status)'));
    expect(await account()).toEqual({ user: 'ada', transfers: 0 });
    events = collectEvents(app);
    arrivals.length = store.calls.length = 0;
  }

  function note({ method = '', url = '', headers }: IncomingMessage, response: ServerResponse): void {
    const { cookie: sent, origin } = headers;
    const site = headers['sec-fetch-site'];
    response.once('finish', () => {
      const arrival = { method, path: url, withCookie: sent !== undefined, site, origin, status: response.statusCode };
      arrivals.push(arrival);
      arrived?.(arrival);
    });
  }

  /** Opens an address in a tab of its own, until the act there is over. */
  async function inTab<T>(url: string, act: (page: Page) => Promise<T>): Promise<T> {
    const page = await browser.newPage();
    await page.goto(url, { waitUntil: 'commit' });
    const result = await act(page);
    // Not awaited: now and then Chromium keeps a tab that has just left its page, until the browser ends.
    page.close().catch(() => undefined);
    return result;
  }

  /** What the signed-in user sees. */
  function account(): Promise<unknown> {
    return inTab(
      `${own}/account`,
      async (page) => JSON.parse(await page.evaluate<string>('document.body.innerText')) as unknown,
    );
  }

  /** The next request of this kind, once it was answered. */
  function next(method: string, path: string): Promise<Arrival> {
    return new Promise((resolve) => {
      arrived = (arrival) => {
        if (arrival.method === method && arrival.path === path) resolve(arrival);
      };
    });
  }

  /**
   * Lets the user look at a page, which acts on its own.
   *
   * @param leaves whether it takes the user to the application
   */
  function visit(url: string, { method = 'POST', path = '/transfer', leaves = false } = {}): Promise<Arrival> {
    const arrival = next(method, path);
    return inTab(url, async (page) => {
      await page.waitForLoadState();
      await page.evaluate('typeof act === "function" && void setTimeout(act)');
      // A tab that is on its way can't be closed.
      if (leaves) await page.waitForURL(`${own}/**`, { waitUntil: 'commit' });
      return arrival;
    });
  }

  const none: CookieOptions = { sameSite: 'none' };
  const plain: CookieOptions = { secure: false };

  /** Where the attacker is, how the browser tells so, and a cookie that comes along in spite of SameSite. */
  const ATTACKERS = [
    { where: 'another site', host: 'localhost', from: '127.0.0.1', options: none, site: 'cross-site' },
    { where: 'another port of the host', host: 'localhost', from: 'localhost', options: {}, site: 'same-site' },
    {
      where: 'a sister domain, by Origin',
      host: PLAIN_SITE,
      from: `evil.${PLAIN_SITE}`,
      options: plain,
      site: undefined,
    },
  ];

  describe.each(ATTACKERS)('$where', ({ host, from, options, site }) => {
    it('ASVS 3.5.1: no way to post is let through: 403, nothing loaded, nothing changed', async () => {
      await open(host, cookie(options));
      for (const [name, attack] of Object.entries(ATTACKS)) {
        const leaves = LEAVING.has(name);
        const arrival = await visit(evil.publish(from, attack(`${own}/transfer`, evil.origin(from))), { leaves });
        // It came with the cookie: nothing but the defence stands between.
        const withCookie = options === none || name !== SANDBOXED;
        expect([name, arrival]).toEqual([name, expect.objectContaining({ withCookie, status: 403 })]);
        expect(arrival.origin).not.toBe(own);
        if (name !== SANDBOXED) expect(arrival.site).toBe(site);
      }
      expect(store.calls).toEqual([]);
      const refusal = { type: 'malicious_cors', reason: expect.any(String) };
      expect(events).toEqual(Object.keys(ATTACKS).map(() => refusal));
      expect(await account()).toEqual({ user: 'ada', transfers: 0 });
    });

    it('ASVS 3.5.2: what needs a preflight does not get past it, and is refused where the application lets it', async () => {
      const put = (): string => script(`fetch("${own}/transfer", { method: "PUT", credentials: "include" })`);
      await open(host, cookie(options));
      const asked = await visit(evil.publish(from, put()), { method: 'OPTIONS' });
      expect(asked).toMatchObject({ withCookie: false });
      expect(await account()).toEqual({ user: 'ada', transfers: 0 });
      expect(arrivals.filter(({ method }) => method === 'PUT')).toEqual([]);

      await end();
      await open(host, cookie(options), { prepare: allowAll });
      const arrival = await visit(evil.publish(from, put()), { method: 'PUT' });
      expect(arrival).toMatchObject({ withCookie: true, status: 403 });
      expect(store.calls).toEqual([]);
      expect(await account()).toEqual({ user: 'ada', transfers: 0 });
    });

    it('ASVS 3.5.1: an origin that is listed passes, another one does not', async () => {
      await open(host, cookie({ ...options, csrf: { origins: [evil.origin(from)] } }));
      for (const name of ['a form', 'fetch without CORS', 'a beacon']) {
        const leaves = LEAVING.has(name);
        const page = (ATTACKS[name] as Attack)(`${own}/transfer`, evil.origin(from));
        expect(await visit(evil.publish(from, page), { leaves })).toMatchObject({ withCookie: true, status: 200 });
        expect(await visit(another.publish(from, page), { leaves })).toMatchObject({ withCookie: true, status: 403 });
      }
      expect(await account()).toEqual({ user: 'ada', transfers: 3 });
    });

    it('ASVS 3.5.1: a handler with @CsrfExempt() is reached, the others are not', async () => {
      await open(host, cookie({ ...options, csrf: { at: 'handler' } }), {
        providers: [{ provide: APP_GUARD, useClass: CsrfGuard }],
      });
      const form = (path: string): string =>
        evil.publish(from, (ATTACKS['a form'] as Attack)(own + path, evil.origin(from)));
      expect(await visit(form('/transfer'), { leaves: true })).toMatchObject({ withCookie: true, status: 403 });
      expect(store.calls).toEqual([]);
      expect(await visit(form('/callback'), { path: '/callback', leaves: true })).toMatchObject({
        status: 200,
      });
      expect(await account()).toEqual({ user: 'ada', transfers: 1 });
    });
  });

  describe.each([
    { host: 'localhost', options: {}, site: 'same-origin', typed: 'none' },
    { host: PLAIN_SITE, options: plain, site: undefined, typed: undefined },
  ])('its own pages, on $host', ({ host, options, site, typed }) => {
    it('ASVS 3.5.1: a form, fetch and a beacon pass', async () => {
      await open(host, cookie(options));
      for (const [method, act] of [
        ['POST', 'document.forms[0].requestSubmit()'],
        ['POST', 'void fetch("/transfer", { method: "POST" })'],
        ['PUT', 'void fetch("/transfer", { method: "PUT" })'],
        ['POST', 'void navigator.sendBeacon("/transfer", "")'],
      ] as const) {
        const arrival = next(method, '/transfer');
        const done = await inTab(own, async (page) => {
          await page.waitForLoadState();
          await page.evaluate(act);
          if (act.includes('requestSubmit')) await page.waitForURL(`${own}/transfer`);
          return arrival;
        });
        expect([act, done]).toEqual([act, expect.objectContaining({ withCookie: true, status: 200, site })]);
      }
      expect(await account()).toEqual({ user: 'ada', transfers: 4 });
      expect(events.map(({ type }) => type)).not.toContain('malicious_cors');
    });

    it('ASVS 3.5.1: an address that was typed in, and a form that is sent once more by a reload', async () => {
      await open(host, cookie(options));
      const looked = next('GET', '/account');
      expect(await account()).toEqual({ user: 'ada', transfers: 0 });
      expect(await looked).toMatchObject({ withCookie: true, status: 200, site: typed });

      await inTab(own, async (page) => {
        await page.waitForLoadState();
        await page.evaluate('document.forms[0].requestSubmit()');
        await page.waitForURL(`${own}/transfer`);
        const again = next('POST', '/transfer');
        await page.reload();
        expect(await again).toMatchObject({ withCookie: true, status: 200 });
      });
      expect(await account()).toEqual({ user: 'ada', transfers: 2 });
    });
  });

  it('ASVS 3.3.1, 3.3.3, 3.3.4: localhost has the __Host- cookie with Secure, and scripts do not see it', async () => {
    await open('localhost', cookie());
    expect(await browser.cookies()).toEqual([
      expect.objectContaining({
        ...{ name: '__Host-sid', domain: 'localhost', path: '/', secure: true, httpOnly: true, sameSite: 'Lax' },
      }),
    ]);
    await inTab(own, async (page) => {
      expect(await page.evaluate('document.cookie')).toBe('');
      await page.evaluate('fetch("/logout", { method: "POST" }).then(({ status }) => status)');
    });
    expect(await browser.cookies()).toEqual([]);
  });

  it('ASVS 3.3.2: another site’s POST comes without the Lax cookie, and can not begin a session', async () => {
    await open('localhost', cookie());
    for (const [name, attack] of Object.entries(ATTACKS)) {
      const page = attack(`${own}/transfer`, evil.origin('127.0.0.1'));
      const arrival = await visit(evil.publish('127.0.0.1', page), { leaves: LEAVING.has(name) });
      const expected = { withCookie: false, status: 403, site: 'cross-site' };
      expect([name, arrival]).toEqual([name, expect.objectContaining(expected)]);
    }
    expect(store.calls).toEqual([]);
    expect(events.map(({ type }) => type)).toEqual(Object.keys(ATTACKS).map(() => 'malicious_cors'));
    expect(await account()).toEqual({ user: 'ada', transfers: 0 });
  });

  it('ASVS 3.5.1: a link from another site opens the page, signed in', async () => {
    await open('localhost', cookie());
    const link = `<a href="${own}/account">bank</a>${script('function act() { document.links[0].click() }')}`;
    const arrival = await visit(evil.publish('127.0.0.1', link), { method: 'GET', path: '/account', leaves: true });
    expect(arrival).toMatchObject({ withCookie: true, status: 200, site: 'cross-site' });
  });

  it('ASVS 3.5.3: what another site can load, frame or fetch by GET changes nothing', async () => {
    await open('localhost', cookie(none));
    for (const [path, body] of [
      ['/account', `<img src="${own}/account">`],
      ['/account', `<iframe src="${own}/account"></iframe>`],
      ['/account?', `<form action="${own}/account"></form>${script('function act() { document.forms[0].submit() }')}`],
      ['/account', script(`fetch("${own}/account", { mode: "no-cors", credentials: "include" })`)],
    ] as const) {
      const arrival = await visit(evil.publish('127.0.0.1', body), {
        method: 'GET',
        path,
        leaves: path === '/account?',
      });
      expect([body, arrival]).toEqual([body, expect.objectContaining({ withCookie: true, status: 200 })]);
    }
    expect(store.calls).toEqual(['load', 'load', 'load', 'load']);
    const image = evil.publish('127.0.0.1', `<img src="${own}/transfer">`);
    expect(await visit(image, { method: 'GET' })).toMatchObject({ withCookie: true, status: 404 });
    expect(await account()).toEqual({ user: 'ada', transfers: 0 });
  });

  it('ASVS 3.5.1: a token in a header works from another site, beside a cookie that does not', async () => {
    const [byHeader, byCookie] = [header(), cookie(none)];
    const accept = [byHeader, byCookie];
    const issue = ({ raw }: TransportRequest) => (raw.headers['x-program'] === 'app' ? byHeader : byCookie);
    await open('localhost', { accept, issue }, { prepare: allowAll });
    const token = await inTab(own, (page) =>
      page.evaluate<string>(
        `fetch("/login", { method: "POST", credentials: "omit", headers: { "X-Program": "app" } })
          .then(({ headers }) => headers.get("X-Auth-Token"))`,
      ),
    );
    store.calls.length = 0;
    const post = (headers: object): string =>
      script(
        `fetch("${own}/transfer", { method: "POST", credentials: "include", headers: ${JSON.stringify(headers)} })`,
      );
    const visitWith = (headers: object): Promise<Arrival> => visit(evil.publish('127.0.0.1', post(headers)));
    expect(await visitWith({ 'X-Auth-Token': token })).toMatchObject({ withCookie: true, status: 200 });
    expect(await visitWith({})).toMatchObject({ withCookie: true, status: 403 });
    expect(store.calls).toEqual(['load', 'update']);
    expect(await account()).toEqual({ user: 'ada', transfers: 0 });
  });
});

/** An application that lets every site ask, which it should not. */
function allowAll(app: INestApplication): void {
  app.enableCors({ origin: true, credentials: true, methods: ['PUT', 'POST'], allowedHeaders: ['X-Auth-Token'] });
}
