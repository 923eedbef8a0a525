import pg from 'pg';

const [, , name, port] = process.argv;

/** The pool as all contenders with PostgreSQL have it: its defaults, 10 connections among them. Each has a database of its own. */
export const pool = new pg.Pool({ host: '127.0.0.1', port: Number(port), user: 'postgres', database: name });
pool.on('error', (error) => {
  throw error;
});
