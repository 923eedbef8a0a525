import { hash } from 'node:crypto';
import { NO_MARKS, type SessionMarks } from '../../session.identity.js';
import { packData, sessionEnd, tombstoneOf, unpack } from '../../session.record.js';
import { RESERVED_NAMES } from '../../session.js';
import { endOf, type SessionRecord } from '../session-store.js';
import { METADATA_KEY } from '../simple-store.adapter.js';
import { RAW_IDS } from './raw-ids.js';
import { keptOf, sealedOf, type Kept, type Seals } from './shared-metadata.js';
import { timesOfShared } from './shared-times.js';
import { cookieOf, movedCookie, type ExpressCookie } from './stored-cookie.js';

/** Names in a stored session that are not the application's data: of express-session, of us, of session-file-store. */
const NOT_DATA = ['cookie', METADATA_KEY, '__lastAccess'];

/** Without the successor's id, which is a token here: express code shows what it has under the old one (law 7). */
const ROTATED = tombstoneOf(undefined, 0, '').payload;

/** What the session layer's options and clocks say of sessions that others wrote. */
export interface SharedTerms {
  now(): number;
  readonly limits: { readonly idleTimeout: number; readonly absoluteTimeout: number; readonly touchInterval: number };
  /** The user that data tell of. */
  userOf(data: Record<string, unknown>): string | undefined;
  /** The last use that this process knows of, where the store did not note it in the session. */
  usedAt(id: string): number | undefined;
  readonly cookie: ExpressCookie;
  readonly seals: Seals;
}

/** Limits where no session layer says others: a year, in ms. */
const YEAR = 365 * 86_400_000;
export const NO_LIMITS = { idleTimeout: YEAR, absoluteTimeout: YEAR, touchInterval: YEAR / 10 };

/** A session as it stands in the store, and as a record. */
export interface Shared {
  readonly stored: Record<string, unknown>;
  readonly record: SessionRecord;
  /** Whether it has been written here, for this user. */
  readonly isAdopted: boolean;
  /** Whether anything of it was written here. */
  readonly isOurs: boolean;
  /** Whether it has ended by what stands in it, which a store whose touch leaves no trace there knows better. */
  readonly isPast: boolean;
}

/** What a stored session means; undefined for what is none. */
export function sharedOf(id: string, stored: unknown, terms: SharedTerms): Shared | undefined {
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return undefined;
  const session = stored as Record<string, unknown>;
  const data: Record<string, unknown> = { ...session };
  for (const name of NOT_DATA) Reflect.deleteProperty(data, name);
  const digest = digestOf(data);
  const kept = keptOf(id, session[METADATA_KEY], terms.seals);
  const isAsWritten = kept?.digest === digest;
  const version = isAsWritten ? kept.version : `${kept?.version ?? ''}-${digest}`;
  const { userId, marks } = identityOf(kept, isAsWritten, data, terms);
  // Whom express-session signed in is noted here with the next touch: it is due at once.
  const isAdopted = kept !== undefined && (kept.payload !== undefined || kept.userId === userId);
  const { times, isPast } = timesOfShared(id, session['cookie'], kept, userId !== undefined && !isAdopted, terms);
  const about = { stored: session, isAdopted, isOurs: kept !== undefined, isPast };
  if (kept?.payload !== undefined) return { ...about, record: { ...times, version, payload: kept.payload } };
  // Their own keys, as in JSON: assigned, __proto__ would be lost.
  const whole = kept?.aside === undefined ? data : { ...data, ...kept.aside };
  const record = { ...times, version, payload: packData(JSON.stringify(whole), marks) };
  return { ...about, record: userId === undefined ? record : { ...record, userId } };
}

/**
 * How a record is stored, in place of `before`. The cookie's attributes belong to the application of express-session:
 * only its time moves.
 */
export function storedOf(
  id: string,
  record: SessionRecord,
  before: Record<string, unknown> | undefined,
  terms: SharedTerms,
): Record<string, unknown> {
  const { payload, version, userId, startedAt, usedAt, idleTimeout, absoluteTimeout } = record;
  const content = unpack(payload);
  const isData = content.kind === 'data';
  const data = isData ? (JSON.parse(content.text) as Record<string, unknown>) : {};
  const aside: Record<string, unknown> = {};
  for (const name of NOT_DATA) {
    if (!Object.hasOwn(data, name)) continue;
    aside[name] = data[name];
    Reflect.deleteProperty(data, name);
  }
  // express-session's own data may have names that sessions have here; who can't read them does not delete them.
  for (const name of isData && before !== undefined ? RESERVED_NAMES : []) {
    if (!Object.hasOwn(data, name) && Object.hasOwn(before ?? {}, name)) define(data, name, before?.[name]);
  }
  const marks = isData ? content.marks : NO_MARKS;
  const cookie = cookieFor(record, isData, marks, before?.['cookie'], terms);
  const kept: Kept = {
    of: RAW_IDS.publicIdOf(id),
    version,
    digest: digestOf(data),
    expires: cookie.expires?.toISOString() ?? null,
    ...{ startedAt, usedAt, idleTimeout, absoluteTimeout },
    ...(userId !== undefined && { userId }),
    ...(marks !== NO_MARKS && { marks }),
    ...(Object.keys(aside).length > 0 && { aside }),
    ...(!isData && { payload: content.kind === 'rotated' ? ROTATED : payload }),
  };
  return { ...data, cookie, [METADATA_KEY]: sealedOf(kept, terms.seals) };
}

/** Own, also where the name is `__proto__`. */
function define(data: object, name: string, value: unknown): void {
  Object.defineProperty(data, name, { value, writable: true, enumerable: true, configurable: true });
}

function cookieFor(
  record: SessionRecord,
  isData: boolean,
  marks: SessionMarks,
  before: unknown,
  terms: SharedTerms,
): ReturnType<typeof cookieOf> {
  const end = isData ? sessionEnd(record, terms.limits) : endOf(record);
  const lifetime = Math.max(1, end - terms.now());
  const there = typeof before === 'object' && before !== null ? before : undefined;
  // What remains of a rotated session is not to be kept longer by express-session.
  if (!isData) return cookieOf(lifetime, there);
  if (there !== undefined) return movedCookie(there, lifetime);
  const begun = cookieOf(lifetime, terms.cookie);
  // It ends with the browser; the session in the store does not outlive its limits.
  if (marks.persistent === false) begun.originalMaxAge = null;
  return begun;
}

/** Whom a session belongs to. Where express-session wrote last its data say so, unless `login` did. */
function identityOf(
  kept: Kept | undefined,
  isAsWritten: boolean,
  data: Record<string, unknown>,
  terms: SharedTerms,
): { userId: string | undefined; marks: SessionMarks } {
  const { userId, marks = NO_MARKS } = kept ?? {};
  const isByData = userId === undefined || (marks.byData === true && !isAsWritten);
  if (!isByData) return { userId, marks };
  const byData = terms.userOf(data);
  // When they proved who they are is not known: whoever asks for a recent login gets a new one.
  if (byData !== userId) return { userId: byData, marks: byData === undefined ? NO_MARKS : { byData: true } };
  return { userId, marks };
}

/** Tells data apart; equal for data that went through JSON. */
function digestOf(data: object): string {
  return hash('sha256', JSON.stringify(data), 'base64url');
}
