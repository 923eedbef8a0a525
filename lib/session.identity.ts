import type { Data } from './session.diff.js';
import { SessionUsageError } from './session.errors.js';
import type { ResolvedSessionOptions } from './session.options.js';

/** What a login knows of the client's device. Both are what the client and the trusted proxies say. */
export interface SessionDevice {
  /** The client's address, by the framework's own trust of proxies. */
  readonly address?: string;
  /** The `User-Agent` header, its first 512 characters. */
  readonly userAgent?: string;
}

/** What the session layer notes in a record beside the data. Written by logins; by the data only with `userIdOf` (ASVS 15.3.3). */
export interface SessionMarks {
  /** When the user last proved who they are, in ms since the epoch. */
  readonly authenticatedAt?: number;
  /** How strongly they did; 1 where nothing stands. */
  readonly level?: number;
  readonly label?: string;
  readonly device?: SessionDevice;
  /** False when the cookie ends with the browser. */
  readonly persistent?: false;
  /** The user comes from the data (`userIdOf`), so it changes with them. */
  readonly byData?: true;
  /** What the token is bound to (`binding`): 16 bytes of a hash, in base64url. Goes with the token. */
  readonly binding?: string;
}

/** Whom a session belongs to. */
export interface SessionIdentity {
  readonly userId: string | undefined;
  readonly marks: SessionMarks;
}

export const NO_MARKS: SessionMarks = Object.freeze({});

export const ANONYMOUS: SessionIdentity = Object.freeze({ userId: undefined, marks: NO_MARKS });

/** What each mark has to look like. Others are of a newer version, which would say so in its format. */
const IS_MARK: { readonly [Name in keyof SessionMarks]-?: (value: unknown) => boolean } = {
  authenticatedAt: Number.isFinite,
  level: Number.isSafeInteger,
  label: (value) => typeof value === 'string',
  device: (value) => typeof value === 'object' && value !== null,
  persistent: (value) => value === false,
  byData: (value) => value === true,
  binding: (value) => typeof value === 'string' && /^[\w-]{22}$/.test(value),
};

/** Whether these are the marks of a record; other programs may have written it. */
export function isMarks(value: unknown): value is SessionMarks {
  if (typeof value !== 'object' || value === null) return false;
  for (const [name, mark] of Object.entries(value)) {
    if (!Object.hasOwn(IS_MARK, name) || !IS_MARK[name as keyof SessionMarks](mark)) return false;
  }
  return true;
}

/**
 * Whom a session belongs to by its data, when that is not whom it belongs to now. One that was bound
 * by `login` stays so, whatever the data say.
 */
export function identityByData(
  { userIdOf, clock }: Pick<ResolvedSessionOptions, 'userIdOf' | 'clock'>,
  identity: SessionIdentity,
  data: Data,
  device?: SessionDevice,
): SessionIdentity | undefined {
  if (userIdOf === undefined || (identity.userId !== undefined && identity.marks.byData !== true)) return undefined;
  const given = userIdOf(data);
  const userId =
    given === undefined || given === null || given === ''
      ? undefined
      : userIdFrom(given, 'What the option userIdOf gives');
  if (userId === identity.userId) return undefined;
  if (userId === undefined) return boundTo(ANONYMOUS, identity.marks.binding);
  return { userId, marks: { authenticatedAt: clock(), byData: true, ...(device !== undefined && { device }) } };
}

/** The same identity with another binding, or without one. */
export function boundTo(identity: SessionIdentity, binding: string | undefined): SessionIdentity {
  if (identity.marks.binding === binding) return identity;
  const { binding: _before, ...marks } = identity.marks;
  return { userId: identity.userId, marks: binding === undefined ? marks : { ...marks, binding } };
}

/** The longest user id: PostgreSQL and others index text up to some thousand bytes only. */
const MAX_USER_ID = 256;

/**
 * A user id as it is stored: text; numbers are taken as text.
 *
 * @throws SessionUsageError `INVALID_USER_ID` for anything else, also for text that not every store can keep
 */
export function userIdFrom(value: unknown, source = 'A user id'): string {
  const id = typeof value === 'bigint' || Number.isSafeInteger(value) ? String(value) : value;
  if (typeof id === 'string' && id !== '' && id.length <= MAX_USER_ID && id.isWellFormed() && !id.includes('\0')) {
    return id;
  }
  throw new SessionUsageError(
    'INVALID_USER_ID',
    `${source} is text of 1 to ${String(MAX_USER_ID)} characters, or a whole number; got ${described(value)}.`,
  );
}

/** Not the value itself: whatever is handed over by mistake may be a secret. */
function described(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'empty text' : `text of ${String(value.length)} characters`;
  if (typeof value === 'number') return String(value);
  return value === null ? 'null' : typeof value;
}
