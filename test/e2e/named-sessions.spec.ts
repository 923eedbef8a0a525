import {
  Controller,
  DefaultValuePipe,
  Get,
  Module,
  Req,
  type MiddlewareConsumer,
  type NestModule,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import {
  cookie,
  getSessionStoreToken,
  header,
  InjectSessionService,
  MemoryStore,
  RequireLogin,
  RequireRecentLogin,
  RequireSession,
  session,
  Session,
  SessionGuard,
  SessionModule,
  SessionService,
  UserId,
} from 'nestjs-token-session';
import { testSessions } from 'nestjs-token-session/testing';
import { closeApps, SILENT, startApp, type AppPlan } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, type Answer, type CallOptions } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import {
  adminEvents,
  adminService,
  BOTH_CONTROLLERS,
  bothKinds,
  cookieIn,
  Jar,
  type Seen,
} from '../support/named-sessions.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

// What an answer says and how it fails: named-sessions-answers.spec.ts. What is refused at boot: named-sessions-boot.spec.ts.

afterEach(closeApps);

describe.each(PLATFORMS)('named sessions on %s', (platform) => {
  let shop: ProbedStore;
  let admin: ProbedStore;
  let running: RunningApp;
  let jar: Jar;

  async function start(plan: Partial<AppPlan> = {}): Promise<void> {
    [shop, admin, jar] = [new ProbedStore(), new ProbedStore(), new Jar()];
    running = await startApp(platform, {
      controllers: BOTH_CONTROLLERS,
      imports: bothKinds({ store: shop }, { store: admin }),
      ...plan,
    });
  }

  const ask = async (path: string, options: CallOptions = {}): Promise<Answer> =>
    jar.take(await call(running.url, path, { ...options, headers: { ...jar.headers, ...options.headers } }));
  const get = (path: string): Promise<Answer> => ask(path);
  const post = (path: string): Promise<Answer> => ask(path, { method: 'POST' });

  function forgetCalls(): void {
    shop.calls.length = admin.calls.length = 0;
  }

  it('each has its own token, store and data; req.session is the default one', async () => {
    await start();
    expect((await get('/shop/count')).text).toBe('1');
    expect([shop.calls, admin.calls, jar.names]).toEqual([['create'], [], ['__Host-sid']]);
    expect((await get('/admin/count')).text).toBe('1');
    expect([shop.count(), admin.count()]).toEqual([1, 1]);
    expect((await get('/both/count')).text).toBe('2 11 true');
    expect((await get('/shop/count')).text).toBe('3');
    expect((await get('/admin/count')).text).toBe('12');
  });

  it('who signs in to one is not signed in to the other; a logout ends one only', async () => {
    await start();
    await post('/shop/login/ada');
    expect([(await get('/shop/me')).text, (await get('/admin/me')).status]).toEqual(['ada', 401]);
    await post('/admin/login/root');
    expect([(await get('/shop/me')).text, (await get('/admin/me')).text]).toEqual(['ada', 'root']);

    const left = await post('/shop/logout');
    expect([cookieIn(left, '__Host-sid'), cookieIn(left, '__Host-admin')]).toEqual(['', undefined]);
    expect([(await get('/shop/me')).status, (await get('/admin/me')).text]).toEqual([401, 'root']);
    await post('/shop/login/ada');
    await post('/admin/logout');
    expect([(await get('/shop/me')).text, (await get('/admin/me')).status]).toEqual(['ada', 401]);
  });

  it('ASVS 7.4.3: sessions of one user id in both are listed and ended apart', async () => {
    await start();
    await post('/both/login/7');
    const [ours, theirs] = [running.get(SessionService), adminService(running)];
    expect([(await ours.list('7')).length, (await theirs.list('7')).length]).toEqual([1, 1]);
    expect(await theirs.destroyAll('7')).toBe(1);
    expect([(await get('/shop/me')).text, (await get('/admin/me')).status]).toEqual(['7', 401]);
  });

  it('law 10: one load and one commit for each request and layer', async () => {
    await start();
    await get('/both/count');
    forgetCalls();
    await get('/both/count');
    expect([shop.calls, admin.calls]).toEqual([
      ['load', 'update'],
      ['load', 'update'],
    ]);
  });

  it('law 3: a session that is not used costs nothing, and Vary tells of those that are', async () => {
    await start({
      imports: bothKinds({ store: (shop = new ProbedStore()), transport: header() }, { store: new ProbedStore() }),
    });
    expect((await get('/shop/count')).headers['vary']).toBe('X-Auth-Token');
    expect((await get('/admin/count')).headers['vary']).toBe('Cookie');
    const both = await get('/both/count');
    expect(String(both.headers['vary']).split(', ').toSorted()).toEqual(['Cookie', 'X-Auth-Token']);
    expect([typeof both.token, cookieIn(both, '__Host-admin')]).toEqual(['string', undefined]);
  });

  it('law 4: nothing leaves before both are stored, and both are stored at once', async () => {
    await start();
    const stored = new Barrier(2);
    for (const store of [shop, admin]) store.before = (operation) => operation === 'create' && stored.pass();
    let told = false;
    const answering = get('/both/count').then((answer) => {
      told = true;
      return answer;
    });
    // Both are on their way before either has been confirmed.
    await stored.arrived;
    await call(running.url, '/nowhere');
    expect(told).toBe(false);
    stored.open();
    expect((await answering).text).toBe('1 10 true');
    expect(jar.names).toEqual(['__Host-sid', '__Host-admin']);
  });

  it.each(['shop', 'admin'] as const)('law 4: nothing leaves while one is stored and %s is not', async (slow) => {
    await start();
    const [waiting, quick] = slow === 'shop' ? [shop, admin] : [admin, shop];
    const barrier = new Barrier();
    waiting.before = (operation) => operation === 'create' && barrier.pass();
    let told = false;
    const answering = get('/both/count').then(() => (told = true));
    await barrier.arrived;
    for (let round = 0; round < 3; round++) await call(running.url, '/nowhere');
    expect([told, quick.count(), waiting.count()]).toEqual([false, 1, 0]);
    barrier.open();
    await answering;
  });

  it('law 5: parallel requests lose no update of either', async () => {
    await start();
    await get('/both/count');
    await Promise.all(Array.from({ length: 20 }, () => post('/both/increment')));
    expect((await get('/both/count')).text).toBe('22 40 true');
  });

  it('law 10: parallel requests with different pairs of sessions see their own', async () => {
    await start();
    const jars = Array.from({ length: 10 }, () => new Jar());
    const me = (own: Jar, path: string): Promise<Answer> => call(running.url, path, { headers: own.headers });
    await Promise.all(
      jars.map(async (own, index) => {
        for (const [kind, user] of [
          ['shop', `customer-${String(index)}`],
          ['admin', `staff-${String(9 - index)}`],
        ]) {
          own.take(await call(running.url, `/${kind}/login/${user}`, { method: 'POST', headers: own.headers }));
        }
      }),
    );
    const answers = await Promise.all(jars.flatMap((own) => [me(own, '/shop/me'), me(own, '/admin/me')]));
    expect(answers.map(({ text }) => text)).toEqual(
      jars.flatMap((_, index) => [`customer-${String(index)}`, `staff-${String(9 - index)}`]),
    );
  });

  it('law 7: both sign-ins of one request give their tokens', async () => {
    await start();
    await get('/both/count');
    const before = jar.headers['Cookie'];
    const answer = await post('/both/login/ada');
    expect([cookieIn(answer, '__Host-sid'), cookieIn(answer, '__Host-admin')]).toEqual([
      expect.stringMatching(/^[\w-]{43}$/),
      expect.stringMatching(/^[\w-]{43}$/),
    ]);
    expect((await call(running.url, '/shop/me', { headers: { Cookie: before ?? '' } })).status).toBe(401);
    expect([(await get('/shop/me')).text, (await get('/admin/me')).text]).toEqual(['ada', 'ada']);
  });

  describe('one layer and the token, session or service of the other', () => {
    const same = 'both layers at work on the very same records, as with one prefix in one Redis';

    it(`law 1: a token opens nothing in the other's place, not even with ${same}`, async () => {
      const records = new MemoryStore();
      const [ours, theirs] = [new ProbedStore(records), new ProbedStore(records)];
      await start({ imports: bothKinds({ store: ours }, { store: theirs }) });
      await post('/shop/login/mallory');
      const token = /__Host-sid=([\w-]{43})/.exec(jar.headers['Cookie'] ?? '')?.[1] ?? '';
      const misplaced = { Cookie: `__Host-admin=${token}` };
      expect((await call(running.url, '/admin/me', { headers: misplaced })).status).toBe(401);
      expect((await call(running.url, '/shop/me', { headers: { Cookie: `__Host-sid=${token}` } })).text).toBe(
        'mallory',
      );
      expect(await adminService(running).load(token)).toBeUndefined();
      expect(await running.get(SessionService).load(token)).toBeDefined();

      await post('/admin/login/root');
      const admins = /__Host-admin=([\w-]{43})/.exec(jar.headers['Cookie'] ?? '')?.[1] ?? '';
      expect((await call(running.url, '/shop/me', { headers: { Cookie: `__Host-sid=${admins}` } })).status).toBe(401);
      expect(await running.get(SessionService).load(admins)).toBeUndefined();
    });

    it('law 12: a service refuses the sessions of the other, and says which service takes them', async () => {
      await start();
      await post('/both/login/ada');
      const [ours, theirs] = [running.get(SessionService), adminService(running)];
      const load = async (service: SessionService, name: string): Promise<Session<Seen>> => {
        const token = new RegExp(`${name}=([\\w-]{43})`).exec(jar.headers['Cookie'] ?? '')?.[1] ?? '';
        return (await service.load<Seen>(token)) as Session<Seen>;
      };
      for (const [service, sess, hint] of [
        [ours, await load(theirs, '__Host-admin'), "the default session layer.*of the session layer 'admin'.*@Inject"],
        [theirs, await load(ours, '__Host-sid'), "the session layer 'admin'.*of the default.*inject SessionService"],
      ] as const) {
        const refused = { code: 'FOREIGN_SESSION', message: expect.stringMatching(new RegExp(hint)) as string };
        sess.seen = 5;
        for (const operation of [
          () => service.save(sess),
          () => service.reload(sess),
          () => service.touch(sess),
          () => service.regenerate(sess),
          () => service.update(sess, () => undefined),
          () => service.login(sess, 'eve'),
          () => service.reauthenticate(sess),
          () => service.destroyAll('ada', { except: sess }),
          () => service.destroy(sess),
        ]) {
          await expect(operation()).rejects.toMatchObject(refused);
        }
        expect(() => service.info(sess)).toThrow(expect.objectContaining(refused));
      }
      // Nothing has happened to either.
      expect([(await get('/shop/me')).text, (await get('/admin/me')).text]).toEqual(['ada', 'ada']);
      expect((await get('/both/count')).text).toBe('1 10 true');
    });
  });

  it('law 12: each tells its own events', async () => {
    await start();
    const [ours, theirs] = [collectEvents(running), adminEvents(running)];
    await post('/shop/login/ada');
    await post('/admin/login/root');
    await get('/admin/me');
    await post('/admin/logout');
    await get('/admin/me');
    expect(ours.map(({ type }) => type)).toEqual(['session_created', 'authn_login_success']);
    expect(theirs.map(({ type }) => type)).toEqual([
      'session_created',
      'authn_login_success',
      'session_destroyed',
      'authz_fail',
    ]);
  });

  it('overrideProvider(getSessionStoreToken(name)) replaces the store of that one, and it is injected by it', async () => {
    const replaced = new ProbedStore();
    await start({ override: (builder) => builder.overrideProvider(getSessionStoreToken('admin')).useValue(replaced) });
    await get('/both/count');
    expect([shop.calls, admin.calls, replaced.calls]).toEqual([['create'], [], ['create']]);
    expect(running.app.get<unknown>(getSessionStoreToken('admin'), { strict: false })).toBe(replaced);
    expect(running.app.get<unknown>(getSessionStoreToken(), { strict: false })).toBe(shop);
  });

  it('testSessions makes sessions of the layer that is named', async () => {
    await start();
    const { headers, token } = await testSessions(running.app, { name: 'admin' }).signedIn('root', {
      data: { seen: 5 },
    });
    expect((await call(running.url, '/admin/me', { headers })).text).toBe('root');
    expect((await call(running.url, '/admin/count', { headers })).text).toBe('6');
    expect(await testSessions(running.app).stored(token)).toBeUndefined();
    expect(await testSessions(running.app, { name: 'admin' }).stored(token)).toMatchObject({ data: { seen: 6 } });
    expect(() => testSessions(running.app, { name: 'other' })).toThrow(/no sessions 'other'/);
  });

  it('takes one key of a named session, through pipes', async () => {
    @Controller()
    class ThemeController {
      @Get('set') set(@Session({ name: 'admin' }) theirs: Session<Seen>, @Session() ours: Session<Seen>): void {
        theirs.theme = 'dark';
        ours.theme = 'blue';
      }

      @Get('themes') themes(
        @Session({ name: 'admin', key: 'theme' }, new DefaultValuePipe('light')) theirs: string,
        @Session('theme', new DefaultValuePipe('light')) ours: string,
        @Session({ key: 'theme' }) same: string | undefined,
        @UserId({ name: 'admin' }, new DefaultValuePipe('nobody')) user: string,
      ): unknown {
        return [theirs, ours, same, user];
      }
    }
    await start({ controllers: [ThemeController] });
    expect((await get('/themes')).json()).toEqual(['light', 'light', null, 'nobody']);
    await get('/set');
    expect((await get('/themes')).json()).toEqual(['dark', 'blue', 'blue', 'nobody']);
  });

  it('guards ask the session that they name; several add up', async () => {
    @Controller()
    class GuardedController {
      constructor(@InjectSessionService('admin') private readonly admins: SessionService) {}

      @Get('step-up') async stepUp(@Session({ name: 'admin' }) sess: Session): Promise<void> {
        await this.admins.reauthenticate(sess, { level: 2 });
      }

      @Get('session') @RequireSession({ name: 'admin' }) session(): string {
        return 'in';
      }

      @Get('level') @RequireLogin({ name: 'admin', level: 2 }) level(): string {
        return 'in';
      }

      @Get('recent') @RequireRecentLogin('10m', { name: 'admin' }) recent(): string {
        return 'in';
      }

      @Get('two') @RequireLogin({ name: 'admin' }) @RequireSession() two(): string {
        return 'in';
      }
    }
    const clock = new TestClock();
    await start({
      controllers: [...BOTH_CONTROLLERS, GuardedController],
      imports: bothKinds({ clock: clock.now }, { clock: clock.now }),
    });
    const codes = async (): Promise<unknown[]> =>
      Promise.all(
        ['/session', '/level', '/recent', '/two'].map(async (path) => {
          const answer = await get(path);
          return answer.status === 200 ? answer.text : (answer.json() as { code: string }).code;
        }),
      );
    await post('/shop/login/ada');
    expect(await codes()).toEqual(['SESSION_REQUIRED', 'LOGIN_REQUIRED', 'LOGIN_REQUIRED', 'LOGIN_REQUIRED']);
    await get('/admin/count');
    expect(await codes()).toEqual(['in', 'LOGIN_REQUIRED', 'LOGIN_REQUIRED', 'LOGIN_REQUIRED']);
    await post('/admin/login/root');
    expect(await codes()).toEqual(['in', 'LEVEL_REQUIRED', 'in', 'in']);
    await get('/step-up');
    clock.advance('10m');
    expect(await codes()).toEqual(['in', 'in', 'RECENT_LOGIN_REQUIRED', 'in']);
    await post('/shop/logout');
    expect(await codes()).toEqual(['in', 'in', 'RECENT_LOGIN_REQUIRED', 'SESSION_REQUIRED']);
  });

  it('SessionGuard as a global guard requires the default session, where a handler says no other', async () => {
    await start({ providers: [{ provide: APP_GUARD, useClass: SessionGuard }] });
    expect((await get('/admin/count')).json()).toMatchObject({ code: 'SESSION_REQUIRED' });
    const held = await running.get(SessionService).login(
      // Outside of a request, as another part of the system would.
      (await signedUp(running)) as Session,
      'ada',
    );
    const token = running.get(SessionService).info(held).token ?? '';
    const headers = { Cookie: `__Host-sid=${token}` };
    expect((await call(running.url, '/admin/count', { headers })).text).toBe('1');
    // What names a layer asks that one, and nothing of the other.
    expect((await call(running.url, '/admin/me', { headers })).json()).toMatchObject({ code: 'LOGIN_REQUIRED' });
  });

  it('middleware, which sees Node\u2019s request on Fastify, gets it by SessionService.of', async () => {
    @Module({})
    class CountingModule implements NestModule {
      constructor(@InjectSessionService('admin') private readonly admins: SessionService) {}

      configure(consumer: MiddlewareConsumer): void {
        consumer
          .apply((request: object, _response: object, next: () => void) => {
            const sess = this.admins.of<Seen>(request);
            if (sess !== undefined) sess.seen = (sess.seen ?? 0) + 1;
            next();
          })
          .forRoutes('admin/count');
      }
    }
    await start({ imports: [CountingModule, ...bothKinds()] });
    expect((await get('/admin/count')).text).toBe('2');
    expect((await get('/admin/count')).text).toBe('4');
    expect((await get('/shop/count')).text).toBe('1');
  });

  it('exclude is of each; what is not there is an error that names it', async () => {
    @Controller('open')
    class OpenController {
      constructor(@InjectSessionService('admin') private readonly admins: SessionService) {}

      @Get('ours') ours(@Session() sess: Session<Seen>): string {
        return String((sess.seen = 1));
      }

      @Get('theirs') theirs(@Session({ name: 'admin' }) sess: Session): string {
        return String(sess.isNew);
      }

      @Get('other') other(@Session({ name: 'other' }) sess: Session): string {
        return String(sess.isNew);
      }

      @Get('of') of(@Req() request: object): string {
        return this.admins.of(request) === undefined ? 'undefined' : 'a session';
      }
    }
    const messages: string[] = [];
    await start({
      controllers: [OpenController],
      imports: bothKinds({}, { exclude: ['/open'] }),
      prepare: (app) =>
        app.useGlobalFilters({
          catch(error: Error, host) {
            messages.push(error.message);
            app.getHttpAdapter().reply(host.switchToHttp().getResponse(), 'failed', 500);
          },
        }),
    });
    expect((await get('/open/ours')).text).toBe('1');
    expect((await get('/open/of')).text).toBe('undefined');
    for (const path of ['/open/theirs', '/open/other']) expect((await get(path)).status).toBe(500);
    expect(messages).toEqual([
      expect.stringMatching(/no session layer 'admin'.*forRoot\(store, { name: 'admin' }\).*`exclude`/),
      expect.stringMatching(/no session layer 'other'.*forRoot\(store, { name: 'other' }\)/),
    ]);
  });

  it('a named one alone leaves req.session to others, and @Session() without a name is an error', async () => {
    @Controller()
    class RestController {
      @Get('free') free(@Req() request: object): string {
        return String('session' in request);
      }

      @Get('unnamed') unnamed(@Session() sess: Session): string {
        return String(sess.isNew);
      }

      @Get('named') named(@Session({ name: 'admin' }) sess: Session<Seen>): string {
        return String((sess.seen = (sess.seen ?? 0) + 1));
      }
    }
    await start({
      controllers: [RestController],
      imports: [SessionModule.forRoot({ name: 'admin', transport: cookie({ name: '__Host-admin' }), logger: SILENT })],
    });
    expect((await get('/free')).text).toBe('false');
    expect((await get('/unnamed')).status).toBe(500);
    await get('/named');
    expect((await get('/named')).text).toBe('2');
  });

  it('session() in main.ts may be the default one beside a named module', async () => {
    const [ours, theirs] = [new ProbedStore(), new ProbedStore()];
    @Controller()
    class MixedController {
      @Get('mixed') mixed(@Session() one: Session<Seen>, @Session({ name: 'admin' }) other: Session<Seen>): string {
        one.seen = (one.seen ?? 0) + 1;
        other.seen = (other.seen ?? 0) + 10;
        return `${String(one.seen)} ${String(other.seen)}`;
      }
    }
    await start({
      controllers: [MixedController],
      imports: [
        SessionModule.forRoot(theirs, {
          name: 'admin',
          transport: cookie({ name: '__Host-admin' }),
          logger: SILENT,
        }),
      ],
      prepare: (app) => app.use(session({ store: ours, transport: cookie(), logger: SILENT })),
    });
    expect((await get('/mixed')).text).toBe('1 10');
    expect((await get('/mixed')).text).toBe('2 20');
    expect([ours.calls, theirs.calls]).toEqual([
      ['create', 'load', 'update'],
      ['create', 'load', 'update'],
    ]);
    for (const failing of [ours, theirs]) {
      failing.before = (operation) => {
        if (operation === 'update') throw new Error('down');
      };
      expect((await get('/mixed')).status).toBe(503);
      failing.before = undefined;
    }
    expect((await get('/mixed')).status).toBe(200);
  });
});

/** A stored session of the default layer, made without a request. */
async function signedUp(running: RunningApp): Promise<Session | undefined> {
  const { token } = await testSessions(running.app).anonymous();
  return running.get(SessionService).load(token);
}
