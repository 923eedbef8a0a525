// The drivers of SQLite, for processes of their own: on the built package, and on the Node that has the driver.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../drivers/sqlite/package.json', import.meta.url));

/** Opens a file; the caller closes it. */
export const DRIVERS = {
  libsql: (file) => new (require('libsql'))(file),
  'better-sqlite3': (file) => new (require('better-sqlite3'))(file),
  'node:sqlite': (file) => new (process.getBuiltinModule('node:sqlite').DatabaseSync)(file),
};
