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
import { getSessionServiceToken } from './decorators/inject-session-service.decorator.js';
import { engineTokenOf, getSessionStoreToken, MODULE_ENGINE, SESSION_OPTIONS } from './session.constants.js';
import { invalid } from './session.checks.js';
import { SessionEngine } from './session.engine.js';
import { SessionConfigError } from './session.errors.js';
import { addLayer, checkLayerName } from './session.layers.js';
import { resolveOptions, type SessionOptions } from './session.options.js';
import type { SessionSchema } from './session.schema.js';
import { SessionService } from './session.service.js';
import { isStore } from './stores/atomic-store-of.js';
import { MemoryStore } from './stores/memory.store.js';
import type { AtomicSessionStore, SessionStore } from './stores/session-store.js';

/** A store, or a class of one that Nest builds with its constructor injected. */
export type StoreOrClass = SessionStore | AtomicSessionStore | Type<SessionStore | AtomicSessionStore>;

/** Options of `SessionModule.forRoot`: those of the session layer, and what Nest needs to build a store. */
export interface SessionModuleOptions<Schema extends SessionSchema = SessionSchema> extends Omit<
  SessionOptions<Schema>,
  'store'
> {
  /**
   * Of a further session layer, beside the one without a name: 1 to 32 of `A-Z a-z 0-9 _ -`. Its sessions come by
   * `@Session({ name })`, its service by `@InjectSessionService(name)`. Its store and its transport must be its own.
   */
  name?: string;
  /** Where sessions are kept: an instance, or a class that Nest builds. Default: a `MemoryStore`. */
  store?: StoreOrClass;
  /** Modules whose exports a store class injects. */
  imports?: ModuleMetadata['imports'];
  /** Whether `SessionService` can be injected everywhere without importing the module. Default true. */
  global?: boolean;
}

/** A class that makes the options, for `useClass` and `useExisting`. */
export interface SessionOptionsFactory {
  /** The options of the session layer; a store in them is an instance. */
  createSessionOptions(): SessionOptions | Promise<SessionOptions>;
}

/** Options of `SessionModule.forRootAsync`: one of `useFactory`, `useClass` and `useExisting`. */
export interface SessionModuleAsyncOptions {
  /** As the `name` of `forRoot`; it stands here, as it names what others inject. */
  name?: string;
  /** Modules whose exports the factory or the store class injects. */
  imports?: ModuleMetadata['imports'];
  /** What `useFactory` gets. */
  inject?: FactoryProvider['inject'];
  /** Makes the options; a store in them is an instance. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- what inject names, as in Nest's own FactoryProvider
  useFactory?: (...args: any[]) => SessionOptions | Promise<SessionOptions>;
  /** A class that makes the options; Nest builds it here. */
  useClass?: Type<SessionOptionsFactory>;
  /** A class that makes the options; the one that `imports` export. */
  useExisting?: Type<SessionOptionsFactory>;
  /** A store class that Nest builds; in place of a store in the options. */
  store?: Type<SessionStore | AtomicSessionStore>;
  /** Whether `SessionService` can be injected everywhere without importing the module. Default true. */
  global?: boolean;
}

/** How a `SessionModule` is known, of whichever copy of this package. */
const IS_SESSION_MODULE = Symbol.for('nestjs-token-session.is-module');

/**
 * Sessions for a Nest application: import `SessionModule.forRoot()` once, in the root module, and once more with a
 * `name` for each further kind of sessions.
 */
@Module({
  providers: [
    {
      provide: MODULE_ENGINE,
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
  /** @internal */
  readonly [IS_SESSION_MODULE] = true;

  constructor(
    @Inject(MODULE_ENGINE) private readonly engine: SessionEngine,
    @Inject(HttpAdapterHost) private readonly adapterHost: HttpAdapterHost,
    @Inject(ExternalContextCreator) private readonly creator: ExternalContextCreator,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(ApplicationConfig) private readonly config: ApplicationConfig,
  ) {}

  /**
   * The module with options that are known when the application is defined.
   *
   * @param store a store instance, a store class, or all options at once; default: a `MemoryStore`
   * @param options everything else
   * @throws SessionConfigError `INVALID_OPTION`, here or when the application is made
   */
  static forRoot<Schema extends SessionSchema = SessionSchema>(
    store?: StoreOrClass | SessionModuleOptions<Schema>,
    options: SessionModuleOptions<Schema> = {},
  ): DynamicModule {
    if (!isOptions(store) && options.store !== undefined) invalid('store', 'two of them', 'one store');
    const all = isOptions(store) ? { ...store, ...options } : { ...options, store };
    const { name, imports, global, store: chosen, ...rest } = all;
    checkLayerName('name', name);
    const given = { provide: SESSION_OPTIONS, useValue: rest };
    return dynamicModule({ name, imports, global }, given, storeProviders(name, chosen));
  }

  /**
   * The same with options that Nest makes: `useFactory` with `inject`, `useClass` or `useExisting`.
   *
   * @throws SessionConfigError `INVALID_OPTION`, here or when the application is made
   */
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
    const { name } = options;
    checkLayerName('name', name);
    const made: FactoryProvider = {
      provide: getSessionStoreToken(name),
      useFactory: ({ store = new MemoryStore() }: SessionOptions) => store,
      inject: [SESSION_OPTIONS],
    };
    return dynamicModule(
      options,
      optionsProvider(options),
      options.store === undefined ? [made] : storeProviders(name, options.store),
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
    return [...this.modules.values()].some(({ instance }) => {
      const module = instance as Partial<NestModule> & { [IS_SESSION_MODULE]?: true };
      return module[IS_SESSION_MODULE] !== true && typeof module.configure === 'function';
    });
  }
}

interface LayerModule {
  readonly name?: string | undefined;
  readonly imports?: ModuleMetadata['imports'] | undefined;
  readonly global?: boolean | undefined;
}

function dynamicModule(
  { name, imports, global }: LayerModule,
  options: Provider,
  store: Provider[],
  others: Provider[] = [],
): DynamicModule {
  const [engineToken, storeToken, serviceToken] = [
    engineTokenOf(name),
    getSessionStoreToken(name),
    getSessionServiceToken(name),
  ];
  return {
    module: SessionModule,
    global: global ?? true,
    imports: imports ?? [],
    providers: [
      options,
      ...others,
      ...store,
      {
        provide: engineToken,
        // The store comes by its own token, so that overrideProvider(SESSION_STORE) takes effect.
        useFactory: async (given: SessionOptions, chosen: SessionStore | AtomicSessionStore, app: ModulesContainer) => {
          const resolved = resolveOptions({ ...given, store: chosen }, name);
          addLayer(app, { name, transports: resolved.transports, store: chosen });
          const engine = new SessionEngine(resolved);
          await engine.ready?.catch(async (error: unknown) => {
            await engine.close();
            throw error;
          });
          return engine;
        },
        inject: [SESSION_OPTIONS, storeToken, ModulesContainer],
      },
      { provide: MODULE_ENGINE, useExisting: engineToken },
      name === undefined
        ? SessionService
        : {
            provide: serviceToken,
            useFactory: (engine: SessionEngine) => new SessionService(engine),
            inject: [engineToken],
          },
    ],
    // A store class that two layers have would be two stores: by the class only the default layer's is injected.
    exports: [
      serviceToken,
      storeToken,
      ...(name === undefined ? store.filter((one) => typeof one === 'function') : []),
    ],
  };
}

/** An object literal holds options; everything else in the place of a store has to be one. */
function isOptions(value: unknown): value is SessionModuleOptions | undefined {
  if (value === undefined) return true;
  if (typeof value !== 'object' || value === null || isStore(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function storeProviders(name: string | undefined, store: StoreOrClass | undefined): Provider[] {
  const token = getSessionStoreToken(name);
  if (typeof store === 'function') {
    checkInjectable(store);
    return [store, { provide: token, useExisting: store }];
  }
  // A module definition may serve several applications: each gets a memory store of its own.
  return [{ provide: token, useFactory: () => (store === undefined ? new MemoryStore() : store) }];
}

/** What a class without a decorator would be built with: nothing, whatever its constructor takes. */
function checkInjectable(store: Type): void {
  const isKnown = ['design:paramtypes', 'self:paramtypes'].some((types) => Reflect.hasMetadata(types, store));
  if (store.length > 0 && !isKnown)
    invalid('store', store, `a class of which Nest knows what to inject: put @Injectable() on ${store.name}`);
}

const ASYNC_OPTIONS: ReadonlySet<string> = new Set<keyof SessionModuleAsyncOptions>([
  ...(['imports', 'inject', 'useFactory', 'useClass', 'useExisting', 'store', 'global', 'name'] as const),
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
      if (typeof options !== 'object' || options === null || isStore(options))
        invalid('forRootAsync', options, 'a factory that gives options, and a store among them: return { store }');
      return options;
    },
    inject: factory === undefined ? (inject ?? []) : [factory],
  };
}
