import type { SessionRecord, SessionTimes } from './stores/session-store.js';

/**
 * A record's payload is one line about it and then the codec's text:
 *
 *     1                      the format version, then nothing or a JSON object of marks
 *     {"views":3}            the data
 */
const FORMAT = '1';

/** How long a rotated token is recognised, in ms: as long as requests can reasonably be on their way. */
export const TOMBSTONE_LIFETIME = 60_000;

const TOMBSTONE = /^1\{"rotatedTo":"([\w-]{43})"\}\n$/;

/** What a payload says before its data is decoded. */
export type Payload =
  | { readonly kind: 'data'; readonly text: string }
  /** A tombstone: the session goes on under another token, and this is its id. */
  | { readonly kind: 'rotated'; readonly successor: string }
  /** Written by a newer version: to be kept. */
  | { readonly kind: 'newer'; readonly format: string }
  | { readonly kind: 'corrupt' };

export function packData(text: string): string {
  return `${FORMAT}\n${text}`;
}

export function unpack(payload: string): Payload {
  // Data without marks is what nearly every request reads, so it is told by two characters.
  if (payload.startsWith('1\n')) return { kind: 'data', text: payload.slice(2) };
  const successor = TOMBSTONE.exec(payload)?.[1];
  if (successor !== undefined) return { kind: 'rotated', successor };
  const format = /^(\d{1,6})[{\n]/.exec(payload)?.[1];
  return format !== undefined && Number(format) > Number(FORMAT) ? { kind: 'newer', format } : { kind: 'corrupt' };
}

/**
 * What stays under a rotated id for a while, so that requests still on their way are told from
 * attacks, and a logout among them reaches the session under its new id.
 */
export function tombstoneOf(successor: string, now: number, version: string): SessionRecord {
  return {
    startedAt: now,
    usedAt: now,
    idleTimeout: TOMBSTONE_LIFETIME,
    absoluteTimeout: TOMBSTONE_LIFETIME,
    payload: `${FORMAT}${JSON.stringify({ rotatedTo: successor })}\n`,
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

/** Whether a store gave something that has the shape of a record: custom stores may not (S52). */
export function isRecord(value: unknown): value is SessionRecord {
  if (typeof value !== 'object' || value === null) return false;
  const record = value as Partial<Record<keyof SessionRecord, unknown>>;
  return (
    typeof record.payload === 'string' &&
    typeof record.version === 'string' &&
    Number.isFinite(record.startedAt) &&
    Number.isFinite(record.usedAt) &&
    Number.isFinite(record.idleTimeout) &&
    Number.isFinite(record.absoluteTimeout)
  );
}
