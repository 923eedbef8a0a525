import { afterAll, beforeAll, describe, it } from '@jest/globals';
import { PostgresStore } from 'nestjs-token-session/postgres';
import { describeSessionStore, type StoreContext } from 'nestjs-token-session/testing';
import pg from 'pg';
import { PostgresServer, stopServers } from '../../support/postgres/postgres-server.js';

let pool: pg.Pool;

beforeAll(async () => {
  const server = await PostgresServer.start();
  pool = new pg.Pool(server.config);
  await new PostgresStore({ pool }).migrate();
});
afterAll(async () => {
  await pool.end();
  await stopServers();
});

const open = async ({ key }: StoreContext): Promise<PostgresStore> => {
  const store = new PostgresStore({ pool, table: key });
  await store.migrate();
  return store;
};

describeSessionStore('PostgreSQL', open, { reopen: open }, { describe, it });
