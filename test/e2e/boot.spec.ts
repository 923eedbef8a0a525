import { Keyv } from 'keyv';
import { jest } from '@jest/globals';
import {
  Inject,
  Controller,
  Get,
  Injectable,
  Logger,
  Module,
  type BeforeApplicationShutdown,
  type DynamicModule,
  type LoggerService,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import {
  cookie,
  header,
  MemoryStore,
  Session,
  SessionConfigError,
  SessionModule,
  SessionService,
  type SessionModuleAsyncOptions,
  type SessionOptions,
} from 'nestjs-token-session';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call } from '../support/client.js';
import { collectEvents } from '../support/events.js';
import { createAdapter, PLATFORMS } from '../support/platforms.js';
import { ProbedStore, SimpleMapStore } from '../support/stores.js';

@Controller()
class ViewsController {
  @Get('views')
  views(@Session() sess: Session<{ views: number }>): string {
    return String((sess.views = (sess.views ?? 0) + 1));
  }

  @Get('plain')
  plain(): string {
    return 'plain';
  }
}

afterEach(closeApps);

/** What the application says when it does not start. */
async function bootError(module: unknown): Promise<SessionConfigError> {
  const compiled = Test.createTestingModule({ imports: [module as DynamicModule] }).compile();
  const error: unknown = await compiled.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  expect(error).toBeInstanceOf(SessionConfigError);
  return error as SessionConfigError;
}

describe('boot errors', () => {
  it('a bare SessionModule in the imports says to import forRoot', async () => {
    const { message } = await bootError(SessionModule);
    expect(message).toContain('SessionModule.forRoot()');
    expect(message).toContain('forRootAsync()');
  });

  it('a bare SessionModule in a feature module beside forRoot says that it needs no import', async () => {
    @Module({ imports: [SessionModule] })
    class FeatureModule {}
    @Module({ imports: [SessionModule.forRoot(), FeatureModule] })
    class AppModule {}
    expect((await bootError(AppModule)).message).toContain('SessionService can be injected everywhere');
  });

  /** One of each; what exactly each option takes is told by the spec of the options. */
  const wrong: [name: string, options: Record<string, unknown>, came: string][] = [
    ['idleTimeout', { idleTimeout: 'soon' }, "'soon'"],
    ['idleTimeout', { idleTimeout: null }, 'null'],
    ['absoluteTimeout', { absoluteTimeout: Infinity }, 'Infinity'],
    ['touchInterval', { touchInterval: '30m' }, "'30m'"],
    ['storeTimeout', { storeTimeout: 0 }, '0'],
    ['maxBytes', { maxBytes: '64kb' }, "'64kb'"],
    ['onStoreError', { onStoreError: 'ignore' }, "'ignore'"],
    ['codec', { codec: { encode: JSON.stringify } }, 'an object'],
    ['logger', { logger: { warn: () => undefined } }, 'an object'],
    ['exclude', { exclude: '/health' }, "'/health'"],
    ['clock', { clock: 5 }, '5'],
    ['transport', { transport: 'header' }, "'header'"],
    ['transport.issue', { transport: { accept: [header()], issue: 'header' } }, "'header'"],
    ['idleTimout', { idleTimout: '5m' }, 'no such option'],
    ['secret', { secret: 'keyboard cat' }, 'no such option'],
  ];

  it.each(wrong)('name the option %s and what came: %p', async (name, options, came) => {
    const message = `Session option ${name}: takes `;
    const sync = await bootError(SessionModule.forRoot(options));
    expect(sync.message).toContain(message);
    expect(sync.message.slice(message.length)).toContain(came);
    const async = await bootError(SessionModule.forRootAsync({ useFactory: () => options }));
    expect(async.message).toBe(sync.message);
  });

  it.each([
    ['a __Host- cookie that is not Secure', { name: '__Host-sid', secure: false }],
    ['SameSite=None that is not Secure', { name: 'sid', sameSite: 'none', secure: false }],
  ] as const)('name the cookie option: %s', (_name, options) => {
    expect(() => SessionModule.forRoot({ transport: cookie(options) })).toThrow(/cookie/);
  });

  class HalfStore {
    private readonly sessions = new Map<string, unknown>();

    get(sid: string): unknown {
      return this.sessions.get(sid);
    }
  }
  class EmptyStore {
    load(): undefined {
      return undefined;
    }
  }
  it('a store class that takes something, of which Nest does not know what, is told to be injectable', () => {
    class UndecoratedStore extends HalfStore {
      constructor(readonly database: object) {
        super();
      }

      set(): void {
        throw new Error('not reached');
      }

      destroy(): void {
        throw new Error('not reached');
      }
    }
    expect(() => SessionModule.forRoot(UndecoratedStore)).toThrow('put @Injectable() on UndecoratedStore');
    Injectable()(UndecoratedStore);
    Inject('DATABASE')(UndecoratedStore, undefined, 0);
    expect(() => SessionModule.forRoot(UndecoratedStore)).not.toThrow();
  });

  it('a factory that gives a store in the place of options is told to give both', async () => {
    const { message } = await bootError(SessionModule.forRootAsync({ useFactory: () => new MemoryStore() as object }));
    expect(message).toContain('return { store }');
  });

  const noStores: [string, unknown][] = [
    ['an instance without set and destroy', new HalfStore()],
    ['an instance with load only', new EmptyStore()],
    ['null', null],
    ['text', 'redis://localhost'],
    ['a Map', new Map()],
  ];

  it.each(noStores)(
    'a store in first place that is none is refused, not taken for options: %s',
    async (_name, given) => {
      let error: unknown;
      try {
        error = await bootError(SessionModule.forRoot(given as MemoryStore));
      } catch (thrown) {
        error = thrown;
      }
      expect(error).toMatchObject({ code: 'INVALID_STORE', message: expect.stringContaining('store') });
    },
  );

  it.each(noStores)('a store in the options that is none is refused: %s', async (_name, store) => {
    const expected = { code: 'INVALID_STORE', message: expect.stringMatching(/get, set and destroy/) };
    expect(await bootError(SessionModule.forRoot({ store: store as MemoryStore }))).toMatchObject(expected);
    const useFactory = (): SessionOptions => ({ store: store as MemoryStore });
    expect(await bootError(SessionModule.forRootAsync({ useFactory }))).toMatchObject(expected);
  });

  it.each<[string, () => object, string]>([
    ['a client of node-redis', () => createClient(), 'new RedisStore({ client })'],
    ['a client of ioredis', () => new Redis({ lazyConnect: true }), 'new RedisStore({ client })'],
    ['a Keyv', () => new Keyv(), 'keyvStore(keyv)'],
  ])('in the place of a store names the remedy: %s', async (_name, create, remedy) => {
    const expected = { code: 'INVALID_STORE', message: expect.stringContaining(`wrap it: ${remedy}`) };
    const client = create() as unknown as MemoryStore;
    expect(await bootError(SessionModule.forRoot(client))).toMatchObject(expected);
    expect(await bootError(SessionModule.forRoot({ store: client }))).toMatchObject(expected);
  });

  it('a factory that gives a class names the remedy', async () => {
    const useFactory = (): SessionOptions => ({ store: SimpleMapStore as never });
    expect((await bootError(SessionModule.forRootAsync({ useFactory }))).message).toMatch(
      /the class SimpleMapStore \(give it to SessionModule\.forRoot, or an instance of it\)/,
    );
  });

  it('forRootAsync without a way to make options, or with two, says so', () => {
    const useFactory = (): SessionOptions => ({});
    class Factory {
      createSessionOptions(): SessionOptions {
        return {};
      }
    }
    expect(() => SessionModule.forRootAsync({})).toThrow(/one of useFactory, useClass and useExisting/);
    expect(() => SessionModule.forRootAsync({ useFactory, useClass: Factory })).toThrow(
      /one of useFactory, useClass and useExisting/,
    );
  });

  it('an option beside the factory, where it would have no effect, is refused by name', () => {
    const options = { useFactory: () => ({}), idleTimeout: '5m' } as SessionModuleAsyncOptions;
    expect(() => SessionModule.forRootAsync(options)).toThrow(/idleTimeout/);
  });

  it('a factory that fails or gives nothing is a boot error', async () => {
    const failing = SessionModule.forRootAsync({ useFactory: () => Promise.reject(new Error('no configuration')) });
    await expect(Test.createTestingModule({ imports: [failing] }).compile()).rejects.toThrow('no configuration');
    const nothing = SessionModule.forRootAsync({ useFactory: () => undefined as unknown as SessionOptions });
    expect((await bootError(nothing)).message).toMatch(/useFactory|options/);
  });

  it('an adapter that is neither Express nor Fastify is named', async () => {
    class KoaAdapter extends ExpressAdapter {
      override getType(): string {
        return 'koa';
      }
    }
    const testing = await Test.createTestingModule({ imports: [SessionModule.forRoot()] }).compile();
    const app = testing.createNestApplication(new KoaAdapter(), { logger: false });
    await expect(app.init()).rejects.toMatchObject({
      code: 'UNSUPPORTED_ADAPTER',
      message: expect.stringContaining('koa'),
    });
  });
});

/** Nest's logger as an application has it; keeps what it is told. */
class Lines implements LoggerService {
  readonly warnings: string[] = [];

  log(): void {
    // Nest's own lines are of no interest here.
  }

  error(): void {
    // A failing boot rejects, which says more.
  }

  warn(message: unknown, ...more: unknown[]): void {
    this.warnings.push([message, ...more].map(String).join(' '));
  }
}

describe.each(PLATFORMS)('boot on %s', (platform) => {
  async function warningsOf(module: DynamicModule, mode: string): Promise<string[]> {
    @Module({ imports: [module], controllers: [ViewsController] })
    class AppModule {}
    const lines = new Lines();
    const environment = jest.replaceProperty(process, 'env', { ...process.env, NODE_ENV: mode });
    try {
      const app = await NestFactory.create(AppModule, createAdapter(platform) as never, { logger: lines });
      await app.listen(0, '127.0.0.1');
      const { token } = await call(await app.getUrl(), '/views');
      expect((await call(await app.getUrl(), '/views', { token })).text).toBe('2');
      await app.close();
    } finally {
      environment.restore();
      Logger.overrideLogger(false);
    }
    return lines.warnings;
  }

  it('the notice of a MemoryStore in production goes through the logger of Nest, once', async () => {
    const [warning, ...more] = await warningsOf(SessionModule.forRoot(), 'production');
    expect(warning).toMatch(/MemoryStore in production.* Session$/);
    expect(more).toEqual([]);
  });

  it('the notice of a simple store names what is missing, once', async () => {
    const [warning, ...more] = await warningsOf(SessionModule.forRoot(new SimpleMapStore()), 'test');
    expect(warning).toMatch(/SimpleMapStore writes unconditionally.*Without touch/);
    expect(more).toEqual([]);
  });

  it('nothing is said where there is nothing to say', async () => {
    expect(await warningsOf(SessionModule.forRoot(), 'development')).toEqual([]);
    expect(await warningsOf(SessionModule.forRoot(new ProbedStore()), 'production')).toHaveLength(1);
  });

  it('law 9, F67: with a store that is down the app starts, answers 503, and recovers without a restart', async () => {
    const store = new ProbedStore();
    store.before = () => {
      throw new Error('ECONNREFUSED');
    };
    const running = await startApp(platform, { controllers: [ViewsController], session: { store } });
    const events = collectEvents(running);
    const token = 'A'.repeat(43);
    for (const options of [{}, { token }]) {
      const refused = await call(running.url, '/views', options);
      expect(refused.status).toBe(503);
      expect(refused.json()).toMatchObject({ statusCode: 503, code: 'STORE_UNAVAILABLE' });
      expect(refused.token).toBeUndefined();
      expect((await call(running.url, '/plain', options)).text).toBe('plain');
    }
    store.before = undefined;
    expect((await call(running.url, '/views', { token })).text).toBe('1');
    expect(events.map(({ type }) => type)).toContain('store_recovered');
  });

  it('law 9: with a store that never answers the app starts and answers 503 within the deadline', async () => {
    const store = new ProbedStore();
    store.before = () => new Promise(() => undefined);
    const { url } = await startApp(platform, { controllers: [ViewsController], session: { store, storeTimeout: 20 } });
    expect((await call(url, '/views', { token: 'A'.repeat(43) })).status).toBe(503);
    expect((await call(url, '/plain')).text).toBe('plain');
  });
});

describe.each(PLATFORMS)('shutdown on %s', (platform) => {
  class ClosableStore extends SimpleMapStore {
    readonly closed: string[] = [];
    openRequests = 0;

    close(): void {
      this.closed.push(`with ${this.openRequests} open requests`);
    }
  }

  it('L93: closes the store once, after the requests that are still running', async () => {
    const store = new ClosableStore();
    const barrier = new Barrier();
    @Controller()
    class SlowController {
      @Get('slow')
      async slow(@Session() sess: Session<{ slow: boolean }>): Promise<string> {
        store.openRequests++;
        await barrier.pass();
        sess.slow = true;
        store.openRequests--;
        return 'stored';
      }
    }
    /** Nest calls this after it has destroyed the modules and before it closes HTTP. */
    class LateAnswer implements BeforeApplicationShutdown {
      beforeApplicationShutdown(): void {
        barrier.open();
      }
    }
    const plan = { controllers: [SlowController], providers: [LateAnswer], session: { store } };
    const running = await startApp(platform, plan);
    const answer = call(running.url, '/slow');
    await barrier.arrived;
    await running.close();
    const { status, token } = await answer;
    expect(status).toBe(200);
    expect(token).toBeDefined();
    expect(store.sessions.size).toBe(1);
    expect(store.closed).toEqual(['with 0 open requests']);
    await running.app.close();
    expect(store.closed).toHaveLength(1);
  });

  it.each([
    ['an instance', (store: ClosableStore) => SessionModule.forRoot(store, { logger: SILENT })],
    [
      'a factory',
      (store: ClosableStore) => SessionModule.forRootAsync({ useFactory: () => ({ store, logger: SILENT }) }),
    ],
  ])('closes a store given by %s once', async (_name, module) => {
    const store = new ClosableStore();
    const running = await startApp(platform, { imports: [module(store)], controllers: [] });
    await running.close();
    expect(store.closed).toHaveLength(1);
  });

  it('closes a store that Nest built once', async () => {
    @Injectable()
    class BuiltStore extends ClosableStore {}
    const imports = [SessionModule.forRoot(BuiltStore, { logger: SILENT })];
    const running = await startApp(platform, { imports, controllers: [] });
    const store = running.get(BuiltStore);
    await running.close();
    expect(store.closed).toHaveLength(1);
  });

  it('a store that fails to close does not keep the app from closing HTTP', async () => {
    const store = new ClosableStore();
    store.close = () => {
      throw new Error('still busy');
    };
    const running = await startApp(platform, { controllers: [ViewsController], session: { store } });
    await Promise.allSettled([running.close()]);
    await expect(call(running.url, '/plain')).rejects.toThrow(/ECONNREFUSED/);
  });
});

describe('an application context without HTTP', () => {
  async function contextOf(module: DynamicModule): ReturnType<typeof NestFactory.createApplicationContext> {
    @Module({ imports: [module] })
    class WorkerModule {}
    return NestFactory.createApplicationContext(WorkerModule as Type, { logger: false });
  }

  it('has SessionService: loads, updates and ends sessions that HTTP began', async () => {
    const store = new MemoryStore();
    const { url } = await startApp('express', { controllers: [ViewsController], session: { store } });
    const { token = '' } = await call(url, '/views');
    const worker = await contextOf(SessionModule.forRoot(store));
    const sessions = worker.get(SessionService);
    const session = (await sessions.load<{ views: number }>(token)) as Session<{ views: number }>;
    expect(session.views).toBe(1);
    await sessions.update(session, (draft) => (draft.views = 41));
    expect((await call(url, '/views', { token })).text).toBe('42');
    expect(await sessions.count()).toBe(1);
    await sessions.destroy((await sessions.load(token)) as Session);
    expect((await call(url, '/views', { token })).text).toBe('1');
    await worker.close();
  });

  it('reports wrong options, and closes the store', async () => {
    const close = jest.fn();
    const worker = await contextOf(
      SessionModule.forRoot(Object.assign(new SimpleMapStore(), { close }), { logger: SILENT }),
    );
    await worker.close();
    expect(close).toHaveBeenCalledTimes(1);
    const wrong = NestFactory.createApplicationContext(SessionModule.forRoot({ idleTimeout: 0 }), {
      logger: false,
      abortOnError: false,
    });
    await expect(wrong).rejects.toThrow(/idleTimeout/);
  });
});
