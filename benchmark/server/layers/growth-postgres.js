import { PostgresStore } from '../../../dist/esm/stores/postgres/index.js';
import { EARLIER_SQL, ID_SQL } from '../../growth/tokens.js';
import { layerOf } from '../growth/ours.js';
import { settle, tableFigures } from '../growth/postgres-table.js';
import { pool } from '../postgres.js';

const store = new PostgresStore({ pool });
await store.migrate();

/** Copies of the one session that the application stored, with ids, users and times of their own. */
async function fill({ from, to, age }) {
  await pool.query(
    `INSERT INTO token_session (id, payload, version, user_id, started_at, used_at, idle_timeout, absolute_timeout, sweep_at)
     SELECT ${ID_SQL}, payload, version, 'user ' || (i + 1) / 2, started_at - at, used_at - at, idle_timeout, absolute_timeout,
       sweep_at - at FROM (SELECT * FROM token_session WHERE user_id = 'user 0') real, generate_series($1::int, $2::int) i,
       LATERAL (SELECT $3::bigint + ${EARLIER_SQL} AS at) earlier`,
    [from, to, age],
  );
  await pool.query(
    `INSERT INTO token_session_user (user_id, id, ends_at, settled, revoked)
     SELECT 'user ' || (i + 1) / 2, ${ID_SQL}, ends_at - $3::bigint - ${EARLIER_SQL}, settled, revoked
     FROM (SELECT * FROM token_session_user WHERE user_id = 'user 0') real, generate_series($1::int, $2::int) i`,
    [from, to, age],
  );
}

export const { imports, parameter, mount, controller, answers } = layerOf(store, {
  fill,
  settle: () => settle(pool, ['token_session', 'token_session_user']),
  size: async () => ({
    sessions: await tableFigures(pool, 'token_session'),
    users: await tableFigures(pool, 'token_session_user'),
  }),
});
