import { Controller, Get, Inject, Injectable, Module, type DynamicModule } from '@nestjs/common';
import {
  MemoryStore,
  Session,
  SESSION_STORE,
  SessionModule,
  SessionService,
  type SessionModuleAsyncOptions,
  type SessionOptions,
  type SessionOptionsFactory,
} from 'nestjs-token-session';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore, SimpleMapStore } from '../support/stores.js';

@Controller()
class ViewsController {
  constructor(private readonly sessions: SessionService) {}

  @Get('views')
  async views(@Session() sess: Session<{ views: number }>): Promise<string> {
    sess.views = (sess.views ?? 0) + 1;
    await this.sessions.save(sess);
    return String(sess.views);
  }
}

/** What the options factories are made of: something that only another module has. */
@Injectable()
class Config {
  readonly tokenStore = new SimpleMapStore();
  readonly idleTimeout = '7m';
}

@Module({ providers: [Config], exports: [Config] })
class ConfigModule {}

@Injectable()
class OptionsFactory implements SessionOptionsFactory {
  constructor(private readonly config: Config) {}

  createSessionOptions(): SessionOptions {
    return { store: this.config.tokenStore, idleTimeout: this.config.idleTimeout, logger: SILENT };
  }
}

@Module({ imports: [ConfigModule], providers: [OptionsFactory], exports: [OptionsFactory] })
class OptionsModule {}

/** A store that Nest builds. */
@Injectable()
class InjectedStore extends SimpleMapStore {
  constructor(readonly config: Config) {
    super();
  }
}

afterEach(closeApps);

async function countsViews(running: RunningApp): Promise<string | undefined> {
  const first = await call(running.url, '/views');
  const second = await call(running.url, '/views', { token: first.token });
  expect([first.text, second.text]).toEqual(['1', '2']);
  return first.token;
}

async function idleTimeoutOf({ get }: RunningApp, token: string | undefined): Promise<number> {
  const service = get(SessionService);
  const session = await service.load(token ?? '');
  const { usedAt, idleExpiresAt } = service.info(session as Session);
  return idleExpiresAt - usedAt;
}

describe.each(PLATFORMS)('SessionModule.forRoot on %s', (platform) => {
  const start = (module: DynamicModule): Promise<RunningApp> =>
    startApp(platform, { imports: [module], controllers: [ViewsController] });

  it('takes nothing: a memory store, X-Auth-Token, half an hour', async () => {
    const running = await start(SessionModule.forRoot());
    const token = await countsViews(running);
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(await idleTimeoutOf(running, token)).toBe(30 * 60_000);
    expect(running.app.get(SESSION_STORE)).toBeInstanceOf(MemoryStore);
  });

  it('takes a store and options', async () => {
    const store = new ProbedStore();
    const running = await start(SessionModule.forRoot(store, { idleTimeout: '5m', logger: SILENT }));
    const token = await countsViews(running);
    expect(await idleTimeoutOf(running, token)).toBe(5 * 60_000);
    expect(store.calls).toContain('create');
    expect(running.app.get(SESSION_STORE)).toBe(store);
  });

  it('takes options only, with or without a store in them', async () => {
    const store = new SimpleMapStore();
    await countsViews(await start(SessionModule.forRoot({ store, idleTimeout: '5m', logger: SILENT })));
    expect(store.sessions.size).toBe(1);
    const running = await start(SessionModule.forRoot({ idleTimeout: '5m' }));
    expect(await idleTimeoutOf(running, await countsViews(running))).toBe(5 * 60_000);
  });

  it('takes options in second place where the store is left to the environment', async () => {
    const running = await start(SessionModule.forRoot(undefined, { idleTimeout: '5m' }));
    expect(await idleTimeoutOf(running, await countsViews(running))).toBe(5 * 60_000);
  });

  it.each([
    ['first', SessionModule.forRoot(InjectedStore, { imports: [ConfigModule], logger: SILENT })],
    ['in the options', SessionModule.forRoot({ store: InjectedStore, imports: [ConfigModule], logger: SILENT })],
  ])('takes a store class, %s, and Nest builds it with its constructor injected', async (_place, module) => {
    const running = await start(module);
    await countsViews(running);
    const store = running.get(InjectedStore);
    expect(store.config).toBe(running.get(Config));
    expect(store.sessions.size).toBe(1);
    expect(running.app.get(SESSION_STORE)).toBe(store);
  });

  it('gives each module its own default store', async () => {
    const [one, other] = [await start(SessionModule.forRoot()), await start(SessionModule.forRoot())];
    const token = await countsViews(one);
    expect((await call(other.url, '/views', { token })).text).toBe('1');
  });

  it('makes a new default store for each application of one module definition', async () => {
    const module = SessionModule.forRoot();
    const token = await countsViews(await start(module));
    expect((await call((await start(module)).url, '/views', { token })).text).toBe('1');
  });
});

describe.each(PLATFORMS)('SessionModule.forRootAsync on %s', (platform) => {
  const start = (options: SessionModuleAsyncOptions): Promise<RunningApp> =>
    startApp(platform, { imports: [SessionModule.forRootAsync(options)], controllers: [ViewsController] });

  const forms: [string, SessionModuleAsyncOptions][] = [
    [
      'useFactory with inject and imports',
      {
        imports: [ConfigModule],
        inject: [Config],
        useFactory: ({ tokenStore, idleTimeout }: Config) => ({ store: tokenStore, idleTimeout, logger: SILENT }),
      },
    ],
    [
      'useFactory that gives a promise',
      {
        imports: [ConfigModule],
        inject: [Config],
        useFactory: async ({ tokenStore, idleTimeout }: Config) => ({ store: tokenStore, idleTimeout, logger: SILENT }),
      },
    ],
    ['useClass', { imports: [ConfigModule], useClass: OptionsFactory }],
    ['useExisting', { imports: [OptionsModule], useExisting: OptionsFactory }],
  ];

  it.each(forms)('takes %s', async (_name, options) => {
    const running = await start(options);
    const token = await countsViews(running);
    const { tokenStore } = running.get(Config);
    expect(tokenStore.sessions.size).toBe(1);
    expect(await idleTimeoutOf(running, token)).toBe(7 * 60_000);
    expect(running.app.get(SESSION_STORE)).toBe(tokenStore);
  });

  it('takes a factory without arguments and without a store', async () => {
    const running = await start({ useFactory: () => ({ idleTimeout: '7m' }) });
    await countsViews(running);
    expect(running.app.get(SESSION_STORE)).toBeInstanceOf(MemoryStore);
  });

  it('takes a store class beside the factory', async () => {
    const running = await start({
      imports: [ConfigModule],
      inject: [Config],
      useFactory: ({ idleTimeout }: Config) => ({ idleTimeout, logger: SILENT }),
      store: InjectedStore,
    });
    const token = await countsViews(running);
    expect(await idleTimeoutOf(running, token)).toBe(7 * 60_000);
    expect(running.get(InjectedStore).sessions.size).toBe(1);
    expect(running.get(InjectedStore).config).toBe(running.get(Config));
  });

  it('makes the options once, however often sessions are used', async () => {
    let made = 0;
    const running = await start({ useFactory: () => ({ idleTimeout: `${String(++made)}m` }) });
    await countsViews(running);
    await countsViews(running);
    expect(made).toBe(1);
  });
});

describe.each(PLATFORMS)('global on %s', (platform) => {
  @Module({ controllers: [ViewsController] })
  class FeatureModule {}

  /** The sessions module below another one, as shared modules do it. */
  function below(module: DynamicModule): new () => object {
    @Module({ imports: [module], exports: [module] })
    class SharedModule {}
    return SharedModule;
  }

  it('true, by default: feature modules inject SessionService without an import, also from a nested forRoot', async () => {
    const imports = [FeatureModule, below(SessionModule.forRoot({ logger: SILENT }))];
    await countsViews(await startApp(platform, { imports, controllers: [] }));
  });

  it.each([
    ['forRoot', () => SessionModule.forRoot({ global: false })],
    ['forRootAsync', () => SessionModule.forRootAsync({ global: false, useFactory: () => ({}) })],
  ])('false in %s: SessionService is for those who import the module', async (_name, make) => {
    const imports = [FeatureModule, make()];
    await expect(startApp(platform, { imports, controllers: [] })).rejects.toThrow(/SessionService/);

    const shared = below(make());
    @Module({ imports: [shared], controllers: [ViewsController] })
    class ImportingModule {}
    await countsViews(await startApp(platform, { imports: [ImportingModule, shared], controllers: [] }));
  });

  it('false: sessions are there all the same, in every module', async () => {
    @Controller()
    class PlainController {
      @Get('plain')
      plain(@Session() sess: Session<{ n: number }>): string {
        return String((sess.n = (sess.n ?? 0) + 1));
      }
    }
    @Module({ controllers: [PlainController] })
    class PlainModule {}
    const imports = [PlainModule, SessionModule.forRoot({ global: false })];
    const { url } = await startApp(platform, { imports, controllers: [] });
    const { token } = await call(url, '/plain');
    expect((await call(url, '/plain', { token })).text).toBe('2');
  });

  it('one definition imported by several modules is one module', async () => {
    const module = SessionModule.forRoot({ global: false, logger: SILENT });
    @Module({ imports: [module], controllers: [ViewsController] })
    class One {}
    @Module({ imports: [module] })
    class Two {
      constructor(
        readonly sessions: SessionService,
        @Inject(SESSION_STORE) readonly store: MemoryStore,
      ) {}
    }
    const running = await startApp(platform, { imports: [One, Two], controllers: [] });
    const token = await countsViews(running);
    expect(await running.get(Two).sessions.load(token ?? '')).toMatchObject({ views: 2 });
    expect(running.get(Two).store.count()).toBe(1);
  });
});
