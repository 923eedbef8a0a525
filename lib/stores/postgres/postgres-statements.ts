import type { PostgresNames } from './postgres-schema.js';
import { changing, literal, reading } from './postgres-statement.js';
import { COLUMNS, ENDS_AT, SAFE_ENDS_AT } from './record-row.js';

/** How many rows one statement of a sweep, a count or a clear looks at: some 10 ms each. */
export const SWEEP_BATCH = 500;
const COUNT_BATCH = 2_000;
const CLEAR_BATCH = 2_000;

/** The clock that decides when an entry ends, where the application does not say it. */
const SERVER_TIME = '(extract(epoch FROM clock_timestamp()) * 1000)::bigint';

/** The earlier of both clocks: a process whose clock is ahead must not end the sessions of the others. */
const SWEEP_TIME = `(SELECT least($1::bigint, CASE WHEN $2::boolean THEN ${SERVER_TIME} END))`;

/** Whether the server is a standby, for all that reads: it lags behind, and would open what has ended (law 6). */
const STANDBY = 'pg_is_in_recovery() AS standby';

/** The values of a record from $2 on, with their types: a column of another one is an error at boot. */
const COLUMN_TYPES = ['text', 'text', 'text', 'bigint', 'bigint', 'bigint', 'bigint'];
const RECORD = COLUMN_TYPES.map((type, index) => `$${String(index + 2)}::${type}`);
const ASSIGNMENTS = COLUMNS.split(', ')
  .map((column, index) => `${column} = ${RECORD[index] as string}`)
  .join(', ');
const EXCLUDED = COLUMNS.replace(/\w+/g, '$& = excluded.$&');
const ENDS_AT_OF_OLD = ENDS_AT.replace(/\b(?=used|idle|started|absolute)/g, 'old.');

/** Everything that is asked of the database. */
export type PostgresStatements = ReturnType<typeof statementsOf>;

export function statementsOf({ sessions, users, add, settle, revoke, remove, channel }: PostgresNames) {
  return {
    /** $1 id. One row always. */
    load: reading(`SELECT ${STANDBY}, id, ${COLUMNS} FROM (VALUES (1)) AS one LEFT JOIN ${sessions} ON id = $1::text`),
    /** $1 id, $2 to $8 the record, $9 its end, $10 now */
    create: changing(
      `INSERT INTO ${sessions} AS old (id, ${COLUMNS}, sweep_at) VALUES ($1::text, ${RECORD.join(', ')}, $9::bigint) ` +
        `ON CONFLICT (id) DO UPDATE SET ${EXCLUDED}, sweep_at = excluded.sweep_at WHERE ${ENDS_AT_OF_OLD} <= $10::bigint`,
    ),
    /** $1 id, $2 to $8 the record, $9 its end, $10 now, $11 version. The index on sweep_at changes for an earlier end only. */
    update: changing(
      `UPDATE ${sessions} SET ${ASSIGNMENTS}, sweep_at = least(sweep_at, $9::bigint) ` +
        `WHERE id = $1::text AND version = $11::text AND ${ENDS_AT} > $10::bigint`,
    ),
    /** $1 id, $2 time of use, $3 now. The same as `laterUse`. */
    touch: changing(
      `UPDATE ${sessions} SET used_at = CASE WHEN used_at > $3::bigint THEN $2::bigint ELSE greatest(used_at, $2::bigint) END ` +
        `WHERE id = $1::text AND ${ENDS_AT} > $3::bigint`,
    ),
    /** $1 id */
    destroy: changing(`DELETE FROM ${sessions} WHERE id = $1::text RETURNING ${COLUMNS}`),
    /** $1 id, $2 version */
    destroyVersion: changing(`DELETE FROM ${sessions} WHERE id = $1::text AND version = $2::text RETURNING ${COLUMNS}`),
    /**
     * $1 now, $2 whether the server's clock has to say so, too. Of those that are due it removes the ended ones, with
     * their users' entries, and notes of the others when they will be.
     */
    sweep: changing(
      `WITH due AS (SELECT id, user_id, ${SAFE_ENDS_AT} AS ends_at FROM ${sessions} WHERE sweep_at <= ${SWEEP_TIME} ` +
        `ORDER BY sweep_at LIMIT ${String(SWEEP_BATCH)} FOR UPDATE SKIP LOCKED), ` +
        `gone AS (DELETE FROM ${sessions} s USING due WHERE s.id = due.id AND due.ends_at <= ${SWEEP_TIME} RETURNING 1), ` +
        `moved AS (UPDATE ${sessions} s SET sweep_at = due.ends_at FROM due WHERE s.id = due.id AND due.ends_at > ${SWEEP_TIME}), ` +
        // SKIP LOCKED: whoever is at work on a user's entries must not meet another order of locks.
        `entries AS (DELETE FROM ${users} WHERE ctid = ANY (ARRAY(SELECT u.ctid FROM due JOIN ${users} u ` +
        `ON u.user_id = due.user_id AND u.id = due.id WHERE due.ends_at <= ${SWEEP_TIME} FOR UPDATE OF u SKIP LOCKED))) ` +
        'SELECT (SELECT count(*) FROM due)::int AS seen, (SELECT count(*) FROM gone)::int AS removed',
    ),
    /** $1 now, or NULL for the clock of the server */
    sweepUsers: changing(
      // In a subquery the clock is read once, which the index needs.
      `DELETE FROM ${users} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${users} ` +
        `WHERE ends_at <= (SELECT coalesce($1::bigint, ${SERVER_TIME})) ` +
        `ORDER BY ends_at LIMIT ${String(SWEEP_BATCH)} FOR UPDATE SKIP LOCKED)) ` +
        `AND ends_at <= (SELECT coalesce($1::bigint, ${SERVER_TIME}))`,
    ),
    /** $1 the last id so far, $2 now */
    count: reading(
      `SELECT count(*) FILTER (WHERE ${SAFE_ENDS_AT} > $2::bigint)::int AS living, max(id) AS last, ${STANDBY} FROM ${sessions} ` +
        `WHERE id = ANY (ARRAY(SELECT id FROM ${sessions} WHERE id > $1::text ORDER BY id LIMIT ${String(COUNT_BATCH)}))`,
    ),
    clearUsers: changing(
      `DELETE FROM ${users} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${users} LIMIT ${String(CLEAR_BATCH)} FOR UPDATE))`,
    ),
    /** $1 the last id so far. The last of the page is told though others may have removed it. */
    clear: changing(
      `WITH page AS (SELECT id FROM ${sessions} WHERE id > $1::text ORDER BY id LIMIT ${String(CLEAR_BATCH)}), ` +
        `gone AS (DELETE FROM ${sessions} WHERE id = ANY (ARRAY(SELECT id FROM page))) ` +
        'SELECT max(id) AS last FROM page',
    ),
    /** $1 ids of sessions that have ended. Longer payloads are refused; the session layer's have 43 characters. */
    tell: changing(`SELECT pg_notify(${literal(channel)}, left(id, 43)) FROM unnest($1::text[]) AS id`),
    /** $1 user, $2 id, $3 lifetime, $4 replaces, $5 is there, $6 max, $7 evict, $8 now or NULL */
    userAdd: changing(
      `SELECT added, revoked_ids FROM ${add}($1::text, $2::text, $3::bigint, $4::text, $5::boolean, $6::bigint, $7::text[], $8::bigint)`,
    ),
    /** $1 user, $2 id, $3 lifetime, $4 now or NULL */
    userSettle: changing(`SELECT ${settle}($1::text, $2::text, $3::bigint, $4::bigint) AS settled`),
    /** $1 user, $2 id or NULL, $3 whether that one only, or all but that, $4 now or NULL */
    userRevoke: changing(`SELECT ${revoke}($1::text, $2::text, $3::boolean, $4::bigint) AS ids`),
    /** $1 user, $2 ids, $3 now or NULL */
    userRemove: changing(`SELECT ${remove}($1::text, $2::text[], $3::bigint)`),
    /** $1 user, $2 now or NULL. One row at least. */
    userList: reading(
      `SELECT ${STANDBY}, id, settled, replaces FROM (VALUES (1)) AS one LEFT JOIN ${users} ` +
        `ON user_id = $1::text AND NOT revoked AND ends_at > (SELECT coalesce($2::bigint, ${SERVER_TIME}))`,
    ),
  };
}

/** What the functions do, in one statement that is only ever planned. */
export function functionNeeds({ users }: PostgresNames): string {
  const columns =
    'user_id::text, id::text, ends_at::bigint, settled::boolean, revoked::boolean, replaces::text, replaced::text';
  return (
    `INSERT INTO ${users} (${columns.replace(/::\w+/g, '')}) SELECT ${columns} FROM ${users} ` +
    'ON CONFLICT (user_id, id) DO UPDATE SET revoked = true'
  );
}
