import type { SessionDevice, SessionIdentity } from './session.identity.js';
import { absoluteEnd, idleEnd, type TimeLimits } from './session.record.js';
import type { SessionTimes } from './stores/session-store.js';

/** What may be known of a session besides its data and its token. Times are in ms since the epoch. */
export interface SessionDetails {
  /** The user that the session is bound to, if any. */
  readonly userId: string | undefined;
  /** When the user last proved who they are; undefined without a user. */
  readonly authenticatedAt: number | undefined;
  /** How strongly: 0 without a user, 1 after a login, more as `login` and `reauthenticate` say. */
  readonly level: number;
  /** What `login` was told to call it. */
  readonly label: string | undefined;
  /** Where the user signed in, with the option `captureDevice`. */
  readonly device: SessionDevice | undefined;
  /** Whether a cookie that holds the token outlives the browser. */
  readonly persistent: boolean;
  /** When the session began, or its last login: the absolute limit counts from here. */
  readonly startedAt: number;
  /** The last use, to within `touchInterval`. */
  readonly usedAt: number;
  /** When the session ends if it is not used again. */
  readonly idleExpiresAt: number;
  /** When the session ends in any case. */
  readonly absoluteExpiresAt: number;
}

export function detailsOf(times: SessionTimes, { userId, marks }: SessionIdentity, limits: TimeLimits): SessionDetails {
  return {
    userId,
    authenticatedAt: marks.authenticatedAt,
    level: levelOf({ userId, marks }),
    label: marks.label,
    device: marks.device,
    persistent: marks.persistent !== false,
    startedAt: times.startedAt,
    usedAt: times.usedAt,
    idleExpiresAt: idleEnd(times, limits),
    absoluteExpiresAt: absoluteEnd(times, limits),
  };
}

/** How strongly the user of a session has proved who they are: 0 without a user. */
export function levelOf({ userId, marks }: SessionIdentity): number {
  return userId === undefined ? 0 : (marks.level ?? 1);
}
