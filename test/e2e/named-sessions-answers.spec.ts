import {
  Controller,
  Get,
  Module,
  Post,
  Req,
  RequestMethod,
  Res,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import { cookie, header, InjectSessionService, Session, SessionModule, SessionService } from 'nestjs-token-session';
import {
  AnswersMiddlewareModule,
  answersOf,
  kindsOf,
  MarkingFilter,
  takeOver,
  type AnswerKind,
  type AnyResponse,
} from '../support/answers.js';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, Connection, type Answer } from '../support/client.js';
import { adminService, bothKinds, cookieIn, Jar, type Seen } from '../support/named-sessions.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

/** Changes the session of the staff in every request; the handlers of all kinds of answers change the default one. */
@Module({})
class StaffModule implements NestModule {
  constructor(@InjectSessionService('admin') private readonly admins: SessionService) {}

  configure(consumer: MiddlewareConsumer): void {
    consumer
      .apply((request: object, _response: object, next: () => void) => {
        const sess = this.admins.of<Seen>(request);
        if (sess !== undefined) sess.seen = (sess.seen ?? 0) + 1;
        next();
      })
      .forRoutes({ path: 'answers/*path', method: RequestMethod.ALL });
  }
}

let barrier: Barrier;
let seen: unknown[];

const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code;

@Controller('late')
class LateController {
  constructor(
    private readonly shop: SessionService,
    @InjectSessionService('admin') private readonly admins: SessionService,
  ) {}

  /** The default session changes first; that of the staff is first used once the answer has begun. */
  @Get('second') second(@Session() ours: Session<Seen>, @Req() request: object, @Res() response: AnyResponse): void {
    ours.seen = 1;
    takeOver(response).end('answered');
    const theirs = this.admins.of<Seen>(request);
    seen = [theirs?.isNew];
    try {
      if (theirs !== undefined) theirs.seen = 1;
    } catch (error) {
      seen.push(codeOf(error));
    }
  }

  /** As in the seed, with both. */
  @Get('breath') breath(
    @Session() ours: Session<Seen>,
    @Session({ name: 'admin' }) theirs: Session<Seen>,
    @Res() response: AnyResponse,
  ): void {
    takeOver(response).end('answered');
    ours.seen = (ours.seen ?? 0) + 1;
    theirs.seen = (theirs.seen ?? 0) + 1;
  }

  /** Node looks `end` up before its arguments are made, in which the sessions are first used. */
  @Get('arguments') arguments(@Req() request: object, @Res() response: AnyResponse): void {
    const raw = takeOver(response);
    const use = (): string => {
      const [ours, theirs] = [this.shop.of<Seen>(request), this.admins.of<Seen>(request)];
      if (theirs !== undefined && ours !== undefined) theirs.seen = 1;
      return 'never';
    };
    try {
      raw.end(use());
    } catch (error) {
      const ours = this.shop.of<Seen>(request);
      // The answer has not begun, for neither of them.
      if (ours !== undefined) ours.seen = 1;
      raw.statusCode = 418;
      raw.end(String(codeOf(error)));
    }
  }

  /** Node takes the first headers, our cookies among them, and refuses the last. */
  @Get('bad-head') badHead(
    @Session() ours: Session<Seen>,
    @Session({ name: 'admin' }) theirs: Session<Seen>,
    @Res() response: AnyResponse,
  ): void {
    ours.seen = theirs.seen = 1;
    const raw = takeOver(response);
    raw.setHeader('X-First', '1');
    raw.writeHead(200, { 'Set-Cookie': ['own=1'], 'X-Bad': 'a\nb' });
    raw.end('never');
  }

  /** Read within the arguments, changed afterwards: too late for both. */
  @Get('overtaken') overtaken(@Req() request: object, @Res() response: AnyResponse): void {
    const raw = takeOver(response);
    const all = (): Session<Seen>[] =>
      [this.shop, this.admins].map((service) => service.of<Seen>(request) as Session<Seen>);
    raw.end(
      all()
        .map(({ seen: count }) => count)
        .join(' '),
    );
    seen = all().map((sess) => {
      try {
        return (sess.seen = 9);
      } catch (error) {
        return codeOf(error);
      }
    });
  }

  @Post('logout') async logout(
    @Session() ours: Session,
    @Session({ name: 'admin' }) theirs: Session<Seen>,
  ): Promise<void> {
    await this.shop.destroy(ours);
    theirs.seen = 2;
  }

  @Get('unstorable') unstorable(
    @Session() ours: Session<Seen>,
    @Session({ name: 'admin' }) theirs: Session<{ seen: unknown }>,
  ): void {
    ours.seen = 1;
    theirs.seen = 1n;
  }
}

type Failing = 'default' | 'admin';

describe.each(PLATFORMS)('answers with two sessions on %s', (platform) => {
  const kinds = kindsOf(platform).map((kind): [string, AnswerKind] => [kind.name, kind]);
  let stores: Record<Failing, ProbedStore>;
  let filter: MarkingFilter;
  let running: RunningApp;
  let bare: RunningApp;

  beforeAll(async () => {
    stores = { default: new ProbedStore(), admin: new ProbedStore() };
    filter = new MarkingFilter(platform);
    running = await startApp(platform, {
      controllers: [...answersOf(platform), LateController],
      imports: [...bothKinds({ store: stores.default }, { store: stores.admin }), StaffModule, AnswersMiddlewareModule],
      prepare: (app) => app.useGlobalFilters(filter),
    });
    const bareFilter = new MarkingFilter(platform);
    bare = await startApp(platform, {
      controllers: answersOf(platform),
      imports: [AnswersMiddlewareModule],
      prepare: (app) => app.useGlobalFilters(bareFilter),
    });
  });
  afterAll(closeApps);
  beforeEach(() => {
    for (const store of Object.values(stores)) store.before = undefined;
    filter.caught.length = 0;
  });

  function failAt(operation: string, ...failing: Failing[]): void {
    for (const name of failing) {
      stores[name].before = (called) => {
        if (called === operation) throw new Error(`${name} is down`);
      };
    }
  }

  const both = (answer: Answer): unknown[] => [cookieIn(answer, '__Host-sid'), cookieIn(answer, '__Host-admin')];
  const TOKEN = expect.stringMatching(/^[\w-]{43}$/) as unknown;

  const foreign = (answer: Answer): Record<string, unknown> => {
    const { date, vary, 'cache-control': cache, 'set-cookie': cookies, ...headers } = answer.headers;
    const own = answer.cookies.filter((line) => !line.startsWith('__Host-'));
    return { status: answer.status, text: answer.text, headers, own: own.toSorted() };
  };

  it.each(kinds)('law 4: %s: both tokens go out with the answer as it was given', async (_name, kind) => {
    const given = await call(bare.url, kind.path, kind);
    const answer = await call(running.url, kind.path, kind);
    // Of such a list bare Node sends the last cookie only, where headers were set before; here none is lost.
    const own = kind.name === 'write-head-list' ? { own: ['a=1', 'b=2'] } : {};
    expect(foreign(answer)).toEqual({ ...foreign(given), ...own });
    expect(both(answer)).toEqual([TOKEN, TOKEN]);
    expect(answer.headers['cache-control']).toMatch(/no-store/);
    const vary = String(answer.headers['vary']).split(', ');
    expect(vary.filter((name) => name === 'Cookie')).toEqual(['Cookie']);

    const jar = new Jar();
    jar.take(answer);
    const [sid, admin] = both(answer) as [string, string];
    expect(await running.get(SessionService).load(sid)).toMatchObject({ seen: 1 });
    expect(await adminService(running).load(admin)).toMatchObject({ seen: 1 });
  });

  describe.each([
    ['the default session', ['default']],
    ['the named session', ['admin']],
    ['both', ['default', 'admin']],
  ] as const)('the store of %s is down', (_whose, failing) => {
    const has = (name: Failing): boolean => !failing.some((one) => one === name);

    it.each(kinds)('law 4: %s: a 503 of the filters, and the token of what was stored', async (_name, kind) => {
      failAt('create', ...failing);
      const connection = new Connection(running.url);
      const answer = await connection.call(kind.path, kind);
      expect({ status: answer.status, filter: answer.headers['x-filter'] }).toEqual({ status: 503, filter: 'yes' });
      if (kind.method !== 'HEAD') expect(answer.json()).toEqual({ filtered: true, code: 'STORE_UNAVAILABLE' });
      expect(both(answer)).toEqual([has('default') ? TOKEN : undefined, has('admin') ? TOKEN : undefined]);
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(filter.caught.at(-1)).toMatchObject({ error: { code: 'STORE_UNAVAILABLE' }, givenFrameworks: true });

      for (const store of Object.values(stores)) store.before = undefined;
      const [sid, admin] = both(answer) as [string | undefined, string | undefined];
      // What was stored stays stored.
      if (sid !== undefined) expect(await running.get(SessionService).load(sid)).toMatchObject({ seen: 1 });
      if (admin !== undefined) expect(await adminService(running).load(admin)).toMatchObject({ seen: 1 });
      expect((await connection.call('/answers/object')).json()).toEqual({ ok: true });
      expect(connection.opened).toBe(1);
      connection.close();
    });

    it('law 4: a change that is not stored is a 503 too; no token is sent or taken back', async () => {
      const jar = new Jar();
      jar.take(await call(running.url, '/answers/object'));
      failAt('update', ...failing);
      for (const path of ['/answers/object', '/answers/raw-end', '/answers/sse', '/answers/http-exception']) {
        const answer = await call(running.url, path, { headers: jar.headers });
        expect([path, answer.status, ...both(answer)]).toEqual([path, 503, undefined, undefined]);
      }
    });

    it('law 9: at the load: 503 where that session is used, and only there', async () => {
      const jar = new Jar();
      jar.take(await call(running.url, '/late/breath'));
      failAt('load', ...failing);
      expect((await call(running.url, '/answers/object', { headers: jar.headers })).status).toBe(503);
      expect((await call(running.url, '/nowhere', { headers: jar.headers })).status).toBe(404);
    });

    it('law 9: an answer that waits for the slow store does not go out for the other one\u2019s fault', async () => {
      barrier = new Barrier();
      const slow = failing.length === 2 || failing[0] === 'default' ? stores.admin : stores.default;
      failAt('create', ...failing);
      slow.before = async (operation) => {
        if (operation !== 'create') return;
        await barrier.pass();
        if (failing.length === 2) throw new Error('down after all');
      };
      let told = false;
      const answering = call(running.url, '/answers/object').then((answer) => {
        told = true;
        return answer;
      });
      await barrier.arrived;
      for (let round = 0; round < 3; round++) await call(running.url, '/nowhere');
      expect(told).toBe(false);
      barrier.open();
      const answer = await answering;
      expect([answer.status, ...both(answer)]).toEqual([
        503,
        has('default') ? TOKEN : undefined,
        has('admin') ? TOKEN : undefined,
      ]);
    });
  });

  it('law 6: the logout of one is done although the change of the other is not stored', async () => {
    const jar = new Jar();
    jar.take(await call(running.url, '/late/breath'));
    failAt('update', 'admin');
    const answer = await call(running.url, '/late/logout', { method: 'POST', headers: jar.headers });
    expect([answer.status, ...both(answer)]).toEqual([503, '', undefined]);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('law 11: data that one can not carry is refused, and what the other stored stays', async () => {
    const answer = await call(running.url, '/late/unstorable');
    expect([answer.status, ...both(answer)]).toEqual([500, TOKEN, undefined]);
    expect(filter.caught.at(-1)).toMatchObject({ error: { code: 'DATA_NOT_STORABLE' } });
  });

  it('law 4: the error in place of an answer that Node refuses sets each cookie once', async () => {
    const answer = await call(running.url, '/late/bad-head');
    expect([answer.status, ...both(answer)]).toEqual([500, TOKEN, TOKEN]);
    expect(answer.cookies).toHaveLength(3);
  });

  it('what is assigned to both in the same breath as res.end() is stored', async () => {
    const jar = new Jar();
    jar.take(await call(running.url, '/late/breath'));
    const again = await call(running.url, '/late/breath', { headers: jar.headers });
    expect([again.text, ...both(again)]).toEqual(['answered', undefined, undefined]);
    const [sid = '', admin = ''] = (jar.headers['Cookie'] ?? '').split('; ').map((pair) => pair.split('=')[1]);
    expect(await running.get(SessionService).load(sid)).toMatchObject({ seen: 2 });
    expect(await adminService(running).load(admin)).toMatchObject({ seen: 2 });
  });

  it('law 4: a session that is first used once the other one\u2019s answer has begun takes no change', async () => {
    const answer = await call(running.url, '/late/second');
    expect([answer.status, answer.text, ...both(answer)]).toEqual([200, 'answered', TOKEN, undefined]);
    expect(seen).toEqual([true, 'ALREADY_ANSWERED']);
  });

  it('law 4: sessions that are first used within the arguments of res.end() take no change afterwards', async () => {
    const jar = new Jar();
    jar.take(await call(running.url, '/late/breath'));
    const answer = await call(running.url, '/late/overtaken', { headers: jar.headers });
    expect([answer.status, answer.text]).toEqual([200, '1 1']);
    expect(seen).toEqual(['ALREADY_ANSWERED', 'ALREADY_ANSWERED']);
  });

  it('law 4: a change within the arguments of res.end() is an error for the one, and the other can still be changed', async () => {
    const answer = await call(running.url, '/late/arguments');
    expect([answer.status, answer.text, ...both(answer)]).toEqual([418, 'ALREADY_ANSWERED', TOKEN, TOKEN]);
  });
});

describe.each(PLATFORMS)('answers with three sessions on %s', (platform) => {
  afterEach(closeApps);

  it('law 4: a transport of one that fails is a 500, with the tokens of the others', async () => {
    @Controller()
    class ThreeController {
      @Get('three') three(
        @Session() one: Session<Seen>,
        @Session({ name: 'faulty' }) two: Session<Seen>,
        @Session({ name: 'admin' }) three: Session<Seen>,
      ): string {
        one.seen = two.seen = three.seen = 1;
        return 'done';
      }
    }
    const faulty = {
      ...header('X-Faulty'),
      send: () => {
        throw new Error('no way to send');
      },
    };
    const { url } = await startApp(platform, {
      controllers: [ThreeController],
      imports: [
        ...bothKinds(),
        SessionModule.forRoot({ name: 'faulty', transport: faulty, logger: { warn: () => 0, error: () => 0 } }),
      ],
    });
    const answer = await call(url, '/three');
    expect([answer.status, cookieIn(answer, '__Host-sid'), cookieIn(answer, '__Host-admin')]).toEqual([
      500,
      expect.stringMatching(/^[\w-]{43}$/),
      expect.stringMatching(/^[\w-]{43}$/),
    ]);
  });

  it('headers of all: Set-Cookie once for each, Vary merged, no-store', async () => {
    @Controller()
    class ThreeController {
      @Get('three') three(
        @Session() one: Session<Seen>,
        @Session({ name: 'mobile' }) two: Session<Seen>,
        @Session({ name: 'admin' }) three: Session<Seen>,
      ): string {
        one.seen = two.seen = three.seen = 1;
        return 'done';
      }
    }
    const { url } = await startApp(platform, {
      controllers: [ThreeController],
      imports: [
        ...bothKinds({}, { transport: cookie({ name: '__Host-admin', sameSite: 'strict' }) }),
        SessionModule.forRoot({ name: 'mobile', transport: header('X-Mobile') }),
      ],
    });
    const answer = await call(url, '/three');
    expect([answer.status, answer.text, answer.headers['x-mobile']]).toEqual([
      200,
      'done',
      expect.stringMatching(/^[\w-]{43}$/),
    ]);
    const lines = answer.cookies.map((line) => line.replace(/=[\w-]{43};/, '=…;').replace(/Max-Age=\d+/, 'Max-Age'));
    expect(lines.toSorted()).toEqual([
      '__Host-admin=…; Max-Age; Path=/; HttpOnly; Secure; SameSite=Strict',
      '__Host-sid=…; Max-Age; Path=/; HttpOnly; Secure; SameSite=Lax',
    ]);
    expect(String(answer.headers['vary']).split(', ').toSorted()).toEqual(['Cookie', 'X-Mobile']);
    expect(answer.headers['cache-control']).toBe('no-store');
  });
});
