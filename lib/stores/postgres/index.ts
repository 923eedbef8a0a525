export { PostgresStore } from './postgres.store.js';
export { postgresSchema } from './postgres-schema.js';
export type { PostgresStoreOptions, PostgresTableOptions } from './postgres.options.js';
export type { PostgresClient, PostgresPool, PostgresQuery, PostgresResult } from './postgres-pool.js';
