import { expressStore } from 'nestjs-token-session/express-session';
import { describeSessionStore } from 'nestjs-token-session/testing';
import { describeMove, describeOwn } from '../../support/express-move-laws.js';
import { closeStores, EXPRESS_STORES } from '../../support/express-stores.js';

const NAME = 'better-sqlite3-session-store on libsql';
const open = EXPRESS_STORES[NAME];

// Files and statements of many short tests.
afterEach(closeStores);

describeMove(NAME, open);
describeOwn(NAME, open);
describeSessionStore(
  NAME,
  () => expressStore(open().store),
  { contract: 'simple', expiresByItself: true },
  { describe, it },
);
