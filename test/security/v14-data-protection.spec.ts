import { Controller, Module, Post, Res, type MiddlewareConsumer, type NestModule } from '@nestjs/common';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { SessionModule, Session, type TokenSession } from 'nestjs-token-session';
import { AnswersMiddlewareModule, answersOf, kindsOf, MarkingFilter, type AnyResponse } from '../support/answers.js';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { call, type Answer } from '../support/client.js';
import { CounterController } from '../support/counter.controller.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';
import { linesOf, rawGet } from './support/raw-request.js';
import { signed, TOGETHER, WAYS, type Way } from './support/ways.js';

/** Every name by which a transport, an option or another framework calls a token. */
const NAMES = [
  ...['sid', 'SID', 'token', 'session', 'sessionId', 'session_id', 'sess', 'id', 'auth', 'key', 'ticket', 'Ticket'],
  ...['access_token', 'bearer', 'Bearer', 'authorization', 'Authorization', 'x-auth-token', 'X-Auth-Token'],
  ...['__Host-sid', 'connect.sid', 'cookie', 'Cookie', 'transport', 'header', 'jsessionid', 'PHPSESSID'],
];

/** What some caches obey in place of Cache-Control: any targeted field (RFC 9213), and what came before. */
const FOR_ONE_CACHE = [
  ...['CDN-Cache-Control', 'Cloudflare-CDN-Cache-Control', 'Akamai-Cache-Control', 'X-LiteSpeed-Cache-Control'],
  ...['Netlify-CDN-Cache-Control', 'Some-Other-Cache-Control', 'Surrogate-Control', 'Edge-Control'],
];

type Act = 'issue' | 'use' | 'renew' | 'clear';
type Next = (error?: unknown) => void;

/** Does to the session what the header X-Act says, and wants every answer to be cached by everybody. */
@Module({})
class ActingModule implements NestModule {
  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply((request: IncomingMessage & { session: TokenSession }, response: ServerResponse, next: Next) => {
        response.setHeader('Cache-Control', 'public, max-age=3600');
        for (const name of FOR_ONE_CACHE) response.setHeader(name, 'max-age=3600');
        response.setHeader('X-Accel-Expires', '3600');
        const act = request.headers['x-act'];
        const done =
          act === 'renew' ? request.session.regenerate() : act === 'clear' ? request.session.destroy() : null;
        Promise.resolve(done).then(() => next(), next);
      })
      .forRoutes('*path');
  }
}

/** Whether it may be stored nowhere, without a word that says otherwise. */
function forbidsCaching({ headers }: Answer): boolean {
  const header = (name: string) => headers[name.toLowerCase()];
  const directives = String(headers['cache-control']).split(/\s*,\s*/);
  const isForbidden =
    directives.includes('no-store') && !directives.some((each) => /^public$|max-age=[1-9]/.test(each));
  const isForAll = FOR_ONE_CACHE.every((name) => [undefined, 'no-store'].includes(header(name) as string | undefined));
  return isForbidden && isForAll && [undefined, '0'].includes(headers['x-accel-expires'] as string | undefined);
}

const varies = (answer: Answer, way: Way): boolean =>
  String(answer.headers['vary'])
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .includes(way.vary.toLowerCase());

afterEach(closeApps);

describe.each(PLATFORMS)('data protection on %s', (platform) => {
  describe('ASVS 14.2.1: no token in a URL or a body', () => {
    @Controller()
    class EverywhereController {
      @Post('elsewhere') elsewhere(@Session() session: Session<{ views: number }>, @Res() response: AnyResponse): void {
        session.views = 1;
        response.redirect('/views?next=1');
      }

      @Post('*') here(@Session() session: Session<{ views: number }>): unknown {
        return { views: session.views ?? 0 };
      }
    }

    it.each(WAYS.map((way) => [way.title, way] as const))(
      'ASVS 14.2.1, H12: query, body, path, parameters and credentials of a URL are ignored by every name: %s',
      async (_title, way) => {
        const store = new ProbedStore();
        const app = await startApp(platform, {
          controllers: [CounterController, EverywhereController],
          session: { store, transport: way.transport() },
        });
        const token = way.received(await call(app.url, '/views', { method: 'POST' })) as string;
        store.calls.length = 0;
        for (const sent of [token, encodeURIComponent(signed(token)), `sid="${token}"`.replaceAll('"', '%22')]) {
          const pairs = NAMES.map((name) => `${encodeURIComponent(name)}=${sent}`);
          const paths = [`/here?${pairs.join('&')}`, `/here/${sent}/${pairs.slice(0, 5).join('/')}`, `/here?${sent}`];
          for (const path of [
            ...paths,
            `/here/x;${pairs.slice(0, 5).join(';')}`,
            `/here?sid[]=${sent}&sid[a]=${sent}`,
          ]) {
            const body = Object.fromEntries(NAMES.map((name) => [name, decodeURIComponent(sent)]));
            const answer = await call(app.url, path, { method: 'POST', body });
            expect([path, answer.json()]).toEqual([path, { views: 0 }]);
          }
        }
        // As a proxy is asked: the whole URL, with a user.
        const { host } = new URL(app.url);
        const { bytes } = await rawGet(app.url, `http://${token}:${token}@${host}/views?sid=${token}`, []);
        expect(bytes).not.toContain('{"views":1}');
        expect(store.calls).toEqual([]);
        expect((await rawGet(app.url, '/views', linesOf(way.send(token)))).body).toContain('{"views":1}');
      },
    );

    it.each(WAYS.map((way) => [way.title, way] as const))(
      'ASVS 14.2.1: a token is never part of where an answer sends a client, nor of its body: %s',
      async (_title, way) => {
        const app = await startApp(platform, {
          controllers: [CounterController, EverywhereController],
          session: { transport: way.transport() },
        });
        const answer = await call(app.url, '/elsewhere', { method: 'POST' });
        const token = way.received(answer) as string;
        expect(answer.headers['location']).toBe('/views?next=1');
        expect(answer.text).not.toContain(token);
      },
    );
  });

  describe.each(WAYS)('ASVS 14.2.2: nothing with a token can be cached: $title', (way) => {
    let app: RunningApp;

    beforeEach(async () => {
      app = await startApp(platform, {
        imports: [
          SessionModule.forRoot({ logger: SILENT, transport: way.transport() }),
          ActingModule,
          AnswersMiddlewareModule,
        ],
        controllers: answersOf(platform),
        prepare: (nest) => nest.useGlobalFilters(new MarkingFilter(platform)),
      });
    });

    const begin = async (): Promise<string> => way.received(await call(app.url, '/answers/object')) as string;

    it.each<[Act, RegExp]>([
      ['issue', /^[\w-]{43}$/],
      ['renew', /^[\w-]{43}$/],
      ['clear', /^$/],
    ])('ASVS 14.2.2: no-store and Vary with each kind of answer: %s', async (act, expected) => {
      const seen = kindsOf(platform).map(async ({ name, path, method }) => {
        const headers = act === 'issue' ? {} : way.send(await begin());
        const answer = await call(app.url, path, { method, headers: { ...headers, 'X-Act': act } });
        return { name, token: way.received(answer), forbidden: forbidsCaching(answer), varies: varies(answer, way) };
      });
      for (const each of await Promise.all(seen)) {
        expect(each).toMatchObject({ token: expect.stringMatching(expected), forbidden: true, varies: true });
      }
    });

    it('ASVS 14.2.2: without a token the answer stays as it is, and varies with what was read', async () => {
      const token = await begin();
      for (const { name, path, method } of kindsOf(platform)) {
        const answer = await call(app.url, path, { method, headers: way.send(token) });
        expect([name, way.received(answer)]).toEqual([name, undefined]);
        expect([name, varies(answer, way)]).toEqual([name, true]);
      }
    });
  });

  describe('ASVS 14.2.2: what the head of an answer says to one cache', () => {
    const named = [...FOR_ONE_CACHE, 'X-Accel-Expires'].map((name): [string, string] => [name, '3600']);

    /** Answers with this head; a POST begins a session. */
    const startWith = (head: unknown): Promise<RunningApp> => {
      @Module({})
      class HeadModule implements NestModule {
        configure(consumer: MiddlewareConsumer): void {
          consumer
            .apply((request: IncomingMessage & { session: { views?: number } }, response: ServerResponse) => {
              if (request.method === 'POST') request.session.views = 1;
              for (const name of response.getHeaderNames()) response.removeHeader(name);
              response.writeHead(200, head as OutgoingHttpHeaders).end('ok');
            })
            .forRoutes('*path');
        }
      }
      const imports = [SessionModule.forRoot({ logger: SILENT }), HeadModule];
      return startApp(platform, { imports, controllers: [] });
    };

    it.each<[string, unknown]>([
      ['an object', Object.fromEntries(named)],
      ['names in lower case', Object.fromEntries(named.map(([name, value]) => [name.toLowerCase(), value]))],
      ['a flat list', named.flat()],
      ['a list of pairs', named],
    ])('ASVS 14.2.2: gives way to the token: %s', async (_name, head) => {
      const app = await startWith(head);
      const answer = await call(app.url, '/any', { method: 'POST' });
      expect(answer.token).toMatch(/^[\w-]{43}$/);
      expect(forbidsCaching(answer)).toBe(true);
      for (const name of FOR_ONE_CACHE) expect([name, answer.headers[name.toLowerCase()]]).toEqual([name, 'no-store']);
      expect(answer.headers['x-accel-expires']).toBe('0');
    });

    it('ASVS 14.2.2: is sent as it is without a token, also after an answer with one', async () => {
      const app = await startWith(Object.fromEntries(named));
      await call(app.url, '/any', { method: 'POST' });
      const { headers } = await call(app.url, '/any');
      for (const [name, value] of named) expect([name, headers[name.toLowerCase()]]).toEqual([name, value]);
    });
  });

  it('ASVS 14.2.2: an answer that could have come by any of several ways varies with all of them', async () => {
    const transport = TOGETHER.map((carrier) => carrier.transport());
    const app = await startApp(platform, { controllers: [CounterController], session: { transport } });
    for (const method of ['GET', 'POST']) {
      const { headers } = await call(app.url, '/views', { method });
      expect(headers['vary']).toBe(TOGETHER.map(({ vary }) => vary).join(', '));
    }
  });

  it('ASVS 14.2.2, P32: a refusal in place of an answer that was to be cached is not cached either', async () => {
    const store = new ProbedStore();
    const app = await startApp(platform, {
      imports: [SessionModule.forRoot({ logger: SILENT, store }), ActingModule],
      controllers: answersOf(platform),
    });
    store.before = () => {
      throw new Error('disk full');
    };
    for (const { name, path, method } of kindsOf(platform).filter((kind) => !kind.name.startsWith('middleware'))) {
      const answer = await call(app.url, path, { method });
      expect([name, answer.status, answer.token]).toEqual([name, 503, undefined]);
      expect([name, forbidsCaching(answer)]).toEqual([name, true]);
    }
  });
});
