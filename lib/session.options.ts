import { Logger } from '@nestjs/common';
import { jsonCodec } from './codec/json.codec.js';
import type { SessionCodec } from './codec/session-codec.js';
import { DURATION, toMs, type Duration } from './session.duration.js';
import type { SessionLogger } from './session.events.js';
import { checkBinding, type SessionBinding } from './session.binding.js';
import { pathMatcher } from './session.paths.js';
import { TOUCH_SHARE } from './session.record.js';
import { atomicStoreOf } from './stores/atomic-store-of.js';
import { MemoryStore } from './stores/memory.store.js';
import type { AtomicSessionStore, SessionStore } from './stores/session-store.js';
import { hasMethods, invalid } from './session.checks.js';
import { checkedSchema, type DataSchema, type MigratedData, type SessionSchema } from './session.schema.js';
import type { SessionTransport, TransportRequest } from './transports/session-transport.js';
import { transportPlan, type TransportPlan } from './transports/transport-plan.js';

/** Options of `SessionModule.forRoot` and `session()`. Wrong ones fail at boot, by name. */
export interface SessionOptions<Schema extends SessionSchema = SessionSchema> {
  /** Where sessions are kept. Default: a `MemoryStore` of 100,000 sessions. */
  store?: SessionStore | AtomicSessionStore;
  /** Where the token travels. Default: `header()`, that is `X-Auth-Token`. */
  transport?: SessionTransport | readonly SessionTransport[] | TransportPlan;
  /** A session ends this long after its last request. Default `'30m'` (ASVS 7.3.1). */
  idleTimeout?: Duration;
  /** A session ends this long after it began, used or not. Default `'12h'` (ASVS 7.3.2). */
  absoluteTimeout?: Duration;
  /**
   * The idle clock is moved at most this often, which saves a store command on all other requests.
   * Default: a tenth of `idleTimeout`; always less than it.
   */
  touchInterval?: Duration;
  /** How long a store call may take before the request goes on without it. Default `'2s'`. */
  storeTimeout?: Duration;
  /** How many bytes of encoded data a session may hold. Default 65,536. */
  maxBytes?: number;
  /**
   * What a request sees whose session could not be loaded: `'fail'`, a 503 at the first use of the
   * session, or `'anonymous'`, an empty session that can be read but not changed. Default `'fail'`.
   */
  onStoreError?: 'fail' | 'anonymous';
  /** How many sessions a user may have at a time (ASVS 7.1.2). Default: any number. */
  maxPerUser?: number;
  /**
   * What a login beyond `maxPerUser` does: `'evict'` ends the session that was used longest ago,
   * `'reject'` fails with 403 `TOO_MANY_SESSIONS`. Default `'evict'`.
   */
  onMaxPerUser?: 'evict' | 'reject';
  /**
   * The user that a session's data tell of, for code that never calls `login` (Passport, say):
   * when it changes, the session is bound to that user under a new token. The data are the proof then:
   * assign nothing to them that a client chose as a whole. Default: data tell of none.
   *
   * ```ts
   * userIdOf: (data: { passport?: { user?: string } }) => data.passport?.user
   * ```
   */
  userIdOf?: (data: Readonly<Record<string, unknown>>) => string | number | bigint | null | undefined;
  /** Whether a login notes the client's address and user agent, for `list`. Default false. */
  captureDevice?: boolean;
  /**
   * What of a request sessions are bound to besides their token, and whether what does not fit is
   * reported or refused; noted with each new token. Sessions from before the option, or stored
   * outside of a request, have none, and are used from everywhere. Default none.
   *
   * ```ts
   * binding: { of: userAgent, onMismatch: 'report' }
   * ```
   */
  binding?: SessionBinding;
  /**
   * What the data of sessions look like: any Standard Schema that answers without a promise. Data are checked when they
   * are loaded and before they are stored; a session without data always fits. Default none: data are not checked.
   */
  schema?: Schema;
  /**
   * Makes data that the schema takes of data that it refuses, such as those of an earlier deployment. What it gives is
   * stored with the session's next change. Default none.
   *
   * ```ts
   * migrate: (old): InferSession<typeof schema> => ({ items: Array.isArray(old.cart) ? old.cart : [], theme: 'light' })
   * ```
   */
  migrate?: (old: Record<string, unknown>) => MigratedData<Schema>;
  /**
   * What becomes of a session whose stored data the schema refuses, `migrate` or not: `'keep'`, it stays as it is and its
   * requests get 503 `FORMAT_UNKNOWN`; `'discard'`, it is removed as one that can't be decoded. Default `'keep'`, as
   * another deployment may need it.
   */
  onDataMismatch?: 'keep' | 'discard';
  /** How data becomes text. Default: JSON that refuses what it can't carry. */
  codec?: SessionCodec;
  /** What log lines go to. Default: Nest's `Logger`. */
  logger?: SessionLogger;
  /** Paths without sessions, by whole segments: `'/health'` means `/health` and `/health/db`, not `/healthy`. */
  exclude?: readonly string[];
  /** The current time in ms since the epoch, for tests. Default `Date.now`. */
  clock?: () => number;
}

/** The options as the session layer uses them: complete and checked. */
export interface ResolvedSessionOptions {
  /** Of the session layer, beside others of an application; undefined for the default one. */
  readonly name: string | undefined;
  readonly store: AtomicSessionStore;
  readonly transports: readonly SessionTransport[];
  /** The transports in the order in which a request is asked: explicit ones first. */
  readonly readingOrder: readonly SessionTransport[];
  /** What answers that depend on a session say in `Vary`. */
  readonly vary: string;
  readonly issue: ((request: TransportRequest) => SessionTransport) | undefined;
  readonly idleTimeout: number;
  readonly absoluteTimeout: number;
  readonly touchInterval: number;
  readonly storeTimeout: number;
  readonly maxBytes: number;
  readonly onStoreError: 'fail' | 'anonymous';
  readonly maxPerUser: number | undefined;
  readonly onMaxPerUser: 'evict' | 'reject';
  readonly userIdOf: SessionOptions['userIdOf'];
  readonly captureDevice: boolean;
  readonly binding: SessionBinding | undefined;
  readonly schema: DataSchema | undefined;
  readonly codec: SessionCodec;
  readonly logger: SessionLogger;
  readonly excludes: ((path: string) => boolean) | undefined;
  readonly clock: () => number;
}

/** The default of each option that has one, as a reader would write it. */
export const SESSION_DEFAULTS = {
  idleTimeout: '30m',
  absoluteTimeout: '12h',
  touchIntervalShare: TOUCH_SHARE,
  storeTimeout: '2s',
  maxBytes: 65_536,
  onStoreError: 'fail',
  onMaxPerUser: 'evict',
  captureDevice: false,
  onDataMismatch: 'keep',
} as const;

const KNOWN: Record<keyof SessionOptions, true> = {
  store: true,
  transport: true,
  idleTimeout: true,
  absoluteTimeout: true,
  touchInterval: true,
  storeTimeout: true,
  maxBytes: true,
  onStoreError: true,
  maxPerUser: true,
  onMaxPerUser: true,
  userIdOf: true,
  captureDevice: true,
  binding: true,
  schema: true,
  migrate: true,
  onDataMismatch: true,
  codec: true,
  logger: true,
  exclude: true,
  clock: true,
};

/** Every option there is: what the documentation's table is checked against. */
export const SESSION_OPTION_NAMES = Object.keys(KNOWN) as (keyof SessionOptions)[];

/** What express-session calls otherwise, or does not need here. */
const OF_EXPRESS_SESSION: Readonly<Record<string, string>> = {
  secret: 'nothing: a token is no signed id (cookie({ secret }) reads cookies of express-session)',
  cookie: '`transport: cookie({ … })`',
  resave: 'nothing: only changes are stored',
  saveUninitialized: 'nothing: an empty session is not stored',
  rolling: '`idleTimeout`: every use of a session counts',
  genid: 'nothing: tokens are random',
  unset: 'nothing: `req.session = null` ends the session',
  proxy: "the framework's own trust of proxies",
};

function instead(name: string): string {
  const here = Object.hasOwn(OF_EXPRESS_SESSION, name) ? OF_EXPRESS_SESSION[name] : undefined;
  return here === undefined ? '' : `for this option of express-session ${here}; otherwise `;
}

/** A timer's longest delay; a longer one would fire at once. */
const MAX_TIMER = 2 ** 31 - 1;

/**
 * Fills in defaults and checks everything: the only place that does either.
 *
 * @param layerName of the session layer: no option, as it names what others inject
 * @throws SessionConfigError with the option's name, what came and what it takes
 */
export function resolveOptions(options: SessionOptions = {}, layerName?: string): ResolvedSessionOptions {
  for (const name of Object.keys(options)) {
    if (name === 'name') {
      const takes = 'its place in SessionModule.forRoot(store, { name }), or beside the factory of forRootAsync';
      invalid(name, (options as { name?: unknown }).name, `${takes}; session() has none`);
    }
    if (!Object.hasOwn(KNOWN, name)) {
      invalid(name, 'no such option', `${instead(name)}one of ${SESSION_OPTION_NAMES.join(', ')}`);
    }
  }
  const {
    store = new MemoryStore(),
    idleTimeout: idle = SESSION_DEFAULTS.idleTimeout,
    absoluteTimeout: absolute = SESSION_DEFAULTS.absoluteTimeout,
    storeTimeout: deadline = SESSION_DEFAULTS.storeTimeout,
    maxBytes = SESSION_DEFAULTS.maxBytes,
    onStoreError = SESSION_DEFAULTS.onStoreError,
    maxPerUser,
    onMaxPerUser = SESSION_DEFAULTS.onMaxPerUser,
    userIdOf,
    captureDevice = SESSION_DEFAULTS.captureDevice,
    onDataMismatch = SESSION_DEFAULTS.onDataMismatch,
    codec = jsonCodec,
    logger = new Logger(layerName === undefined ? 'Session' : `Session ${layerName}`),
    exclude = [],
    clock = Date.now,
  } = options;
  const idleTimeout = duration('idleTimeout', idle);
  const absoluteTimeout = duration('absoluteTimeout', absolute);
  const storeTimeout = duration('storeTimeout', deadline);
  if (idleTimeout < 2) invalid('idleTimeout', idle, 'at least 2 ms');
  if (idleTimeout > absoluteTimeout) {
    const limit = `'${String(absolute)}'${options.absoluteTimeout === undefined ? ' by default: set that, too' : ''}`;
    invalid('idleTimeout', idle, `at most absoluteTimeout, which is ${limit}`);
  }
  if (storeTimeout > MAX_TIMER) invalid('storeTimeout', deadline, 'at most 24 days');
  const { touchInterval: interval = Math.max(1, Math.floor(idleTimeout * SESSION_DEFAULTS.touchIntervalShare)) } =
    options;
  const touchInterval = duration('touchInterval', interval);
  if (touchInterval >= idleTimeout) invalid('touchInterval', interval, 'less than idleTimeout');
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 2)
    invalid('maxBytes', maxBytes, 'a whole number of bytes of at least 2');
  if (!['fail', 'anonymous'].includes(onStoreError)) invalid('onStoreError', onStoreError, "'fail' or 'anonymous'");
  if (typeof clock !== 'function') invalid('clock', clock, 'a function that gives ms since the epoch');

  const atomicStore = atomicStoreOf(store, storeTimeout);
  if (maxPerUser !== undefined) {
    if (!Number.isSafeInteger(maxPerUser) || maxPerUser < 1)
      invalid('maxPerUser', maxPerUser, 'a whole number of at least 1');
    if (atomicStore.users === undefined)
      invalid('maxPerUser', maxPerUser, 'a store that has `users`, its index of users');
  }
  if (!['evict', 'reject'].includes(onMaxPerUser)) invalid('onMaxPerUser', onMaxPerUser, "'evict' or 'reject'");
  if (userIdOf !== undefined && typeof userIdOf !== 'function') invalid('userIdOf', userIdOf, 'a function of the data');
  if (typeof captureDevice !== 'boolean') invalid('captureDevice', captureDevice, 'true or false');

  const { accept, issue } = transportPlan(options.transport);
  return {
    name: layerName,
    store: atomicStore,
    transports: accept,
    readingOrder: [...accept].sort((a, b) => Number(b.explicit) - Number(a.explicit)),
    vary: accept.flatMap(({ vary }) => (vary === '' ? [] : [vary])).join(', '),
    issue,
    idleTimeout,
    absoluteTimeout,
    touchInterval,
    storeTimeout,
    maxBytes,
    onStoreError,
    maxPerUser,
    onMaxPerUser,
    userIdOf,
    captureDevice,
    binding: checkBinding(options.binding),
    schema: checkedSchema(options.schema, options.migrate, onDataMismatch),
    codec: checkedCodec(codec),
    logger: withMethods('logger', logger, ['warn', 'error']),
    excludes: excludeMatcher(exclude),
    clock,
  };
}

function duration(name: string, value: unknown): number {
  return toMs(value) ?? invalid(name, value, DURATION);
}

function excludeMatcher(paths: readonly string[]): ((path: string) => boolean) | undefined {
  if (
    !Array.isArray(paths) ||
    !paths.every((path) => typeof path === 'string' && path.startsWith('/') && !/\*|\/\.\.(?:\/|$)/.test(path))
  ) {
    invalid('exclude', paths, "a list of paths that begin with '/', without wildcards: '/health' means all below it");
  }
  return paths.length === 0 ? undefined : pathMatcher(paths);
}

function withMethods<T extends object>(name: string, value: T, methods: string[]): T {
  if (!hasMethods(value, methods)) invalid(name, value, `an object with ${methods.join(' and ')}`);
  return value;
}

function checkedCodec(codec: SessionCodec): SessionCodec {
  withMethods('codec', codec, ['encode', 'decode']);
  // Half of it would store what nobody can read, or open what nobody has sealed.
  if ((codec.seal !== undefined || codec.open !== undefined) && !hasMethods(codec, ['seal', 'open']))
    invalid('codec', codec, 'an object with both of seal and open, or neither');
  const { plainText } = codec;
  if (plainText !== undefined && !['refuse', 'read', 'write'].includes(plainText))
    invalid('codec.plainText', plainText, "'refuse', 'read' or 'write'");
  return codec;
}
