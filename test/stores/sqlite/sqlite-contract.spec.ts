import { SqliteStore } from 'nestjs-token-session/sqlite';
import { describeSessionStore } from 'nestjs-token-session/testing';
import { newFile, openDatabase, removeFiles } from '../../support/sqlite/files.js';

const file = newFile();
afterAll(removeFiles);

describeSessionStore(
  'SQLite, a file',
  ({ key, after }) => {
    const database = openDatabase(file);
    after(() => void database.close());
    return new SqliteStore({ database, table: key });
  },
  {
    users: true,
    sweep: true,
    count: true,
    clear: true,
    reopen: ({ key, after }) => {
      const database = openDatabase(file);
      after(() => void database.close());
      return new SqliteStore({ database, table: key });
    },
  },
  { describe, it },
);

describeSessionStore(
  'SQLite in memory, with BigInt for integers',
  () => new SqliteStore({ database: openDatabase(':memory:').defaultSafeIntegers() }),
  { users: true, sweep: true, count: true, clear: true },
  { describe, it },
);
