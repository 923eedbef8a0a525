import type { SessionOptions } from 'nestjs-token-session';
import { PostgresStore } from 'nestjs-token-session/postgres';
import { Pool, type PoolConfig } from 'pg';
import { HEADER } from '../carriers.js';
import { FaultsApp, STORE_TIMEOUT } from '../faults-app.js';
import { Flight } from '../flight.js';
import type { Platform } from '../platforms.js';
import { poolOf } from './pools.js';

export type PostgresApp = FaultsApp<PostgresStore>;

/** A pool that nobody listens to, as the shortest application makes it. Ends with `endPools`. */
export function barePool(config: PoolConfig, extra: PoolConfig = {}): Pool {
  return poolOf(config, extra).removeAllListeners('error');
}

/** An application with its sessions in PostgreSQL, whose tables are there or not. */
export function startPostgresApp(platform: Platform, pool: Pool, options: SessionOptions = {}): Promise<PostgresApp> {
  return FaultsApp.start(platform, new PostgresStore({ pool }), options);
}

/** The tables, made by connections that are gone afterwards. */
export async function migrate(address: PoolConfig): Promise<void> {
  const pool = new Pool(address);
  await new PostgresStore({ pool }).migrate();
  await pool.end();
}

/** The same with the operations of a `Flight`. */
export function startPostgresFlight(platform: Platform, pool: Pool, options: SessionOptions = {}): Promise<Flight> {
  return Flight.start(platform, HEADER, {
    store: new PostgresStore({ pool }),
    storeTimeout: STORE_TIMEOUT,
    ...options,
  });
}
