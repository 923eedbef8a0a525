import { Injectable, Module, type DynamicModule, type Type } from '@nestjs/common';
import {
  bearer,
  cookie,
  CsrfExempt,
  getSessionServiceToken,
  getSessionStoreToken,
  header,
  InjectSessionService,
  MemoryStore,
  RequireLogin,
  RequireRecentLogin,
  RequireSession,
  session,
  Session,
  SESSION_STORE,
  SessionModule,
  SessionService,
  UserId,
  type SessionModuleOptions,
  type SessionOptionsFactory,
  type SessionTransport,
} from 'nestjs-token-session';
import { closeApps, SILENT, startApp, type AppPlan } from '../support/app.js';
import { call } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { adminService, BOTH_CONTROLLERS, bothKinds, cookieIn } from '../support/named-sessions.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore, SimpleMapStore } from '../support/stores.js';

const NAMES = ['admin', 'a', 'Back-Office_2', '-', '_', 'x'.repeat(32), 'constructor', '__proto__'];
const NO_NAMES: unknown[] = ['', ' ', 'x'.repeat(33), 'a b', 'ä', 'a.b', 'a:b', 'admin\n', 'default', null, 1, {}];

afterEach(closeApps);

const named = (name: string, options: SessionModuleOptions = {}): DynamicModule =>
  SessionModule.forRoot({ name, logger: SILENT, ...options });

const refused = (message: RegExp, code = 'INVALID_OPTION'): Error =>
  expect.objectContaining({ name: 'SessionConfigError', code, message: expect.stringMatching(message) }) as Error;

describe('the name of a session layer', () => {
  it.each(NO_NAMES)('%j is none, wherever it stands', (name) => {
    const given = name as string;
    const message = refused(/name: takes .*; got /);
    for (const use of [
      () => SessionModule.forRoot({ name: given }),
      () => SessionModule.forRoot(new MemoryStore(), { name: given }),
      () => SessionModule.forRootAsync({ name: given, useFactory: () => ({}) }),
      () => getSessionServiceToken(given),
      () => getSessionStoreToken(given),
      () => InjectSessionService(given),
      () => Session({ name: given }),
      () => UserId({ name: given }),
      () => RequireSession({ name: given }),
      () => RequireLogin({ name: given }),
      () => RequireRecentLogin('10m', { name: given }),
      () => CsrfExempt({ name: given }),
    ]) {
      expect(use).toThrow(message);
    }
  });

  it.each(NAMES)('%s is one', async (name) => {
    const { app } = await startApp('express', { controllers: [], imports: [named(name)] });
    const service = app.get<SessionService>(getSessionServiceToken(name), { strict: false });
    expect(await service.count()).toBe(0);
  });

  it('without a name the tokens are those of the default layer', () => {
    expect([getSessionServiceToken(), getSessionStoreToken()]).toEqual([SessionService, SESSION_STORE]);
    expect(getSessionServiceToken('admin')).toBe(getSessionServiceToken('admin'));
  });

  it('other arguments of the decorators are refused where they stand', () => {
    const odd = (value: unknown): never => value as never;
    for (const use of [
      () => Session(odd({ nmae: 'admin' })),
      () => Session(odd({ name: 'admin', key: 7 })),
      () => Session(odd(7)),
      () => UserId(odd({ key: 'theme' })),
      () => UserId(odd('admin')),
      () => RequireSession(odd('admin')),
      () => RequireRecentLogin('10m', odd('admin')),
      () => RequireRecentLogin('10m', odd({ level: 1 })),
      () => CsrfExempt(odd('admin')),
      () => CsrfExempt(odd({ level: 1 })),
    ]) {
      expect(use).toThrow(refused(/takes/));
    }
  });
});

describe.each(PLATFORMS)('several session layers on %s', (platform) => {
  const start = (imports: NonNullable<AppPlan['imports']>, controllers: Type[] = []): Promise<RunningApp> =>
    startApp(platform, { controllers, imports });

  it('the name stands beside the factory; in its options it is an error that says so', async () => {
    const inside = { name: 'admin' } as object;
    const asynchronous = SessionModule.forRootAsync({ useFactory: () => inside });
    const place = refused(/option name: .*forRoot\(store, { name }\).*beside the factory of forRootAsync.*'admin'/);
    await expect(start([asynchronous])).rejects.toEqual(place);
    expect(() => session(inside)).toThrow(place);
    expect(() => session(inside)).toThrow(/session\(\) has none/);
  });

  it('two of one name are refused, in whatever modules they are', async () => {
    @Module({ imports: [named('admin', { transport: header('X-Other') })] })
    class FeatureModule {}
    const twice = start([named('admin'), FeatureModule]);
    await expect(twice).rejects.toEqual(refused(/layer 'admin' is there twice/, 'CONFLICTING_SESSIONS'));
  });

  it('the one definition imported by several modules is one', async () => {
    const admin = named('admin');
    @Module({ imports: [admin] })
    class FeatureModule {}
    await start([admin, FeatureModule]);
  });

  const own: SessionTransport = {
    name: 'own',
    explicit: true,
    vary: 'X-Own',
    read: () => undefined,
    send: () => undefined,
    clear: () => undefined,
  };

  it.each<[string, SessionModuleOptions['transport'], SessionModuleOptions['transport'], RegExp]>([
    ['the default header', undefined, undefined, /the header x-auth-token/],
    ['a header in another case', header('X-SESSION'), header('x-session'), /the header x-session/],
    ['the default cookie', cookie(), cookie(), /the cookie __Host-sid/],
    [
      'a cookie of another path',
      cookie({ name: 'sid', path: '/a' }),
      cookie({ name: 'sid', path: '/b' }),
      /the cookie sid/,
    ],
    ['one of a list', [header(), cookie()], { accept: [header('X-Other'), cookie()] }, /the cookie __Host-sid/],
    ['Authorization', bearer(), bearer({ answerIn: 'X-Other' }), /the header authorization/],
    ["bearer's answer", bearer(), header(), /the header x-auth-token/],
    ['a transport of its own in both', own, own, /the transport own/],
    ['one that wraps ours', { ...header(), name: 'mine' }, header(), /the header x-auth-token/],
  ])('tokens in the same place are refused: %s', async (_what, ours, theirs, place) => {
    const options = (transport: SessionModuleOptions['transport']): SessionModuleOptions =>
      transport === undefined ? {} : { transport };
    const both = new RegExp(`layer.* and the .*layer.* both have their token in ${place.source}`, 'i');
    const imports = [SessionModule.forRoot({ logger: SILENT, ...options(ours) }), named('admin', options(theirs))];
    for (const order of [imports, imports.toReversed()]) {
      await expect(start(order)).rejects.toEqual(refused(both, 'CONFLICTING_SESSIONS'));
    }
    const among = [named('staff', options(ours)), named('admin', options(theirs))];
    await expect(start(among)).rejects.toEqual(refused(/'staff'.*'admin'|'admin'.*'staff'/, 'CONFLICTING_SESSIONS'));
  });

  it.each<[string, SessionModuleOptions['transport'], SessionModuleOptions['transport']]>([
    ['cookies whose names differ in case', cookie({ name: '__Host-SID' }), cookie()],
    ['a cookie and a header of one name', cookie({ name: 'x-auth-token' }), header()],
    ['bearer and a header', bearer({ answerIn: 'X-Bearer' }), header()],
    ['transports of their own', own, { ...own }],
  ])('tokens in different places are fine: %s', async (_what, ours, theirs) => {
    await start([
      SessionModule.forRoot({ logger: SILENT, ...(ours && { transport: ours }) }),
      named('admin', theirs && { transport: theirs }),
    ]);
  });

  it.each([() => new MemoryStore(), () => new SimpleMapStore()])('one store for two is refused', async (make) => {
    const store = make();
    await expect(start(bothKinds({ store }, { store }))).rejects.toEqual(
      refused(/(default.*'admin'|'admin'.*default).*have the same store.*prefix/, 'CONFLICTING_SESSIONS'),
    );
    // Also where it comes by a factory, or in place of another.
    const made = SessionModule.forRootAsync({
      name: 'staff',
      useFactory: () => ({ store, transport: header('X-Staff'), logger: SILENT }),
    });
    await expect(start([SessionModule.forRoot(store, { logger: SILENT }), made])).rejects.toThrow(/same store/);
    const overridden = startApp(platform, {
      controllers: [],
      imports: bothKinds(),
      override: (builder) =>
        [SESSION_STORE, getSessionStoreToken('admin')].reduce(
          (all, token) => all.overrideProvider(token).useValue(store),
          builder,
        ),
    });
    await expect(overridden).rejects.toThrow(/same store/);
  });

  it('law 12: two default ones still are a notice, beside a named one too', async () => {
    const lines: string[] = [];
    const logger = { warn: (line: string) => lines.push(line), error: (line: string) => lines.push(line) };
    const [ours, theirs] = bothKinds({ logger }, {}) as [DynamicModule, DynamicModule];
    const again = SessionModule.forRoot({ logger });
    const { url } = await start([ours, theirs, again], BOTH_CONTROLLERS);
    expect((await call(url, '/both/count')).text).toBe('1 10 true');
    expect(lines).toEqual([expect.stringMatching(/imported twice/)]);
  });

  it('the order in which they are imported makes no difference', async () => {
    const { url } = await start(bothKinds().toReversed(), BOTH_CONTROLLERS);
    expect((await call(url, '/both/count')).text).toBe('1 10 true');
  });

  it('law 10: neither layer is what makes the other take the slow way on Fastify', async () => {
    const running = await start(bothKinds(), BOTH_CONTROLLERS);
    if (platform === 'fastify') {
      const { onRequestHook } = running.app.getHttpAdapter() as unknown as { onRequestHook?: unknown };
      expect(onRequestHook).toBeUndefined();
    }
    expect((await call(running.url, '/both/count')).status).toBe(200);
  });

  it('forRootAsync takes the name, by useFactory, useClass and useExisting, and with a store class', async () => {
    @Injectable()
    class Settings {
      readonly prefix = 'X-Staff';
    }
    @Module({ providers: [Settings], exports: [Settings] })
    class SettingsModule {}
    @Injectable()
    class Options implements SessionOptionsFactory {
      createSessionOptions() {
        return { transport: header('X-Second'), logger: SILENT };
      }
    }
    @Injectable()
    class OtherOptions implements SessionOptionsFactory {
      createSessionOptions() {
        return { transport: header('X-Third'), store: new SimpleMapStore(), logger: SILENT };
      }
    }
    @Module({ providers: [OtherOptions], exports: [OtherOptions] })
    class OptionsModule {}
    @Injectable()
    class StaffStore extends SimpleMapStore {
      constructor(readonly settings: Settings) {
        super();
      }
    }
    const running = await start([
      SessionModule.forRoot(SimpleMapStore, { logger: SILENT }),
      SessionModule.forRootAsync({
        name: 'staff',
        imports: [SettingsModule],
        inject: [Settings],
        store: StaffStore,
        useFactory: ({ prefix }: Settings) => ({ transport: header(prefix), logger: SILENT }),
      }),
      SessionModule.forRootAsync({ name: 'second', useClass: Options }),
      SessionModule.forRootAsync({ name: 'third', imports: [OptionsModule], useExisting: OtherOptions }),
    ]);
    const store = (name: string): unknown => running.app.get(getSessionStoreToken(name), { strict: false });
    expect(store('staff')).toMatchObject({ settings: { prefix: 'X-Staff' } });
    expect(store('second')).toBeInstanceOf(MemoryStore);
    expect(store('third')).toBeInstanceOf(SimpleMapStore);
    for (const name of ['staff', 'second', 'third']) {
      const service = running.app.get<SessionService>(getSessionServiceToken(name), { strict: false });
      await expect(service.load('A'.repeat(43))).resolves.toBeUndefined();
    }
  });

  it('two layers may have one store class: each has an instance of its own', async () => {
    const running = await start([
      SessionModule.forRoot(SimpleMapStore, { logger: SILENT }),
      SessionModule.forRoot(SimpleMapStore, { name: 'admin', transport: header('X-Admin'), logger: SILENT }),
    ]);
    const [ours, theirs] = [undefined, 'admin'].map((name) =>
      running.app.get<SimpleMapStore>(getSessionStoreToken(name), { strict: false }),
    );
    expect(ours).toBeInstanceOf(SimpleMapStore);
    expect(theirs).toBeInstanceOf(SimpleMapStore);
    expect(ours).not.toBe(theirs);
  });

  it('by its class only the store of the default layer is injected', async () => {
    const user = { provide: 'user', useFactory: (one: unknown) => one, inject: [SimpleMapStore] };
    @Module({ providers: [user], exports: [user] })
    class UserModule {}
    const admin = SessionModule.forRoot(SimpleMapStore, {
      name: 'admin',
      transport: header('X-Admin'),
      logger: SILENT,
    });
    await expect(start([admin, UserModule])).rejects.toThrow(/SimpleMapStore/);
    const running = await start([admin, SessionModule.forRoot(SimpleMapStore, { logger: SILENT }), UserModule]);
    expect(running.app.get('user', { strict: false })).toBe(running.app.get(SESSION_STORE, { strict: false }));
  });

  it('global: false leaves the service to those who import the module', async () => {
    const { app } = await start([named('admin', { global: false })]);
    expect(app.get(getSessionServiceToken('admin'))).toBeInstanceOf(SessionService);
    @Module({
      providers: [{ provide: 'user', useFactory: (one: unknown) => one, inject: [getSessionServiceToken('admin')] }],
    })
    class ElsewhereModule {}
    await expect(start([named('admin', { global: false }), ElsewhereModule])).rejects.toThrow(/service:admin/);
  });

  it('each has its own limits and options', async () => {
    const clock = new TestClock().now;
    const limits = { idleTimeout: '5m', absoluteTimeout: '10m', maxPerUser: 1 } as const;
    const imports = bothKinds({ clock }, { clock, ...limits });
    const running = await start(imports, BOTH_CONTROLLERS);
    const first = await call(running.url, '/both/login/ada', { method: 'POST' });
    const second = await call(running.url, '/both/login/ada', { method: 'POST' });
    expect(first.cookies.map((line) => /^([^=]*).*Max-Age=(\d+)/.exec(line)?.slice(1)).toSorted()).toEqual([
      ['__Host-admin', '600'],
      ['__Host-sid', '43200'],
    ]);
    const [ours, theirs] = [running.get(SessionService), adminService(running)];
    expect([(await ours.list('ada')).length, (await theirs.list('ada')).length]).toEqual([2, 1]);
    expect(await theirs.load(cookieIn(second, '__Host-admin') ?? '')).toBeDefined();
    expect(await theirs.load(cookieIn(first, '__Host-admin') ?? '')).toBeUndefined();
  });

  it('closes what each store opened', async () => {
    const closed: string[] = [];
    class ClosingStore extends ProbedStore {
      constructor(private readonly name: string) {
        super();
      }

      close(): void {
        closed.push(this.name);
      }
    }
    const running = await start(bothKinds({ store: new ClosingStore('ours') }, { store: new ClosingStore('theirs') }));
    await running.close();
    expect(closed.toSorted()).toEqual(['ours', 'theirs']);
  });
});
