import { outcomeUnknown } from '../outcome-unknown.js';

/** SQLSTATEs of a statement that was rolled back because of another one, and may be run again. */
const COLLISIONS = new Set(['40001', '40P01']);

/** A prepared statement is not there, or is there already: a pooler put another server connection in place. It was not run. */
const NOT_PREPARED = new Set(['26000', '42P05']);

/** What was prepared does not fit any more, as a table was altered. It was not run. */
const OUTDATED_PLAN = '0A000';

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
  if (!isRefusal(error)) return changes ? outcomeUnknown(error) : asError(error);
  const remedy = remedyFor(error);
  if (remedy === undefined) return asError(error);
  return new Error(`PostgresStore: ${remedy} (${asError(error).message})`, { cause: error });
}

/** By its SQLSTATE, as severities come in the language of the server: a shutdown, or a fault of the connection. */
function isFarewell(error: unknown): boolean {
  return /^(?:57P0|08)/.test(sqlStateOf(error) ?? '');
}

export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
