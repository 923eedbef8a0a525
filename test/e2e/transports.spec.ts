import { Controller, Delete, Get, Header, Post, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import {
  bearer,
  cookie,
  header,
  Session,
  SessionService,
  type SessionTransport,
  type TransportRequest,
} from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { BEARER, CARRIERS, COOKIE, HEADER } from '../support/carriers.js';
import { call, type Answer, type CallOptions } from '../support/client.js';
import { CounterController } from '../support/counter.controller.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

const TOKEN = /^[\w-]{43}$/;
const ORIGIN = 'https://app.example.com';

/** All the ways by which an answer brought something. */
function ways(answer: Answer): string[] {
  return [
    ...(answer.token === undefined ? [] : ['header']),
    ...(COOKIE.received(answer) === undefined ? [] : ['cookie']),
  ];
}

const write = (app: RunningApp, headers: CallOptions['headers'] = {}): Promise<Answer> =>
  call(app.url, '/views', { method: 'POST', headers });
const read = (app: RunningApp, headers: CallOptions['headers'] = {}): Promise<Answer> =>
  call(app.url, '/views', { headers });

describe.each(PLATFORMS)('transports on %s', (platform) => {
  afterEach(closeApps);

  const start = (transport: SessionTransport | SessionTransport[], store = new ProbedStore()): Promise<RunningApp> =>
    startApp(platform, { controllers: [CounterController], session: { transport, store } });

  describe.each(CARRIERS)('by $name', ({ name, transport, send, received, vary }) => {
    it('issues, reads, renews and clears a token, never to be cached (ASVS 14.2.2)', async () => {
      const app = await start(transport());

      const issued = await write(app);
      const first = received(issued) as string;
      const again = await write(app, send(first));
      const renewed = await call(app.url, '/renew', { method: 'POST', headers: send(first) });
      const second = received(renewed) as string;
      const looked = await read(app, send(second));
      const cleared = await call(app.url, '/session', { method: 'DELETE', headers: send(second) });

      expect([first, second]).toEqual([expect.stringMatching(TOKEN), expect.stringMatching(TOKEN)]);
      expect([received(again), received(looked), received(cleared)]).toEqual([undefined, undefined, '']);
      expect([again.json(), looked.json()]).toEqual([{ views: 2 }, { views: 2 }]);
      for (const answer of [issued, renewed, cleared]) expect(answer.headers['cache-control']).toBe('no-store');
      for (const answer of [again, looked]) expect(answer.headers['cache-control']).toBeUndefined();
      for (const answer of [issued, again, renewed, looked, cleared]) expect(answer.headers['vary']).toBe(vary);
    });

    it('a token is cleared only when a session of the request was destroyed', async () => {
      const app = await start(transport());

      const none = await call(app.url, '/session', { method: 'DELETE' });
      const malformed = await call(app.url, '/session', { method: 'DELETE', headers: send('nonsense') });
      const unknown = await call(app.url, '/session', { method: 'DELETE', headers: send('A'.repeat(43)) });

      for (const answer of [none, malformed, unknown]) {
        expect([answer.status, received(answer)]).toEqual([200, undefined]);
      }
    });

    it('a new session that is destroyed in the same request sends nothing', async () => {
      @Controller()
      class BriefController {
        @Post('brief')
        async brief(@Session() sess: Session<{ views: number }>): Promise<void> {
          sess.views = 1;
          await sess.save();
          await sess.destroy();
        }
      }
      const app = await startApp(platform, { controllers: [BriefController], session: { transport: transport() } });

      const answer = await call(app.url, '/brief', { method: 'POST' });

      expect([answer.status, received(answer)]).toEqual([201, undefined]);
      expect(await app.get(SessionService).count()).toBe(0);
    });

    it('renewed and then destroyed in one request: the token that came in is cleared', async () => {
      @Controller()
      class LeaveController {
        @Delete('leave')
        async leave(@Session() sess: Session): Promise<void> {
          await (await sess.regenerate()).destroy();
        }
      }
      const app = await startApp(platform, {
        controllers: [CounterController, LeaveController],
        session: { transport: transport() },
      });
      const token = received(await write(app)) as string;

      const answer = await call(app.url, '/leave', { method: 'DELETE', headers: send(token) });

      expect([answer.status, received(answer)]).toEqual([200, '']);
      expect((await read(app, send(token))).json()).toEqual({ views: 0 });
    });

    it('events name the transport and not the value', async () => {
      const app = await start(transport());
      const events = collectEvents(app);
      await read(app, send('not-a-token'));
      expect(events).toEqual([{ type: 'input_validation_fail', transport: name }]);
    });
  });

  it('a new session is issued by the first of the list', async () => {
    const byHeader = await start([header(), cookie()]);
    const byCookie = await start([cookie(), header()]);

    expect(ways(await write(byHeader))).toEqual(['header']);
    expect(ways(await write(byCookie))).toEqual(['cookie']);
  });

  it.each([
    ['cookie first', [cookie(), bearer(), header()]],
    ['cookie last', [header(), bearer(), cookie()]],
  ])('H10: an explicit token decides over a cookie, whatever the order: %s', async (_title, list) => {
    const store = new ProbedStore();
    const app = await start(list, store);
    const explicit = await begin(app);
    const other = await begin(app);
    await write(app, HEADER.send(explicit));

    for (const carrier of [HEADER, BEARER]) {
      store.calls.length = 0;
      const answer = await read(app, { ...COOKIE.send(other), ...carrier.send(explicit) });
      expect(answer.json()).toEqual({ views: 2 });
      // Never merged: the other session was not even looked at.
      expect(store.calls).toEqual(['load']);
    }
    expect((await read(app, COOKIE.send(other))).json()).toEqual({ views: 1 });
  });

  it.each(CARRIERS.map((carrier) => [carrier.name, carrier] as const))(
    'the answer goes out the way the token came in, never two ways at once: %s',
    async (_name, { send, received }) => {
      const way = received === COOKIE.received ? 'cookie' : 'header';
      const app = await start([cookie(), bearer(), header()]);
      const token = await begin(app);

      const renewed = await call(app.url, '/renew', { method: 'POST', headers: send(token) });
      const next = received(renewed) as string;
      const ended = await call(app.url, '/session', { method: 'DELETE', headers: send(next) });

      expect([ways(renewed), ways(ended)]).toEqual([[way], [way]]);
      expect([next, received(ended)]).toEqual([expect.stringMatching(TOKEN), '']);
      // A new session in place of a refused token goes the same way.
      expect(ways(await write(app, send(next)))).toEqual([way]);
      expect(ways(await write(app, send('nonsense')))).toEqual([way]);
    },
  );

  it('H11: a refused bearer with a valid cookie is refused, without fallback', async () => {
    const store = new ProbedStore();
    const app = await start([bearer(), header(), cookie()], store);
    const token = await begin(app);
    store.calls.length = 0;

    for (const explicit of [
      { Authorization: 'Bearer nonsense' },
      { Authorization: 'Bearer' },
      { 'X-Auth-Token': '' },
    ]) {
      const answer = await read(app, { ...COOKIE.send(token), ...explicit });
      expect([answer.json(), ways(answer)]).toEqual([{ views: 0 }, []]);
    }
    expect(store.calls).toEqual([]);
    const unknown = await read(app, { ...COOKIE.send(token), ...BEARER.send('A'.repeat(43)) });
    expect(unknown.json()).toEqual({ views: 0 });
    expect(store.calls).toEqual(['load']);
  });

  it('H11: another scheme of Authorization is absent: the cookie decides', async () => {
    const app = await start([bearer(), cookie()]);
    const events = collectEvents(app);
    const token = await begin(app);

    for (const authorization of ['Basic dXNlcjpwYXNz', 'Negotiate YII=', 'Bearerish abc']) {
      const answer = await read(app, { ...COOKIE.send(token), Authorization: authorization });
      expect(answer.json()).toEqual({ views: 1 });
    }
    expect(events.map(({ type }) => type)).not.toContain('input_validation_fail');
  });

  it('Vary names every transport of the list where the session was looked at', async () => {
    const app = await start([bearer(), header(), cookie()]);
    const token = await begin(app);

    expect((await read(app, HEADER.send(token))).headers['vary']).toBe('Authorization, X-Auth-Token, Cookie');
    expect((await read(app)).headers['vary']).toBe('Authorization, X-Auth-Token, Cookie');
    expect((await call(app.url, '/plain', { headers: HEADER.send(token) })).headers['vary']).toBeUndefined();
  });

  describe('{ accept, issue }', () => {
    const byHeader = header();
    const byCookie = cookie();
    const isBrowser = ({ raw }: TransportRequest): boolean => raw.headers['sec-fetch-mode'] !== undefined;

    it('issue(request) chooses for new sessions; renewals still go the way the token came in', async () => {
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: {
          transport: {
            accept: [byHeader, byCookie],
            issue: (request) => (isBrowser(request) ? byCookie : byHeader),
          },
        },
      });
      const browser = { 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Site': 'same-origin' };

      const inCookie = await write(app, browser);
      const inHeader = await write(app);
      expect([ways(inCookie), ways(inHeader)]).toEqual([['cookie'], ['header']]);

      const token = COOKIE.received(inCookie) as string;
      const renewed = await call(app.url, '/renew', { method: 'POST', headers: COOKIE.send(token) });
      expect(ways(renewed)).toEqual(['cookie']);
      const other = await call(app.url, '/renew', {
        method: 'POST',
        headers: { ...browser, ...HEADER.send(inHeader.token as string) },
      });
      expect(ways(other)).toEqual(['header']);
    });

    it('a transport that is not accepted is an error of the request, which stores nothing', async () => {
      const store = new ProbedStore();
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: { store, transport: { accept: [byHeader], issue: () => byCookie } },
      });

      const answer = await write(app);

      expect([answer.status, ways(answer)]).toEqual([500, []]);
      expect(store.calls).toEqual([]);
      expect((await call(app.url, '/plain')).status).toBe(200);
    });
  });

  describe('a transport of one’s own', () => {
    /** The token in a path parameter of the header "Ticket": `Ticket: sid="…"`. */
    const ticket: SessionTransport = {
      name: 'ticket',
      explicit: true,
      vary: 'Ticket',
      read: ({ raw }) => {
        const { ticket: sent } = raw.headers;
        return sent === undefined ? undefined : (/^sid="(.*)"$/.exec(String(sent))?.[1] ?? '');
      },
      send: (answer, token, maxAge) => {
        answer.setHeader('Ticket', `sid="${token}"; lasts=${maxAge}`);
      },
      clear: (answer) => {
        answer.setHeader('Ticket', 'sid=""');
      },
    };

    it('carries the token both ways, with the time that is left', async () => {
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: { transport: [cookie(), ticket], clock: () => 1_000, absoluteTimeout: '1h' },
      });
      const token = await begin(app);

      const renewed = await call(app.url, '/renew', { method: 'POST', headers: { Ticket: `sid="${token}"` } });
      const [, next, lasts] = /^sid="([\w-]{43})"; lasts=(\d+)$/.exec(String(renewed.headers['ticket'])) as string[];
      const ended = await call(app.url, '/session', {
        method: 'DELETE',
        headers: { Ticket: `sid="${next as string}"` },
      });

      expect(renewed.json()).toEqual({ views: 1 });
      expect(lasts).toBe('3600000');
      expect([renewed.cookies, ended.cookies]).toEqual([[], []]);
      expect(ended.headers['ticket']).toBe('sid=""');
      expect(ended.headers['vary']).toBe('Cookie, Ticket');
    });

    it('H21: CR, LF and ANSI in what it reads are none, and not in the log', async () => {
      const lines: string[] = [];
      const log = (line: string): void => void lines.push(line);
      const app = await startApp(platform, {
        controllers: [CounterController],
        session: {
          logger: { warn: log, error: log },
          // Percent codes bring in what no HTTP parser lets through.
          transport: {
            ...ticket,
            name: 'decoded\n',
            read: ({ raw }) => decodeURIComponent(String(raw.headers['ticket'])),
          },
        },
      });

      const answer = await read(app, { Ticket: 'x%0D%0Aerror%3A%20forged%1B%5B2Jline' });

      expect(answer.json()).toEqual({ views: 0 });
      expect(lines).toHaveLength(1);
      expect(lines.join()).not.toMatch(/[\p{Cc}]|forged/u);
    });

    it('law 4: one that throws while reading fails the request with 500', async () => {
      const app = await start({
        ...ticket,
        read: () => {
          throw new Error('unreadable');
        },
      });
      expect((await read(app)).status).toBe(500);
    });

    it('law 4: one that throws while sending fails the request with 500, not the process', async () => {
      const app = await start({
        ...ticket,
        send: () => {
          throw new Error('unsendable');
        },
      });
      expect((await write(app)).status).toBe(500);
      expect((await call(app.url, '/plain')).status).toBe(200);
    });

    it('law 4: one that throws while clearing fails the request with 500, not the process', async () => {
      const app = await start([
        header(),
        {
          ...ticket,
          clear: () => {
            throw new Error('unclearable');
          },
        },
      ]);
      const token = (await write(app)).token as string;
      const ended = await call(app.url, '/session', { method: 'DELETE', headers: { Ticket: `sid="${token}"` } });
      expect(ended.status).toBe(500);
      expect((await read(app, HEADER.send(token))).json()).toEqual({ views: 0 });
    });
  });

  describe('with headers of the application', () => {
    @Controller()
    class HeadersController {
      @Post('cached')
      @Header('Cache-Control', 'public, max-age=3600')
      @Header('Vary', 'Accept-Encoding')
      cached(@Session() sess: Session<{ views: number }>): string {
        sess.views = 1;
        return 'cached';
      }

      @Get('cached')
      @Header('Cache-Control', 'public, max-age=3600')
      read(@Session('views') views: number | undefined): string {
        return String(views);
      }

      @Post('any')
      @Header('Vary', '*')
      any(@Session() sess: Session<{ views: number }>): void {
        sess.views = 1;
      }

      @Post('known')
      @Header('Vary', 'x-auth-token, Origin, cookie')
      known(@Session() sess: Session<{ views: number }>): void {
        sess.views = 1;
      }

      @Get('list')
      list(
        @Session('views') views: number | undefined,
        @Res({ passthrough: true }) res: { header(name: string, value: string[]): unknown },
      ): string {
        res.header('Vary', ['Accept', 'X-Auth-Token']);
        return String(views);
      }

      /** One object for the head of all its answers, as applications may have. */
      private readonly head = Object.freeze({ 'Content-Type': 'text/plain' });

      @Get('raw/shared')
      shared(
        @Session('views') views: number | undefined,
        @Res() res: ServerResponse & { raw?: ServerResponse; hijack?: () => void },
      ): void {
        res.hijack?.();
        (res.raw ?? res).writeHead(200, this.head).end(String(views));
      }

      @Post('cookies')
      cookies(
        @Session() sess: Session<{ views: number }>,
        @Res({ passthrough: true }) res: { header(name: string, value: string[]): unknown },
      ): string {
        sess.views = 1;
        res.header('Set-Cookie', ['theme=dark', 'lang=de']);
        return 'cookies';
      }

      @Post('raw/object')
      rawObject(
        @Session() sess: Session<{ views: number }>,
        @Res() res: ServerResponse & { raw?: ServerResponse },
      ): void {
        sess.views = 1;
        (res.raw ?? res).writeHead(200, { 'set-cookie': 'theme=dark', vary: 'Origin', 'cache-control': 'public' });
        (res.raw ?? res).end('raw');
      }

      @Post('raw/list')
      rawList(
        @Session() sess: Session<{ views: number }>,
        @Res() res: ServerResponse & { raw?: ServerResponse },
      ): void {
        sess.views = 1;
        (res.raw ?? res).writeHead(200, ['Set-Cookie', 'theme=dark', 'Vary', 'Origin']);
        (res.raw ?? res).end('raw');
      }
    }

    const startBoth = (): Promise<RunningApp> =>
      startApp(platform, {
        controllers: [HeadersController],
        session: { transport: [cookie({ csrf: { origins: [ORIGIN] } }), header()] },
        prepare: (app) => {
          app.enableCors({ origin: [ORIGIN], credentials: true });
        },
      });
    const post = (app: RunningApp, path: string): Promise<Answer> =>
      call(app.url, path, { method: 'POST', headers: { Origin: ORIGIN, 'Sec-Fetch-Site': 'same-site' } });
    const names = (answer: Answer): string[] => answer.cookies.map((line) => line.slice(0, line.indexOf('=')));

    it('P32, ASVS 14.2.2: an answer with a token can not be cached, whatever the handler said', async () => {
      const app = await startBoth();
      const answer = await post(app, '/cached');

      expect(answer.headers['cache-control']).toBe('no-store');
      const token = COOKIE.received(answer) as string;
      const later = await call(app.url, '/cached', { headers: COOKIE.send(token) });
      // No token in it: what the handler said stands, and Vary tells one client from another.
      expect(later.headers['cache-control']).toBe('public, max-age=3600');
      expect(later.headers['vary']).toMatch(/Cookie, X-Auth-Token$/);
    });

    it('Vary is added to a list, and to a head that is not to be changed', async () => {
      const app = await startBoth();
      const get = async (path: string) => (await call(app.url, path)).headers['vary'];
      expect(await get('/list')).toBe('Accept, X-Auth-Token, Cookie');
      expect(await get('/raw/shared')).toMatch(/Cookie, X-Auth-Token$/);
    });

    it('Vary is added to that of the handler and of CORS', async () => {
      const app = await startBoth();
      const answer = await post(app, '/cookies');
      expect(answer.headers['vary']).toBe('Origin, Cookie, X-Auth-Token');
      expect(answer.headers['access-control-allow-origin']).toBe(ORIGIN);

      const any = await post(app, '/any');
      expect(any.headers['vary']).toBe('*');
      const known = await post(app, '/known');
      expect(known.headers['vary']).toBe('x-auth-token, Origin, cookie');
    });

    it('cookies of the application stay beside ours, with Vary of CORS', async () => {
      const app = await startBoth();
      const answer = await post(app, '/cookies');
      expect(names(answer)).toEqual(['theme', 'lang', '__Host-sid']);
      expect(answer.headers['vary']).toContain('Origin');
      expect(answer.headers['cache-control']).toBe('no-store');
    });

    it('headers in writeHead, as an object and as a list, are merged too', async () => {
      const app = await startBoth();
      const object = await post(app, '/raw/object');
      expect(names(object)).toEqual(['theme', '__Host-sid']);
      expect([object.headers['vary'], object.headers['cache-control']]).toEqual([
        'Origin, Cookie, X-Auth-Token',
        'no-store',
      ]);
      const list = await post(app, '/raw/list');
      expect(names(list)).toEqual(['theme', '__Host-sid']);
      expect([list.headers['vary'], list.headers['cache-control']]).toEqual([
        'Origin, Cookie, X-Auth-Token',
        'no-store',
      ]);
    });
  });

  it.each([
    ['nothing', []],
    ['no transport', {}],
    ['a string', 'cookie'],
    ['the function itself', header],
    ['null', null],
    ['an empty plan', { accept: [] }],
    ['a plan with a wrong choice', { accept: [header()], issue: header() }],
    ['a plan with a misspelt option', { accept: [header()], isue: () => header() }],
    ['one transport twice', [header(), header()]],
    ['one header in two spellings', [header('X-Auth-Token'), header('x-auth-token')]],
    ['a hole in the list', [header(), undefined]],
    ['one without a name', { ...header(), name: undefined }],
    ['one without vary', { ...header(), vary: undefined }],
    ['one without send', { ...header(), send: undefined }],
  ])('a wrong transport fails at boot, by name: %s', async (_title, transport) => {
    await expect(
      startApp(platform, { controllers: [], session: { transport: transport as never } }),
    ).rejects.toMatchObject({ code: 'INVALID_OPTION', message: expect.stringContaining('transport') });
  });
});

/** The token of a new session with one view, by whichever way it came. */
async function begin(app: RunningApp): Promise<string> {
  const answer = await write(app);
  return (answer.token ?? COOKIE.received(answer)) as string;
}
