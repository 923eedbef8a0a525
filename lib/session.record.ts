import { isMarks, NO_MARKS, type SessionIdentity, type SessionMarks } from './session.identity.js';
import type { SessionRecord, SessionTimes } from './stores/session-store.js';

/**
 * A record's payload is one line about it and then the codec's text:
 *
 *     1                      the format version, then nothing or a JSON object of marks
 *     {"views":3}            the data
 *
 * Where the codec seals, all of that stands sealed behind a line of its own:
 *
 *     2
 *     2026-11.VbTq…
 */
const FORMAT = '1';
const SEALED = '2';

/** How long a rotated token is recognised, in ms: as long as requests can reasonably be on their way. */
export const TOMBSTONE_LIFETIME = 60_000;

/** The default touch interval, as a part of the idle limit. */
export const TOUCH_SHARE = 0.1;

const TOMBSTONE = /^1\{"rotatedTo":(?:"([\w-]{43})"|null)\}\n$/;

/** What a payload says before its data is decoded. */
export type Payload =
  | { readonly kind: 'data'; readonly text: string; readonly marks: SessionMarks }
  /** A tombstone: the session goes on under another token, and this is its id unless it is not to be known. */
  | { readonly kind: 'rotated'; readonly successor: string | undefined }
  /** Only the codec can tell what it says. */
  | { readonly kind: 'sealed'; readonly seal: string }
  /** Written by a newer version: to be kept. */
  | { readonly kind: 'newer'; readonly format: string }
  | { readonly kind: 'corrupt' };

export function packData(text: string, marks: SessionMarks = NO_MARKS): string {
  return marks === NO_MARKS ? `${FORMAT}\n${text}` : `${FORMAT}${JSON.stringify(marks)}\n${text}`;
}

export function packSealed(seal: string): string {
  return `${SEALED}\n${seal}`;
}

export function unpack(payload: string): Payload {
  // Data without marks is told by two characters.
  if (payload.startsWith('1\n')) return { kind: 'data', text: payload.slice(2), marks: NO_MARKS };
  if (payload.startsWith('2\n')) return { kind: 'sealed', seal: payload.slice(2) };
  if (payload.startsWith('1{"rotatedTo":')) {
    const tombstone = TOMBSTONE.exec(payload);
    return tombstone === null ? { kind: 'corrupt' } : { kind: 'rotated', successor: tombstone[1] };
  }
  if (payload.startsWith('1{')) {
    const end = payload.indexOf('\n');
    const marks = parsed(payload.slice(1, end));
    return isMarks(marks) ? { kind: 'data', text: payload.slice(end + 1), marks } : { kind: 'corrupt' };
  }
  const format = /^(\d{1,6})[{\n]/.exec(payload)?.[1];
  return format !== undefined && Number(format) > Number(FORMAT) ? { kind: 'newer', format } : { kind: 'corrupt' };
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** The record of a session. */
export function recordOf(
  { userId, marks }: SessionIdentity,
  { startedAt, usedAt, idleTimeout, absoluteTimeout }: SessionTimes,
  text: string,
  version: string,
): SessionRecord {
  const record = { startedAt, usedAt, idleTimeout, absoluteTimeout, payload: packData(text, marks), version };
  return userId === undefined ? record : { ...record, userId };
}

/**
 * What stays under a rotated id for a while, so that requests still on their way are told from
 * attacks. A logout among them reaches the session under its new id, when it is known: who signed
 * in meanwhile is not signed out by what was sent before.
 */
export function tombstoneOf(successor: string | undefined, now: number, version: string): SessionRecord {
  return {
    startedAt: now,
    usedAt: now,
    idleTimeout: TOMBSTONE_LIFETIME,
    absoluteTimeout: TOMBSTONE_LIFETIME,
    payload: `${FORMAT}${JSON.stringify({ rotatedTo: successor ?? null })}\n`,
    version,
  };
}

export interface TimeLimits {
  readonly idleTimeout: number;
  readonly absoluteTimeout: number;
}

/** When a session ends, in ms since the epoch: by its own limits, capped by today's options. */
export function sessionEnd(times: SessionTimes, limits: TimeLimits): number {
  return Math.min(idleEnd(times, limits), absoluteEnd(times, limits));
}

/** When a session ends at the latest, however much it is used, in ms since the epoch. */
export function absoluteEnd(times: SessionTimes, limits: TimeLimits): number {
  return times.startedAt + Math.min(times.absoluteTimeout, limits.absoluteTimeout);
}

/** When a session ends if it is not used again, in ms since the epoch. */
export function idleEnd(times: SessionTimes, limits: TimeLimits): number {
  return times.usedAt + Math.min(times.idleTimeout, limits.idleTimeout);
}

/** How often a session's idle clock is moved: one with a shorter limit than others needs it more often. */
export function touchInterval(
  { idleTimeout }: Pick<SessionTimes, 'idleTimeout'>,
  options: { readonly idleTimeout: number; readonly touchInterval: number },
): number {
  if (idleTimeout >= options.idleTimeout) return options.touchInterval;
  return Math.min(options.touchInterval, Math.max(1, Math.floor(idleTimeout * TOUCH_SHARE)));
}

/** Whether a store gave something that has the shape of a record: custom stores may not (S52). */
export function isRecord(value: unknown): value is SessionRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Partial<Record<keyof SessionRecord, unknown>>;
  return (
    typeof record.payload === 'string' &&
    typeof record.version === 'string' &&
    // A database has null for what is not there.
    (record.userId === undefined || record.userId === null || typeof record.userId === 'string') &&
    Number.isFinite(record.startedAt) &&
    Number.isFinite(record.usedAt) &&
    Number.isFinite(record.idleTimeout) &&
    Number.isFinite(record.absoluteTimeout)
  );
}
