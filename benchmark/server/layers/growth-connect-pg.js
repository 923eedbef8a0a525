import { promisify } from 'node:util';
import { Session } from '@nestjs/common';
import { EARLIER_SQL, TOKEN_SQL } from '../../growth/tokens.js';
import { growthController, population } from '../growth/controller.js';
import { timed } from '../growth/ours.js';
import { settle, tableFigures } from '../growth/postgres-table.js';
import { pool } from '../postgres.js';
import { options } from './connect-pg.js';
import { mountWith } from './express-session.js';

// It prunes by itself after some minutes: not while something else is measured.
const settings = options({ pruneSessionInterval: false });
const { store } = settings;

/** The one session that the application stored, before there are copies: requests touch those. */
let real;

/** What Passport does. */
async function login(session, userId, data) {
  await promisify((callback) => session.regenerate(callback))();
  Object.assign(session.req.session, { userId, ...data });
}

export const imports = [];
export const controller = growthController(Session, login, undefined);
export const mount = (app) => mountWith(app, settings);
export const answers = {
  users: (count) => void (population.users = count),

  /** Copies of the one session that the application stored, with ids and times of their own. */
  async fill({ from, to, age }) {
    real ??= (await pool.query('SELECT sess::text AS sess, expire::text AS expire FROM session')).rows[0];
    await pool.query(
      `INSERT INTO session (sid, sess, expire)
       SELECT ${TOKEN_SQL}, $4::json, $5::timestamp - ($3::int + ${EARLIER_SQL}) * interval '1 ms'
       FROM generate_series($1::int, $2::int) i`,
      [from, to, age, real.sess, real.expire],
    );
  },

  settle: () => settle(pool, ['session']),

  size: async () => ({ sessions: await tableFigures(pool, 'session') }),

  /** One DELETE of all that have ended. */
  sweep: () =>
    timed(async () => {
      const before = await countAll();
      await promisify((callback) => store.pruneSessions(callback))();
      return before - (await countAll());
    }),
};

async function countAll() {
  const { rows } = await pool.query('SELECT count(*)::int AS count FROM session');
  return rows[0].count;
}
