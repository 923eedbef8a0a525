import { hash } from 'node:crypto';
import { isMarks, NO_MARKS, type SessionMarks } from '../../session.identity.js';
import { isRecord, packData, sessionEnd, touchInterval, unpack } from '../../session.record.js';
import { endOf, type SessionRecord, type SessionTimes } from '../session-store.js';
import { METADATA_KEY } from '../simple-store.adapter.js';
import { RAW_IDS } from './raw-ids.js';
import { cookieOf, movedCookie, timesOf, type ExpressCookie } from './stored-cookie.js';

/** Names in a stored session that are not the application's data: of express-session, of us, of session-file-store. */
const NOT_DATA = ['cookie', METADATA_KEY, '__lastAccess'];

/** What we keep in a session of express-session, which hands it on with each of its writes. */
interface Kept extends SessionTimes {
  /** The public id of the session that it was written for: express code may copy all data into another one. */
  readonly of: string;
  readonly version: string;
  /** Of the data as they were written with it: other data are a later write of express-session. */
  readonly digest: string;
  /** The cookie's `expires` as it was written with it: another one is a later use. */
  readonly expires: string | null;
  readonly userId?: string;
  readonly marks?: SessionMarks;
  /** Data under names that are not free here. */
  readonly aside?: Record<string, unknown>;
  /** In place of data, what remains of a session whose token was rotated. */
  readonly payload?: string;
}

/** What the session layer's options and clocks say of sessions that others wrote. */
export interface SharedTerms {
  now(): number;
  readonly limits: { readonly idleTimeout: number; readonly absoluteTimeout: number; readonly touchInterval: number };
  /** The user that data tell of. */
  userOf(data: Record<string, unknown>): string | undefined;
  /** The last use that this process knows of, where the store did not note it in the session. */
  usedAt(id: string): number | undefined;
  readonly cookie: ExpressCookie;
}

/** A session as it stands in the store, and as a record. */
export interface Shared {
  readonly stored: Record<string, unknown>;
  readonly record: SessionRecord;
  /** Whether it has been written here, for this user. */
  readonly isAdopted: boolean;
}

/** What a stored session means; undefined for what is none. */
export function sharedOf(id: string, stored: unknown, terms: SharedTerms): Shared | undefined {
  if (typeof stored !== 'object' || stored === null || Array.isArray(stored)) return undefined;
  const session = stored as Record<string, unknown>;
  const data: Record<string, unknown> = { ...session };
  for (const name of NOT_DATA) Reflect.deleteProperty(data, name);
  const digest = digestOf(data);
  const kept = keptOf(id, session[METADATA_KEY]);
  const isAsWritten = kept?.digest === digest;
  const times = timesOfShared(id, session['cookie'], kept, terms);
  const version = isAsWritten ? kept.version : `${kept?.version ?? ''}-${digest}`;
  if (kept?.payload !== undefined) {
    return { stored: session, record: { ...times, version, payload: kept.payload }, isAdopted: true };
  }
  const { userId, marks } = identityOf(kept, isAsWritten, data, terms);
  // Their own keys, as in JSON: assigned, __proto__ would be lost.
  const whole = kept?.aside === undefined ? data : { ...data, ...kept.aside };
  const record = { ...times, version, payload: packData(JSON.stringify(whole), marks) };
  return {
    stored: session,
    record: userId === undefined ? record : { ...record, userId },
    isAdopted: kept !== undefined && kept.userId === userId,
  };
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
    ...(!isData && { payload }),
  };
  return { ...data, cookie, [METADATA_KEY]: kept };
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
  if (marks.persistent === false) begun.expires = begun.originalMaxAge = null;
  return begun;
}

/** Our part of a session, if it is that: other programs hand it on, and may have copied it into another session. */
function keptOf(id: string, value: unknown): Kept | undefined {
  const kept = value as Kept | null | undefined;
  if (typeof kept !== 'object' || kept === null || kept.of !== RAW_IDS.publicIdOf(id)) return undefined;
  const isWhole = isRecord({ payload: '', ...kept }) && (kept.marks === undefined || isMarks(kept.marks));
  return isWhole ? kept : undefined;
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

/**
 * The clocks. That a store still has a session says that it was not idle for too long: with many of them a use is not
 * seen in the session itself, as express-session's touch moves the store's expiry only.
 */
function timesOfShared(id: string, cookie: unknown, kept: Kept | undefined, terms: SharedTerms): SessionTimes {
  const { limits } = terms;
  const now = terms.now();
  const { expires, maxAge } = timesOf(cookie);
  const startedAt = kept?.startedAt ?? now;
  const absoluteTimeout = kept?.absoluteTimeout ?? limits.absoluteTimeout;
  const idleTimeout = kept?.idleTimeout ?? maxAge ?? limits.idleTimeout;
  if (kept?.payload !== undefined) return { startedAt, usedAt: kept.usedAt, idleTimeout, absoluteTimeout };
  let usedAt = Math.max(kept?.usedAt ?? 0, terms.usedAt(id) ?? 0);
  const isMoved = expires !== undefined && kept?.expires !== new Date(expires).toISOString();
  // By the clock of the machine, which is another one in tests only.
  if (isMoved && maxAge !== undefined) usedAt = Math.max(usedAt, expires - maxAge - Date.now() + now);
  const idle = Math.min(idleTimeout, limits.idleTimeout);
  // A touch is due then.
  if (usedAt + idle <= now) usedAt = now - touchInterval({ idleTimeout }, limits);
  return { startedAt, usedAt: Math.min(usedAt, now), idleTimeout, absoluteTimeout };
}

/** Tells data apart; equal for data that went through JSON. */
function digestOf(data: object): string {
  return hash('sha256', JSON.stringify(data), 'base64url');
}
