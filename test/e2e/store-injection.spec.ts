import { Controller, Get, Inject, Injectable, Module } from '@nestjs/common';
import { MemoryStore, Session, SESSION_STORE, SessionModule, type AtomicSessionStore } from 'nestjs-token-session';
import { closeApps, SILENT, startApp, type AppPlan } from '../support/app.js';
import { call } from '../support/client.js';
import { PLATFORMS } from '../support/platforms.js';
import { CallbackMapStore, ProbedStore, SimpleMapStore } from '../support/stores.js';

@Controller()
class ViewsController {
  @Get('views')
  views(@Session() sess: Session<{ views: number }>): string {
    return String((sess.views = (sess.views ?? 0) + 1));
  }
}

@Injectable()
class AppStore extends SimpleMapStore {}

/** A provider of another module that works with the store itself. */
@Injectable()
class Reports {
  constructor(
    @Inject(SESSION_STORE) readonly byToken: unknown,
    readonly byClass: AppStore,
  ) {}
}

@Module({ providers: [Reports] })
class ReportsModule {}

afterEach(closeApps);

describe.each(PLATFORMS)('the store as a provider on %s', (platform) => {
  async function countsViews(plan: Partial<AppPlan>): Promise<void> {
    const { url } = await startApp(platform, { controllers: [ViewsController], ...plan });
    const { token } = await call(url, '/views');
    expect((await call(url, '/views', { token })).text).toBe('2');
  }

  it('is injectable everywhere by SESSION_STORE, a store class also by its class', async () => {
    const imports = [SessionModule.forRoot(AppStore, { logger: SILENT }), ReportsModule];
    const running = await startApp(platform, { imports, controllers: [ViewsController] });
    const { byToken, byClass } = running.get(Reports);
    expect(byToken).toBe(byClass);
    await call(running.url, '/views');
    expect(byClass.sessions.size).toBe(1);
  });

  it('is found under the same token by the other copy of the package', async () => {
    const running = await startApp(platform, { controllers: [ViewsController] });
    expect(SESSION_STORE).toBe(Symbol.for('nestjs-token-session.store'));
    expect(running.app.get(Symbol.for('nestjs-token-session.store'))).toBeInstanceOf(MemoryStore);
  });

  describe.each([
    ['simple, with promises', () => new SimpleMapStore()],
    ['simple, with callbacks', () => new CallbackMapStore()],
  ])('overrideProvider(SESSION_STORE) with a store that is %s', (_name, make) => {
    it.each([
      ['an instance', SessionModule.forRoot(new ProbedStore(), { logger: SILENT })],
      ['a class', SessionModule.forRoot(AppStore, { logger: SILENT })],
      ['a factory', SessionModule.forRootAsync({ useFactory: () => ({ store: new ProbedStore(), logger: SILENT }) })],
      [
        'a class beside a factory',
        SessionModule.forRootAsync({ useFactory: () => ({ logger: SILENT }), store: AppStore }),
      ],
    ])('takes the place of %s', async (_form, module) => {
      const store = make();
      await countsViews({
        imports: [module],
        override: (builder) => builder.overrideProvider(SESSION_STORE).useValue(store),
      });
      expect(store.sessions.size).toBe(1);
    });
  });

  it('overrideProvider(SESSION_STORE) takes a strong store, and the replaced one is not touched', async () => {
    const replaced = new ProbedStore();
    const store: AtomicSessionStore = new ProbedStore();
    await countsViews({
      imports: [SessionModule.forRoot(replaced)],
      override: (builder) => builder.overrideProvider(SESSION_STORE).useValue(store),
    });
    expect(await store.count?.()).toBe(1);
    expect(replaced.calls).toEqual([]);
  });

  it('overrideProvider takes the class of a store too, and a class or a factory in its place', async () => {
    const store = new AppStore();
    const imports = [SessionModule.forRoot(AppStore, { logger: SILENT })];
    await countsViews({ imports, override: (builder) => builder.overrideProvider(AppStore).useValue(store) });
    expect(store.sessions.size).toBe(1);
    await countsViews({
      imports,
      override: (builder) => builder.overrideProvider(SESSION_STORE).useClass(MemoryStore),
    });
    const made = new SimpleMapStore();
    await countsViews({
      imports,
      override: (builder) => builder.overrideProvider(SESSION_STORE).useFactory({ factory: () => made }),
    });
    expect(made.sessions.size).toBe(1);
  });

  it('a store put in place that is none is a boot error', async () => {
    const plan: AppPlan = {
      controllers: [ViewsController],
      override: (builder) => builder.overrideProvider(SESSION_STORE).useValue({ get: () => undefined }),
    };
    await expect(startApp(platform, plan)).rejects.toMatchObject({ name: 'SessionConfigError', code: 'INVALID_STORE' });
  });
});
