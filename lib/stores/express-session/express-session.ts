import { SessionConfigError } from '../../session.errors.js';
import type { AtomicSessionStore, SessionStore } from '../session-store.js';
import { checkExpressStore, type ExpressStore } from './express-store.js';
import { ownSessions } from './own-sessions.js';
import { SharedSessions } from './shared-sessions.js';
import { checkExpressCookie, type ExpressCookie } from './stored-cookie.js';

/** Options of `expressStore`. */
export interface ExpressStoreOptions {
  /**
   * Whether sessions are those of express-session itself, under its own ids, so that applications that use it can be
   * beside us on one store. Needs the transport `cookie({ name: 'connect.sid', secret })` with the secret of
   * express-session. Default false: the store is ours alone, and has SHA-256 of the tokens only (ASVS 11.2.4).
   */
  rawIds?: boolean;
  /**
   * With `rawIds`: the attributes with which express-session sends the cookie of sessions that began here, as its own
   * option `cookie` has them. Default `{ httpOnly: true, path: '/' }`.
   */
  cookie?: ExpressCookie;
}

/**
 * A store that was written for express-session (connect-redis, connect-pg-simple, …). It writes unconditionally, so that
 * laws 5 and 6 hold within one process only; a notice at boot says so.
 *
 * @throws SessionConfigError `INVALID_STORE`, `INVALID_OPTION`
 */
export function expressStore(store: ExpressStore, options?: ExpressStoreOptions & { rawIds?: false }): SessionStore;
export function expressStore(store: ExpressStore, options: ExpressStoreOptions & { rawIds: true }): AtomicSessionStore;
export function expressStore(store: ExpressStore, options?: ExpressStoreOptions): SessionStore | AtomicSessionStore;
export function expressStore(
  store: ExpressStore,
  options: ExpressStoreOptions = {},
): SessionStore | AtomicSessionStore {
  checkExpressStore(store);
  if (typeof options !== 'object' || (options as object | null) === null) refuse('options', 'an object', options);
  const unknown = Object.keys(options).find((name) => !['rawIds', 'cookie'].includes(name));
  if (unknown !== undefined) refuse(unknown, 'rawIds and cookie only', 'no such option');
  const { rawIds = false, cookie } = options;
  if (typeof rawIds !== 'boolean') refuse('rawIds', 'true or false', rawIds);
  if (rawIds) return new SharedSessions(store, checkExpressCookie(cookie ?? {}));
  if (cookie !== undefined) refuse('cookie', 'effect with rawIds: true only; here it is the transport cookie()', 'it');
  return ownSessions(store);
}

function refuse(name: string, takes: string, value: unknown): never {
  throw new SessionConfigError('INVALID_OPTION', `expressStore ${name}: takes ${takes}; got ${String(value)}.`);
}
