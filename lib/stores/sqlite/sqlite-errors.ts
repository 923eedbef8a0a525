import { errorText } from '../../error-text.js';
import { SessionConfigError } from '../../session.errors.js';

/** Primary result codes of SQLite: https://sqlite.org/rescode.html */
const CODES = {
  ERROR: 1,
  BUSY: 5,
  LOCKED: 6,
  READONLY: 8,
  CORRUPT: 11,
  FULL: 13,
  CANTOPEN: 14,
  PROTOCOL: 15,
  CONSTRAINT: 19,
  NOTADB: 26,
} as const;
type Code = keyof typeof CODES;

/** Another connection has a lock: trying again will help. */
const LOCKS: readonly (Code | undefined)[] = ['BUSY', 'LOCKED', 'PROTOCOL'];

const LAYOUT =
  'A table of that name has another layout. Give the option `table` another name, or drop that table and ' +
  'the one named like it and _user: their sessions end.';

/** What no waiting will change, and what to do about it. */
const REMEDIES: Partial<Record<Code, string>> = {
  NOTADB: 'The file is not a database, or it is encrypted. Give it a file of its own.',
  CORRUPT: 'The file is damaged. Restore it from a backup, or remove it: its sessions end.',
  READONLY: 'The database can only be read. Open it for writing, and let the process write the file and its folder.',
  CANTOPEN: 'SQLite can not open its files. Let the process write the folder of the database.',
  ERROR: LAYOUT,
  CONSTRAINT: LAYOUT,
};

/** The primary result code in an error of any of the drivers. */
function codeOf(error: unknown): Code | undefined {
  const { code, errcode } = (typeof error === 'object' && error !== null ? error : {}) as Record<string, unknown>;
  // node:sqlite: the extended code as a number, with the primary one in its lowest byte.
  if (typeof errcode === 'number') return names.find((name) => CODES[name] === (errcode & 0xff));
  // better-sqlite3 and libsql: 'SQLITE_BUSY' or 'SQLITE_BUSY_SNAPSHOT'.
  const [, name] = typeof code === 'string' ? (/^SQLITE_([A-Z]+)/.exec(code) ?? []) : [];
  return names.find((known) => known === name);
}

const names = Object.keys(CODES) as Code[];

/** Whether another connection holds a lock that this one needs. */
export function isLocked(error: unknown): boolean {
  return LOCKS.includes(codeOf(error));
}

/** The boot error of a database that is there and can't be used; undefined for what may pass. */
export function configErrorOf(error: unknown): SessionConfigError | undefined {
  const code = codeOf(error);
  const remedy = code === undefined ? undefined : REMEDIES[code];
  if (remedy === undefined) return undefined;
  return new SessionConfigError('INVALID_STORE', `SqliteStore: ${errorText(error)}. ${remedy}`);
}
