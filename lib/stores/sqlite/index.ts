export { SqliteStore } from './sqlite.store.js';
export type { SqliteStoreOptions } from './sqlite.options.js';
export type { SqliteDatabase, SqliteStatement } from './sqlite-database.js';
