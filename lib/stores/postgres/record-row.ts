import { NO_RECORD } from '../no-record.js';
import type { SessionRecord } from '../session-store.js';

/** The columns of a record, in the order of {@link valuesOf}. */
export const COLUMNS = 'payload, version, user_id, started_at, used_at, idle_timeout, absolute_timeout';

/** When a row's session ends; the same as `endOf`. */
export const ENDS_AT = 'least(used_at + idle_timeout, started_at + absolute_timeout)';

/** The same for statements about many rows, which one that was altered by hand must not stop (S52). */
export const SAFE_ENDS_AT =
  'coalesce(least(used_at::numeric + idle_timeout, started_at::numeric + absolute_timeout, 1e15), 0)::bigint';

export interface RecordRow {
  readonly payload: string | null;
  readonly version: string | null;
  readonly user_id: string | null;
  /** Text, number or bigint: applications may have set parsers of their own for int8. */
  readonly started_at: unknown;
  readonly used_at: unknown;
  readonly idle_timeout: unknown;
  readonly absolute_timeout: unknown;
}

/** The values of a record's columns. */
export function valuesOf(record: SessionRecord): unknown[] {
  const { payload, version, userId, startedAt, usedAt, idleTimeout, absoluteTimeout } = record;
  return [
    textValue(payload),
    textValue(version),
    userId === undefined ? null : textValue(userId),
    time(startedAt),
    time(usedAt),
    span(idleTimeout),
    span(absoluteTimeout),
  ];
}

/** The record of a row; none (see `isRecord`) when a column is empty that must not be (S56). */
export function recordOf(row: RecordRow): SessionRecord {
  if (typeof row.payload !== 'string' || typeof row.version !== 'string') return NO_RECORD;
  const payload = textOf(row.payload);
  const version = textOf(row.version);
  const startedAt = Number(row.started_at ?? NaN);
  const usedAt = Number(row.used_at ?? NaN);
  const idleTimeout = Number(row.idle_timeout ?? NaN);
  const absoluteTimeout = Number(row.absolute_timeout ?? NaN);
  // Written twice, as each request does this, and to copy a record takes as long as to make it.
  if (row.user_id === null) return { payload, version, startedAt, usedAt, idleTimeout, absoluteTimeout };
  return { payload, version, startedAt, usedAt, idleTimeout, absoluteTimeout, userId: textOf(row.user_id) };
}

/** Text as PostgreSQL takes it: it refuses NUL (D37). What has one, or looks like that, is written with escapes. */
export function textValue(text: string): string {
  if (!text.includes('\0') && !text.startsWith('\\')) return text;
  return `\\${text.replaceAll('\\', '\\\\').replaceAll('\0', '\\0')}`;
}

export function textOf(value: string): string {
  if (!value.startsWith('\\')) return value;
  return value.slice(1).replace(/\\([\\0])/g, (_, escaped) => (escaped === '0' ? '\0' : '\\'));
}

/** Far beyond any year, and far from the limits of int8 also when two are added. */
const LIMIT = 1e15;

export function time(ms: number): number {
  return Math.min(LIMIT, Math.max(-LIMIT, Math.round(ms)));
}

export function span(ms: number): number {
  return Math.min(LIMIT, Math.max(-LIMIT, Math.ceil(ms)));
}
