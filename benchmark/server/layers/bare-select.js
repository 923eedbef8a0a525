import { driverController } from '../driver-controller.js';
import { pool } from '../postgres.js';

await pool.query('CREATE TABLE floor (id text PRIMARY KEY, data text NOT NULL)');
const id = 'floor';
await pool.query("INSERT INTO floor VALUES ($1, '')", [id]);

/** The driver without sessions, as most applications use it: what a read or a write with PostgreSQL costs them. */
export const imports = [];
export const controller = await driverController(
  () => pool.query('SELECT data FROM floor WHERE id = $1', [id]),
  (text) => pool.query('UPDATE floor SET data = $2 WHERE id = $1', [id, text]),
);
export const mount = undefined;
