import { SessionConfigError } from '../../session.errors.js';
import { hasMethods } from '../../session.checks.js';
import type { PostgresPool } from './postgres-pool.js';

/** Where the tables are. */
export interface PostgresTableOptions {
  /** The schema of the tables. It has to be there. Default `'public'`. */
  schema?: string;
  /** The table of the sessions; at most 40 bytes. Beside it stands one named like it with `_user`. Default `'token_session'`. */
  table?: string;
}

export interface PostgresStoreOptions extends PostgresTableOptions {
  /**
   * A pool of pg (8.11 or later), or one of the same shape: to the primary, with READ COMMITTED. The application
   * makes it, and ends it after it has stopped.
   */
  pool: PostgresPool;
  /**
   * Whether other processes are told of sessions that end (`pg_notify`, beside the request that ends one; `LISTEN`, on
   * a connection beside the pool, only while sockets or streams hang on sessions). Where the pool leads to a pooler give
   * another one that leads to the server itself, `{ pool }`: of it only the address is used. Without it those sessions
   * are loaded more than once a second. `false` in all processes or in none. Default `true`.
   */
  endings?: boolean | { readonly pool: PostgresPool };
}

export interface ResolvedPostgresOptions extends ResolvedPostgresTable {
  readonly pool: PostgresPool;
  /** Undefined when nobody is told. */
  readonly endings: { readonly pool: PostgresPool } | undefined;
}

export interface ResolvedPostgresTable {
  readonly schema: string;
  readonly table: string;
}

const TABLE_OPTIONS = ['schema', 'table'];
const OPTIONS = ['pool', ...TABLE_OPTIONS, 'endings'];

/** PostgreSQL cuts names off at 63 bytes; those of indexes and functions are longer than the table's. */
const LONGEST_TABLE = 40;
const LONGEST_SCHEMA = 63;

/**
 * The only place with defaults and checks.
 *
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function resolvePostgresOptions(options: PostgresStoreOptions): ResolvedPostgresOptions {
  // A pool has members of any name, so that only what the object itself has is an option.
  if (typeof options !== 'object' || (options as object | null) === null || !Object.hasOwn(options, 'pool')) {
    refuse('PostgresStore', 'takes an object with pool: new PostgresStore({ pool })');
  }
  const { pool, endings = true, ...table } = options;
  refuseUnknown('PostgresStore', options, OPTIONS);
  if (!isPool(pool)) {
    refuse('PostgresStore', `pool takes a Pool of pg: new Pool({ connectionString }); got ${shown(pool)}`);
  }
  // A single client is one connection, which is gone for good when it breaks.
  if ('connection' in pool && 'processID' in pool) {
    refuse('PostgresStore', 'pool takes a Pool of pg, as a connection that breaks has to be replaced; got a Client');
  }
  return { pool, endings: resolveEndings(pool, endings), ...resolvePostgresTable('PostgresStore', table) };
}

function resolveEndings(pool: PostgresPool, endings: unknown): ResolvedPostgresOptions['endings'] {
  if (endings === true) return { pool };
  if (endings === false) return undefined;
  const { pool: direct } = (endings ?? {}) as { pool?: unknown };
  if (!isPool(direct)) {
    refuse('PostgresStore', `endings takes true, false or { pool }, a Pool of pg; got ${shown(endings)}`);
  }
  return { pool: direct };
}

function isPool(pool: unknown): pool is PostgresPool {
  return hasMethods(pool, ['connect', 'query']);
}

/** @throws SessionConfigError `INVALID_OPTION` */
export function resolvePostgresTable(of: string, options: PostgresTableOptions = {}): ResolvedPostgresTable {
  if (typeof options !== 'object' || (options as object | null) === null || Array.isArray(options)) {
    refuse(of, `takes an object with schema and table; got ${shown(options)}`);
  }
  refuseUnknown(of, options, TABLE_OPTIONS);
  const { schema = 'public', table = 'token_session' } = options;
  checkName(of, 'schema', schema, LONGEST_SCHEMA);
  checkName(of, 'table', table, LONGEST_TABLE);
  return { schema, table };
}

function checkName(of: string, option: string, name: unknown, longest: number): void {
  const takes = `takes a name of 1 to ${String(longest)} bytes, without $ and NUL`;
  if (typeof name !== 'string' || name === '' || Buffer.byteLength(name) > longest) {
    refuse(of, `${option} ${takes}; got ${shown(name)}`);
  }
  // Quoted, any other character is a part of the name; $ could end the text of a function.
  if (/[$\0]/.test(name) || !name.isWellFormed()) refuse(of, `${option} ${takes}; got ${JSON.stringify(name)}`);
}

function refuseUnknown(of: string, options: object, names: readonly string[]): void {
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown !== undefined) refuse(of, `has no option ${unknown}; it has ${names.join(', ')}`);
}

function refuse(of: string, what: string): never {
  throw new SessionConfigError('INVALID_OPTION', `${of}: ${what}.`);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 60 ? `${value.slice(0, 60)}…` : value}'`;
  if (typeof value === 'function') return `the function or class ${value.name}`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
