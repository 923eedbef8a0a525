/** Bytes and updates of a table. */
export async function tableFigures(pool, table) {
  const { rows } = await pool.query(
    `SELECT pg_table_size(relid)::float8 AS heap, pg_indexes_size(relid)::float8 AS indexes,
       n_tup_upd::float8 AS updated, n_tup_hot_upd::float8 AS hot FROM pg_stat_user_tables WHERE relid = $1::regclass`,
    [table],
  );
  return rows[0];
}

/** What autovacuum would have done by the time that so many sessions are there. */
export async function settle(pool, tables) {
  for (const table of tables) await pool.query(`VACUUM ANALYZE ${table}`);
  await pool.query('CHECKPOINT');
}
