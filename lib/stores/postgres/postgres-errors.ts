import { asError, errorText, strippedError } from '../../error-text.js';
import { outcomeUnknown } from '../outcome-unknown.js';

/** SQLSTATEs of a statement that was rolled back because of another one, and may be run again. */
const COLLISIONS = new Set(['40001', '40P01']);

/** A prepared statement is not there, or is there already: a pooler put another server connection in place. It was not run. */
const NOT_PREPARED = new Set(['26000', '42P05']);

/** What was prepared does not fit any more, as a table was altered. It was not run. */
const OUTDATED_PLAN = '0A000';

/** The class of SQLSTATEs whose messages quote a value, in the quotation marks of the language that the server speaks. */
const DATA_EXCEPTION = '22';
const WORDS = /^[\p{L}\p{M}\p{N}\s(),_-]*/u;

/** The fields of an error that name things of the database, and hold no values. */
const NAMES = ['code', 'severity', 'schema', 'table', 'column', 'dataType', 'constraint', 'routine'];

/** What to do about errors that come back till somebody does it. */
const REMEDIES: Record<string, string> = {
  '42P01': 'a table is not there: run migrate(), or the statements of postgresSchema()',
  '42703': 'a table has another layout: run migrate(), or name another table',
  '42883': 'a function is not there: run migrate(), or the statements of postgresSchema()',
  '3F000': 'the schema is not there: create it, then run migrate()',
  '42501':
    'the role lacks a privilege: GRANT SELECT, INSERT, UPDATE, DELETE on both tables, EXECUTE on the functions, USAGE on the schema',
  '42P10': 'a table has no primary key: run the statements of postgresSchema(), or name another table',
  '42804': 'a table has columns of other types: run the statements of postgresSchema(), or name another table',
  '25006': 'the server only reads: sessions need the primary, and a role that may write',
};

/** SQLSTATE of an error of the server; undefined for those of the connection. */
export function sqlStateOf(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown };
  return typeof severity === 'string' && typeof code === 'string' ? code : undefined;
}

/** Whether the server refused a statement and the connection goes on; otherwise the connection is of no use any more. */
export function isRefusal(error: unknown): boolean {
  const { severity } = error as { severity?: unknown };
  return sqlStateOf(error) !== undefined && severity !== 'FATAL' && severity !== 'PANIC' && !isFarewell(error);
}

export function isCollision(error: unknown): boolean {
  return COLLISIONS.has(sqlStateOf(error) ?? '');
}

export function isNotPrepared(error: unknown): boolean {
  return NOT_PREPARED.has(sqlStateOf(error) ?? '');
}

export function isOutdatedPlan(error: unknown): boolean {
  return sqlStateOf(error) === OUTDATED_PLAN;
}

/** What to do about an error of the server that does not get better by itself; undefined for others. */
export function remedyFor(error: unknown): string | undefined {
  return REMEDIES[sqlStateOf(error) ?? ''];
}

/** What a failed statement means: whether it may have been carried out, and what to do. */
export function explained(error: unknown, changes: boolean): Error {
  const cause = withoutValues(error);
  if (!isRefusal(error)) return changes ? outcomeUnknown(cause) : cause;
  const remedy = remedyFor(error);
  return remedy === undefined ? cause : new Error(`PostgresStore: ${remedy} (${cause.message})`, { cause });
}

/** An error of the server without the values of the statement: its detail, its context and some messages quote them. */
function withoutValues(error: unknown): Error {
  const state = sqlStateOf(error);
  if (state === undefined) return asError(error);
  const text = errorText(error);
  const told = state.startsWith(DATA_EXCEPTION) ? (WORDS.exec(text)?.[0].trim() ?? '') : text;
  return strippedError(error, `${told} (SQLSTATE ${state})`, NAMES);
}

/** By its SQLSTATE, as severities come in the language of the server: a shutdown, or a fault of the connection. */
function isFarewell(error: unknown): boolean {
  return /^(?:57P0|08)/.test(sqlStateOf(error) ?? '');
}
