import { NO_RECORD } from '../no-record.js';
import type { SessionRecord } from '../session-store.js';

/**
 * A record as the text that Redis keeps: a line of what the scripts have to know, and the payload.
 *
 *     <usedAt> <startedAt> <idleTimeout> <absoluteTimeout> <version> <userId as JSON, or nothing>
 *     <payload>
 *
 * Times are in ms, to the base 36; usedAt has a fixed width, so that a touch replaces it in place. The
 * scripts keep behind the version, after a comma, when it was written and which ones it replaced
 * within the last half minute: a command that a driver sends again is known by them.
 */
const LINE = /^([0-9a-z]{9}) ([0-9a-z]+) ([0-9a-z]+) ([0-9a-z]+) ([^ ,\n]+)((?:,[^ ,\n]*)*) ([^\n]*)\n/;

/** What a later layout will begin with. Such a record is kept: a rollback may need it (S52). */
export const NEWER = '!';

/** The latest time that fits in nine digits: in the year 5188. */
const LATEST = 36 ** 9 - 1;

/** Longer than any server keeps a key, and far from the limit of its integers: 3,170 years in ms. */
const LONGEST = 1e14;

/** Stands for a record of a later layout: of no format that is known. */
const NEWER_RECORD: SessionRecord = {
  payload: '999999\n',
  version: '',
  startedAt: LONGEST,
  usedAt: LONGEST,
  idleTimeout: 0,
  absoluteTimeout: 0,
};

/** The parts of a record's text; the version is apart as the scripts put their own behind it. */
export interface RecordText {
  readonly times: string;
  readonly version: string;
  readonly rest: string;
}

export function textOf(record: SessionRecord): RecordText {
  const { startedAt, usedAt, idleTimeout, absoluteTimeout, userId } = record;
  const times = [time(startedAt), span(idleTimeout), span(absoluteTimeout)].join(' ');
  const user = userId === undefined ? '' : JSON.stringify(userId);
  return {
    times: `${usedAtText(usedAt)} ${times}`,
    version: versionText(record.version),
    rest: `${user}\n${record.payload}`,
  };
}

/** How a version stands in the text: without blanks and commas. */
export function versionText(version: string): string {
  return encodeURIComponent(version);
}

export function usedAtText(usedAt: number): string {
  return time(usedAt).padStart(9, '0');
}

/** The record of a text; `NO_RECORD` for any other text. */
export function recordOf(text: string): SessionRecord {
  if (text.startsWith(NEWER)) return NEWER_RECORD;
  const parts = LINE.exec(text);
  if (parts === null) return NO_RECORD;
  const [line, usedAt, startedAt, idleTimeout, absoluteTimeout, version, , user] = parts as unknown as string[];
  try {
    const record = {
      startedAt: parseInt(startedAt as string, 36),
      usedAt: parseInt(usedAt as string, 36),
      idleTimeout: parseInt(idleTimeout as string, 36),
      absoluteTimeout: parseInt(absoluteTimeout as string, 36),
      payload: text.slice((line as string).length),
      version: decodeURIComponent(version as string),
    };
    return user === '' ? record : { ...record, userId: String(JSON.parse(user as string)) };
  } catch {
    return NO_RECORD;
  }
}

/** Whether a text tells of all writes since it had this version. */
export function tellsSince(version: string, text: string): boolean {
  const [, ...earlier] = (LINE.exec(text)?.[6] ?? '').split(',').slice(1);
  return earlier.includes(versionText(version));
}

/** A lifetime as Redis takes it: whole ms, at least one. */
export function lifetime(ms: number): number {
  return Math.min(LONGEST, Math.max(1, Math.ceil(ms)));
}

function time(ms: number): string {
  return Math.min(LATEST, Math.max(0, Math.round(ms))).toString(36);
}

function span(ms: number): string {
  return Math.min(LONGEST, Math.max(0, Math.ceil(ms))).toString(36);
}
