import {
  Inject,
  Module,
  type DynamicModule,
  type FactoryProvider,
  type ModuleMetadata,
  type NestModule,
  type OnApplicationShutdown,
  type Provider,
  type Type,
} from '@nestjs/common';
import { ApplicationConfig, ExternalContextCreator, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { mountOnNest } from './mounts/nest.mount.js';
import { SESSION_ENGINE, SESSION_OPTIONS, SESSION_STORE } from './session.constants.js';
import { invalid } from './session.checks.js';
import { SessionEngine } from './session.engine.js';
import { SessionConfigError } from './session.errors.js';
import { resolveOptions, type SessionOptions } from './session.options.js';
import { SessionService } from './session.service.js';
import { isStore } from './stores/atomic-store-of.js';
import { MemoryStore } from './stores/memory.store.js';
import type { AtomicSessionStore, SessionStore } from './stores/session-store.js';

/** A store, or a class of one that Nest builds with its constructor injected. */
export type StoreOrClass = SessionStore | AtomicSessionStore | Type<SessionStore | AtomicSessionStore>;

export interface SessionModuleOptions extends Omit<SessionOptions, 'store'> {
  /** Where sessions are kept: an instance, or a class that Nest builds. Default: a `MemoryStore`. */
  store?: StoreOrClass;
  /** Modules whose exports a store class injects. */
  imports?: ModuleMetadata['imports'];
  /** Whether `SessionService` can be injected everywhere without importing the module. Default true. */
  global?: boolean;
}

/** A class that makes the options, for `useClass` and `useExisting`. */
export interface SessionOptionsFactory {
  createSessionOptions(): SessionOptions | Promise<SessionOptions>;
}

export interface SessionModuleAsyncOptions {
  /** Modules whose exports the factory or the store class injects. */
  imports?: ModuleMetadata['imports'];
  /** What `useFactory` gets. */
  inject?: FactoryProvider['inject'];
  /** Makes the options; a store in them is an instance. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what inject names, as in Nest's own FactoryProvider
  useFactory?: (...args: any[]) => SessionOptions | Promise<SessionOptions>;
  useClass?: Type<SessionOptionsFactory>;
  useExisting?: Type<SessionOptionsFactory>;
  /** A store class that Nest builds; in place of a store in the options. */
  store?: Type<SessionStore | AtomicSessionStore>;
  /** Whether `SessionService` can be injected everywhere without importing the module. Default true. */
  global?: boolean;
}

/** Sessions for a Nest application: import `SessionModule.forRoot()` once, in the root module. */
@Module({
  providers: [
    {
      provide: SESSION_ENGINE,
      useFactory: () => {
        throw new SessionConfigError(
          'INVALID_OPTION',
          'Import SessionModule.forRoot() or forRootAsync(), once, in the root module. Other modules need no import: ' +
            'SessionService can be injected everywhere.',
        );
      },
    },
  ],
})
export class SessionModule implements NestModule, OnApplicationShutdown {
  constructor(
    @Inject(SESSION_ENGINE) private readonly engine: SessionEngine,
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
    @Inject(ExternalContextCreator) private readonly creator: ExternalContextCreator,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
  ) {}

  /**
   * @param store a store instance, a store class, or all options at once; default: a `MemoryStore`
   * @param options everything else
   */
  static forRoot(store?: StoreOrClass | SessionModuleOptions, options: SessionModuleOptions = {}): DynamicModule {
    if (!isOptions(store) && options.store !== undefined) invalid('store', 'two of them', 'one store');
    const all = isOptions(store) ? { ...store, ...options } : { ...options, store };
    const { imports, global, store: chosen, ...rest } = all;
    return dynamicModule({ imports, global }, { provide: SESSION_OPTIONS, useValue: rest }, storeProviders(chosen));
  }

  /** The same with options that Nest makes: `useFactory` with `inject`, `useClass` or `useExisting`. */
  static forRootAsync(options: SessionModuleAsyncOptions): DynamicModule {
    for (const name of Object.keys(options)) {
      if (!ASYNC_OPTIONS.has(name)) {
        invalid(
          name,
          'an option beside the factory',
          `its place in what the factory gives; here stand ${[...ASYNC_OPTIONS].join(', ')}`,
        );
      }
    }
    const made: FactoryProvider = {
      provide: SESSION_STORE,
      useFactory: ({ store = new MemoryStore() }: SessionOptions) => store,
      inject: [SESSION_OPTIONS],
    };
    return dynamicModule(
      options,
      optionsProvider(options),
      options.store === undefined ? [made] : storeProviders(options.store),
      options.useClass === undefined ? [] : [options.useClass],
    );
  }

  /** Nest calls this for all modules before it registers any module's middleware. */
  configure(): void {
    const adapter = this.adapterHost.httpAdapter;
    mountOnNest(adapter, this.engine, this.creator, this.config, this.otherModulesHaveMiddleware());
  }

  /** HTTP is closed by now, so no request needs the store any more. */
  onApplicationShutdown(): Promise<void> {
    return this.engine.close();
  }

  private otherModulesHaveMiddleware(): boolean {
    return [...this.modules.values()].some(
      ({ instance }) => instance !== this && typeof (instance as Partial<NestModule>).configure === 'function',
    );
  }
}

function dynamicModule(
  { imports, global }: { imports?: ModuleMetadata['imports'] | undefined; global?: boolean | undefined },
  options: Provider,
  store: Provider[],
  others: Provider[] = [],
): DynamicModule {
  return {
    module: SessionModule,
    global: global ?? true,
    imports: imports ?? [],
    providers: [
      options,
      ...others,
      ...store,
      {
        provide: SESSION_ENGINE,
        // The store comes by its own token, so that overrideProvider(SESSION_STORE) takes effect.
        useFactory: async (given: SessionOptions, chosen: SessionStore | AtomicSessionStore) => {
          const engine = new SessionEngine(resolveOptions({ ...given, store: chosen }));
          await engine.ready?.catch(async (error: unknown) => {
            await engine.close();
            throw error;
          });
          return engine;
        },
        inject: [SESSION_OPTIONS, SESSION_STORE],
      },
      SessionService,
    ],
    exports: [SessionService, SESSION_STORE, ...store.filter((provider) => typeof provider === 'function')],
  };
}

/** An object literal holds options; everything else in the place of a store has to be one. */
function isOptions(value: unknown): value is SessionModuleOptions | undefined {
  if (value === undefined) return true;
  if (typeof value !== 'object' || value === null || isStore(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function storeProviders(store: StoreOrClass | undefined): Provider[] {
  if (typeof store === 'function') return [store, { provide: SESSION_STORE, useExisting: store }];
  // A module definition may serve several applications: each gets a memory store of its own.
  return [{ provide: SESSION_STORE, useFactory: () => (store === undefined ? new MemoryStore() : store) }];
}

const ASYNC_OPTIONS: ReadonlySet<string> = new Set<keyof SessionModuleAsyncOptions>([
  ...(['imports', 'inject', 'useFactory', 'useClass', 'useExisting', 'store', 'global'] as const),
]);

function optionsProvider({ useFactory, inject, useClass, useExisting }: SessionModuleAsyncOptions): Provider {
  const ways = [useFactory, useClass, useExisting].filter((way) => way !== undefined);
  if (ways.length !== 1) {
    invalid('forRootAsync', `${String(ways.length)} of them`, 'one of useFactory, useClass and useExisting');
  }
  const factory = useClass ?? useExisting;
  return {
    provide: SESSION_OPTIONS,
    useFactory: async (...injected: unknown[]): Promise<SessionOptions> => {
      const options: unknown = await (useFactory === undefined
        ? (injected[0] as SessionOptionsFactory).createSessionOptions()
        : useFactory(...injected));
      if (typeof options !== 'object' || options === null)
        invalid('forRootAsync', options, 'a factory that gives options');
      return options;
    },
    inject: factory === undefined ? (inject ?? []) : [factory],
  };
}
