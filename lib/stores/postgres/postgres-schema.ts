import { hash } from 'node:crypto';
import { resolvePostgresTable, type PostgresTableOptions, type ResolvedPostgresTable } from './postgres.options.js';
import { literal, quoted } from './postgres-statement.js';
import { userFunctions } from './user-functions.js';

/** The names of everything in the database, quoted. */
export interface PostgresNames {
  readonly sessions: string;
  readonly users: string;
  readonly add: string;
  readonly settle: string;
  readonly revoke: string;
  readonly remove: string;
  /** The channel on which is told which sessions have ended. Not quoted. */
  readonly channel: string;
  /** The key of the lock of one user's entries, as SQL; `p_user` stands for the user. */
  readonly lockOf: string;
}

export function namesOf({ schema, table }: ResolvedPostgresTable): PostgresNames {
  const name = (suffix: string): string => `${quoted(schema)}.${quoted(table + suffix)}`;
  return {
    sessions: name(''),
    users: name('_user'),
    add: name('_user_add'),
    settle: name('_user_settle'),
    revoke: name('_user_revoke'),
    remove: name('_user_remove'),
    // Names are cut off at 63 bytes, and the two together may be longer.
    channel: `nts_${hash('sha256', `${schema}.${table}`, 'base64url').slice(0, 22)}`,
    lockOf: `hashtextextended(${literal(`nestjs-token-session ${schema}.${table} `)} || p_user, 0)`,
  };
}

/** Something that has to be in the database. */
export interface PostgresObject {
  readonly statement: string;
  /** An expression that says whether it is there, as it has to be. */
  readonly isThere: string;
}

/**
 * The statements that make the tables and functions, for those who run migrations by other means. Each may be run
 * again; two processes that run them at the same time need a lock, as `migrate()` has it. What a role needs that only
 * runs the application: USAGE on the schema; SELECT, INSERT, UPDATE and DELETE on both tables;
 * EXECUTE on the functions, which everybody has unless that was changed.
 *
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function postgresSchema(options: PostgresTableOptions = {}): string[] {
  return objectsOf(resolvePostgresTable('postgresSchema', options)).map(({ statement }) => statement);
}

export function objectsOf(resolved: ResolvedPostgresTable): PostgresObject[] {
  const { schema, table } = resolved;
  const names = namesOf(resolved);
  const relation = (name: string, statement: string): PostgresObject => ({
    statement,
    isThere: `to_regclass(${literal(name)}) IS NOT NULL`,
  });
  const index = (suffix: string, on: string): PostgresObject =>
    relation(
      `${quoted(schema)}.${quoted(table + suffix)}`,
      `CREATE INDEX IF NOT EXISTS ${quoted(table + suffix)} ON ${on}`,
    );
  return [
    // Room in each page, so that an update finds a place beside the old row and changes no index (HOT).
    relation(
      names.sessions,
      `CREATE TABLE IF NOT EXISTS ${names.sessions} (
  id text COLLATE "C" PRIMARY KEY,
  payload text NOT NULL,
  version text COLLATE "C" NOT NULL,
  user_id text COLLATE "C",
  started_at bigint NOT NULL,
  used_at bigint NOT NULL,
  idle_timeout bigint NOT NULL,
  absolute_timeout bigint NOT NULL,
  sweep_at bigint NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05)`,
    ),
    index('_sweep', `${names.sessions} (sweep_at)`),
    relation(
      names.users,
      `CREATE TABLE IF NOT EXISTS ${names.users} (
  user_id text COLLATE "C" NOT NULL,
  id text COLLATE "C" NOT NULL,
  ends_at bigint NOT NULL,
  settled boolean NOT NULL,
  revoked boolean NOT NULL,
  replaces text COLLATE "C",
  replaced text COLLATE "C",
  PRIMARY KEY (user_id, id)
) WITH (autovacuum_vacuum_scale_factor = 0.05)`,
    ),
    index('_user_ends', `${names.users} (ends_at)`),
    index('_user_revoked', `${names.users} (user_id) WHERE revoked`),
    ...userFunctions(names).map(({ signature, body, statement }) => ({
      statement,
      isThere: `(SELECT prosrc FROM pg_proc WHERE oid = to_regprocedure(${literal(signature)})) IS NOT DISTINCT FROM ${literal(body)}`,
    })),
  ];
}
