import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import connectPgSimple from 'connect-pg-simple';
import session from 'express-session';
import { pool } from '../postgres.js';

// The table as its README says: by the file that comes with it.
await pool.query(readFileSync(createRequire(import.meta.url).resolve('connect-pg-simple/table.sql'), 'utf8'));

const PGStore = connectPgSimple(session);

/** What the peers are given: the store, and sessions that end after 30 minutes without a request, as ours do. */
export const options = (settings) => ({
  store: new PGStore({ pool, ...settings }),
  cookie: { secure: false, maxAge: 30 * 60_000 },
});
