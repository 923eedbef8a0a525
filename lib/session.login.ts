import { DURATION, toMs, type Duration } from './session.duration.js';
import type { SessionEngine } from './session.engine.js';
import { isSessionError, SessionUsageError, type SessionErrorCode } from './session.errors.js';
import { userIdFrom, type SessionDevice, type SessionIdentity } from './session.identity.js';
import type { SessionData } from './session.js';
import type { SessionTimes } from './stores/session-store.js';

/** How a session begins with a login. */
export interface LoginOptions<T extends object = SessionData> {
  /** This session's idle limit; at most the option of the module. Default: that option. */
  idleTimeout?: Duration | undefined;
  /** This session's absolute limit; at most the option of the module. Default: that option. */
  absoluteTimeout?: Duration | undefined;
  /** Whether a cookie with the token outlives the browser; false for "don't remember me". Default true. */
  persistent?: boolean | undefined;
  /** What to call the session in `list`: text of at most 200 characters. Default none. */
  label?: string | undefined;
  /** How strongly the user proved who they are: 1, or more with further factors. Default 1. */
  level?: number | undefined;
  /** The keys whose data move to the new session. Default none: nothing moves along unnamed. */
  keep?: readonly (keyof T & string)[] | undefined;
}

type AnyLoginOptions = Omit<LoginOptions, 'keep'> & { keep?: readonly string[] | undefined };

/** A login as the session layer carries it out. */
export interface Login {
  readonly identity: SessionIdentity;
  readonly times: SessionTimes;
  readonly keep: readonly string[];
}

const MAX_LABEL = 200;

/** Refusals that sessions meet too which their data bind to a user: they are told where they are found. */
const TOLD_ELSEWHERE: readonly SessionErrorCode[] = ['TOO_MANY_SESSIONS', 'CSRF_REFUSED'];

const KNOWN: Record<keyof LoginOptions, true> = {
  idleTimeout: true,
  absoluteTimeout: true,
  persistent: true,
  label: true,
  level: true,
  keep: true,
};

/**
 * Checks what `login` was given.
 *
 * @throws SessionUsageError `INVALID_USER_ID`, `INVALID_LOGIN_OPTION`
 */
export function loginOf(
  engine: SessionEngine,
  user: unknown,
  options: AnyLoginOptions,
  device: SessionDevice | undefined,
): Login {
  checkNames('login', options, Object.keys(KNOWN));
  const { persistent = true, label, level = 1, keep = [] } = options;
  if (typeof persistent !== 'boolean') refuse('persistent', persistent, 'true or false');
  if (label !== undefined && !isLabel(label)) refuse('label', label, `text of at most ${String(MAX_LABEL)} characters`);
  checkLevel(level);
  if (!Array.isArray(keep)) refuse('keep', keep, "a list of keys: { keep: ['cart'] }");
  const marks = {
    authenticatedAt: engine.now(),
    ...(level !== 1 && { level }),
    ...(label !== undefined && { label }),
    ...(device !== undefined && { device }),
    ...(!persistent && { persistent }),
  };
  return { identity: { userId: userIdFrom(user), marks }, times: timesOf(engine, options), keep };
}

/** Tells of a login that fails, whatever the reason (ASVS 16.3.1). */
export async function loggingIn<T>(
  { events }: SessionEngine,
  { userId }: SessionIdentity,
  login: () => Promise<T>,
): Promise<T> {
  try {
    return await login();
  } catch (error) {
    const isTold = isSessionError(error) && TOLD_ELSEWHERE.includes(error.code);
    // Other errors are the application's, and may quote data.
    const reason = isSessionError(error) ? error.message : 'the application called it in a way that can not work';
    if (userId !== undefined && !isTold) events.emit({ type: 'authn_login_fail', userId, reason });
    throw error;
  }
}

/** @throws SessionUsageError `INVALID_LOGIN_OPTION` for an option that does not exist */
export function checkNames(operation: string, options: object, names: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    throw new SessionUsageError(
      'INVALID_LOGIN_OPTION',
      `${operation} option ${name}: takes one of ${names.join(', ')}; got no such option.`,
    );
  }
}

/** @throws SessionUsageError `INVALID_LOGIN_OPTION` */
export function checkLevel(level: unknown): asserts level is number {
  if (!Number.isSafeInteger(level) || (level as number) < 1) refuse('level', level, 'a whole number of at least 1');
}

function timesOf(engine: SessionEngine, { idleTimeout, absoluteTimeout }: AnyLoginOptions): SessionTimes {
  const { options } = engine;
  const now = engine.now();
  const absolute = limit(engine, 'absoluteTimeout', absoluteTimeout ?? options.absoluteTimeout);
  // A short absolute limit alone is meant to shorten the idle one too.
  const idle = limit(engine, 'idleTimeout', idleTimeout ?? Math.min(options.idleTimeout, absolute));
  if (idle > absolute) refuse('idleTimeout', idleTimeout, 'at most absoluteTimeout');
  return { startedAt: now, usedAt: now, idleTimeout: idle, absoluteTimeout: absolute };
}

function limit(engine: SessionEngine, name: 'idleTimeout' | 'absoluteTimeout', value: Duration): number {
  const ms = toMs(value) ?? refuse(name, value, DURATION);
  if (ms > engine.options[name]) {
    engine.events.emit({
      type: 'store_notice',
      reason: `login() asks for a longer ${name} than the module allows, whose option caps it: raise the option ${name}.`,
    });
  }
  return ms;
}

function isLabel(label: unknown): boolean {
  return typeof label === 'string' && label.length <= MAX_LABEL && label.isWellFormed();
}

function refuse(name: string, value: unknown, takes: string): never {
  const came = typeof value === 'string' ? `'${value.slice(0, 50)}'` : String(value);
  throw new SessionUsageError('INVALID_LOGIN_OPTION', `login option ${name}: takes ${takes}; got ${came}.`);
}
