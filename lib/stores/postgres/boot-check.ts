import { errorText } from '../../error-text.js';
import { SessionConfigError } from '../../session.errors.js';
import { remedyFor, sqlStateOf } from './postgres-errors.js';
import type { PostgresLink } from './postgres-link.js';
import type { PostgresNames } from './postgres-schema.js';
import { functionNeeds, type PostgresStatements } from './postgres-statements.js';

/** The oldest PostgreSQL that has what the statements need. */
const OLDEST = 120_000;

/** Encodings that can hold any text. */
const ENCODINGS = ['UTF8', 'SQL_ASCII'];

/** SQLSTATEs of a connection that will never be made: no such role or database, a wrong password. */
const NO_ENTRY = /^(?:28|3D)/;

/** SQLSTATEs of what is not as a statement needs it: names, types, privileges. */
const MISFIT = /^(?:42|3F|0A)/;

interface Server {
  readonly version: number;
  readonly isolation: string;
  readonly read_only: boolean;
  readonly is_standby: boolean;
  readonly encoding: string;
}

/**
 * Looks whether the database is as the store needs it.
 *
 * @throws SessionConfigError `INVALID_STORE` for what does not get better by itself, with the remedy
 * @throws Error for the rest
 */
export async function checkDatabase(
  link: PostgresLink,
  names: PostgresNames,
  statements: PostgresStatements,
): Promise<void> {
  const server = await serverOf(link);
  if (server.version < OLDEST) refuse(`needs PostgreSQL 12 or later; this is ${String(server.version)}`);
  if (!ENCODINGS.includes(server.encoding)) {
    refuse(`needs a database in UTF8; this one is in ${server.encoding}, which can't hold all text`);
  }
  if (server.isolation !== 'read committed') {
    refuse(
      `needs transactions to be READ COMMITTED; here they are ${server.isolation.toUpperCase()}. ` +
        "Give the role that default: ALTER ROLE … SET default_transaction_isolation = 'read committed'",
    );
  }
  if (server.read_only && !server.is_standby) {
    refuse('may only read here: ALTER ROLE … SET default_transaction_read_only = off, or that of the database');
  }
  await planAll(link, [...Object.values(statements).map(({ text }) => text), functionNeeds(names)]);
  // It may become the primary.
  if (server.is_standby) throw new Error('PostgresStore: the server is a standby; sessions need the primary');
}

async function serverOf(link: PostgresLink): Promise<Server> {
  const settings = {
    version: "current_setting('server_version_num')::int",
    isolation: "current_setting('transaction_isolation')",
    read_only: "current_setting('transaction_read_only')::boolean",
    is_standby: 'pg_is_in_recovery()',
    encoding: "current_setting('server_encoding')",
  };
  const columns = Object.entries(settings).map(([name, expression]) => `${expression} AS ${name}`);
  try {
    const { rows } = await link.run({ text: `SELECT ${columns.join(', ')}`, changes: false }, []);
    return rows[0] as Server;
  } catch (error) {
    const { message, cause } = error as Error;
    if (NO_ENTRY.test(sqlStateOf(cause) ?? '')) refuse(`no connection: ${message}. Look at what the pool was given`);
    throw error;
  }
}

/**
 * Has each statement planned, which needs all that running it does: tables, columns, types, functions, privileges. In
 * one round trip, on one connection: there is little time, and others may start at the same time.
 */
async function planAll(link: PostgresLink, texts: string[]): Promise<void> {
  const plans = texts.map((text) => `EXPLAIN ${text.replace(/\$\d+/g, 'NULL')}`);
  try {
    await link.run({ text: plans.join(';\n'), changes: false }, []);
  } catch (error) {
    const cause = (error as Error).cause ?? error;
    if (!MISFIT.test(sqlStateOf(cause) ?? '')) throw error;
    refuse(`${remedyFor(cause) ?? 'the tables are not as it needs them: run migrate()'} (${errorText(cause)})`);
  }
}

function refuse(what: string): never {
  throw new SessionConfigError('INVALID_STORE', `PostgresStore: ${what}.`);
}
