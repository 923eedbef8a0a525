import { statSync } from 'node:fs';
import { SqliteStore } from '../../../dist/esm/stores/sqlite/index.js';
import { earlier, idOf } from '../../growth/tokens.js';
import { layerOf } from '../growth/ours.js';
import { database, file } from '../sqlite.js';

/** Copies of the one session that the application stored, with ids, users and times of their own. */
function fill({ from, to, age }) {
  const copied = (table, changes) => {
    const real = database.prepare(`SELECT * FROM ${table} WHERE user_id = 'user 0'`).get();
    // libsql gives figures of its own beside them.
    const columns = Object.keys(real).filter((name) => name !== '_metadata');
    const copy = database.prepare(`INSERT INTO ${table} (${columns}) VALUES (${columns.map(() => '?')})`);
    return (number) => {
      const changed = { ...real, ...changes(real, number) };
      copy.run(...columns.map((column) => changed[column]));
    };
  };
  const named = (number) => ({ id: idOf(number), user_id: `user ${(number + 1) >> 1}` });
  const addSession = copied('token_session', (real, number) => {
    const shift = age + earlier(number);
    const times = ['started_at', 'used_at', 'sweep_at'].map((column) => [column, real[column] - shift]);
    return { ...named(number), ...Object.fromEntries(times) };
  });
  const addEntry = copied('token_session_user', (real, number) => ({
    ...named(number),
    ends_at: real.ends_at - age - earlier(number),
  }));
  // Room for all of it, as ids come in any order.
  database.exec('PRAGMA cache_size = -1000000; BEGIN');
  for (let number = from; number <= to; number++) {
    addSession(number);
    addEntry(number);
  }
  // As it is unless it is set.
  database.exec('COMMIT; PRAGMA cache_size = -2000');
}

export const { imports, parameter, mount, controller, answers } = layerOf(new SqliteStore({ database }), {
  fill,
  settle: () => void database.exec('PRAGMA wal_checkpoint(TRUNCATE)'),
  size: () => ({ sessions: { heap: statSync(file).size, indexes: 0 } }),
});
