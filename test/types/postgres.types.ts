import { Client, Pool } from 'pg';
import {
  PostgresStore,
  postgresSchema,
  type PostgresPool,
  type PostgresStoreOptions,
} from 'nestjs-token-session/postgres';
import { SessionModule, type AtomicSessionStore } from 'nestjs-token-session';

// A pool of pg fits as it is.
const pool: PostgresPool = new Pool();
export const store: AtomicSessionStore = new PostgresStore({ pool: new Pool(), schema: 'app', table: 'sessions' });
SessionModule.forRoot(new PostgresStore({ pool }));
export const statements: string[] = postgresSchema({ table: 'sessions' });
postgresSchema();
export const options: PostgresStoreOptions = { pool };

// @ts-expect-error a pool is needed
new PostgresStore({});
// @ts-expect-error a Client is one connection
new PostgresStore({ pool: new Client() });
// @ts-expect-error an address is no pool
new PostgresStore({ pool: 'postgres://localhost' });
// @ts-expect-error the configuration of a pool is none
new PostgresStore({ pool: { host: 'localhost' } });
// @ts-expect-error no such option
new PostgresStore({ pool, tableName: 'x' });
// @ts-expect-error postgresSchema takes no pool
postgresSchema({ pool });
