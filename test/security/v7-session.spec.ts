import { Keyv as Keyv5 } from 'keyv';
import { Keyv as Keyv6 } from 'keyv-6';
import { MemoryStore } from 'nestjs-token-session';
import { expressStore } from 'nestjs-token-session/express-session';
import { keyvStore } from 'nestjs-token-session/keyv';
import { SqliteStore } from 'nestjs-token-session/sqlite';
import { closeStores, EXPRESS_STORES } from '../support/express-stores.js';
import { newFile, openDatabase, removeFiles } from '../support/sqlite/files.js';
import { CallbackMapStore, SimpleMapStore } from '../support/stores.js';
import { Backend } from '../stores/keyv/backends.js';
import { describeSessionItems, type SessionPlace } from './support/session-items.js';

// Redis and PostgreSQL: v7-session.redis.spec.ts and v7-session.postgres.spec.ts. Processes of their own, which share a
// file or a server: test/stores/**/*-processes*.spec.ts.

afterEach(closeStores);
afterEach(removeFiles);

/** A store that all processes have, as it is within one. */
const one =
  <T>(store: T) =>
  () =>
    store;

const expressPlaces = Object.entries(EXPRESS_STORES).map(([name, openStore]): SessionPlace => {
  return {
    name: `expressStore of ${name}`,
    open: () => one(expressStore(openStore().store)),
    isShared: false,
    isWhole: false,
  };
});

describeSessionItems([
  { name: 'memory', open: () => one(new MemoryStore()), isShared: true, isWhole: true },
  { name: 'a simple store', open: () => one(new SimpleMapStore()), isShared: false, isWhole: false },
  { name: 'a store with callbacks', open: () => one(new CallbackMapStore()), isShared: false, isWhole: false },
  ...expressPlaces,
  { name: 'Keyv 5', open: () => one(keyvStore(new Keyv5(new Backend() as never))), isShared: false, isWhole: false },
  { name: 'Keyv 6', open: () => one(keyvStore(new Keyv6(new Backend()))), isShared: false, isWhole: true },
  {
    name: 'SQLite',
    open: () => {
      const file = newFile();
      return () => new SqliteStore({ database: openDatabase(file) });
    },
    isShared: true,
    isWhole: true,
  },
]);
