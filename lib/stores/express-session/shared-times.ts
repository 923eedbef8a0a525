import { touchInterval } from '../../session.record.js';
import type { SessionTimes } from '../session-store.js';
import type { Kept } from './shared-metadata.js';
import type { SharedTerms } from './shared-record.js';
import { timesOf } from './stored-cookie.js';

export interface SharedTimes {
  readonly times: SessionTimes;
  /**
   * Whether the session has ended by what stands in it. Where the store's touch leaves no trace there, its own expiry
   * knows better: express-session may have touched it since.
   */
  readonly isPast: boolean;
}

/** The clocks of a session that express-session may have used since it was written here. */
export function timesOfShared(
  id: string,
  cookie: unknown,
  kept: Kept | undefined,
  isDue: boolean,
  terms: SharedTerms,
): SharedTimes {
  const { limits } = terms;
  const now = terms.now();
  const { expires, maxAge } = timesOf(cookie);
  const startedAt = Math.min(kept?.startedAt ?? now, now);
  const absoluteTimeout = kept?.absoluteTimeout ?? limits.absoluteTimeout;
  const idleTimeout = kept?.idleTimeout ?? maxAge ?? limits.idleTimeout;
  if (kept?.payload !== undefined) {
    return { times: { startedAt, usedAt: Math.min(kept.usedAt, now), idleTimeout, absoluteTimeout }, isPast: false };
  }
  const idle = Math.min(idleTimeout, limits.idleTimeout);
  let usedAt = Math.max(kept?.usedAt ?? 0, terms.usedAt(id) ?? 0);
  const isMoved = expires !== undefined && kept?.expires !== new Date(expires).toISOString();
  // By the clock of the machine, which is another one in tests only.
  if (isMoved) usedAt = Math.max(usedAt, expires - (maxAge ?? idle) - Date.now() + now);
  const isPast = expires !== undefined && (expires <= Date.now() || (!isMoved && usedAt + idle <= now));
  const latest = now - touchInterval({ idleTimeout }, limits);
  // A touch is due then. Without `expires` express-session used it, nobody knows when.
  if (usedAt + idle <= now) usedAt = latest;
  else if (isDue || expires === undefined) usedAt = Math.min(usedAt, latest);
  return { times: { startedAt, usedAt: Math.min(usedAt, now), idleTimeout, absoluteTimeout }, isPast };
}
