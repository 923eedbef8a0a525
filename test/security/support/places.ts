import type { SessionOptions } from 'nestjs-token-session';
import { SqliteStore } from 'nestjs-token-session/sqlite';
import { BEARER, COOKIE, HEADER } from '../../support/carriers.js';
import { openDatabase } from '../../support/sqlite/files.js';
import { STORES } from '../../support/stores.js';
import { OWN, SIGNED, type Way } from './ways.js';

export interface Place {
  readonly title: string;
  readonly way: Way;
  /** Ends with `removeFiles`, of test/support/sqlite/files.ts. */
  open(): NonNullable<SessionOptions['store']>;
}

/** The stores that need no server. */
export const LOCAL_STORES: Readonly<Record<string, Place['open']>> = {
  ...STORES,
  SQLite: () => new SqliteStore({ database: openDatabase(':memory:') }),
};

/** Each store that needs no server and each way for a token, at least once. */
export const PLACES: readonly Place[] = [
  place('memory', { ...HEADER, title: HEADER.name }),
  place('memory', OWN),
  place('simple store', { ...COOKIE, title: COOKIE.name }),
  place('callback store', { ...BEARER, title: BEARER.name }),
  place('SQLite', SIGNED),
];

function place(store: string, way: Way): Place {
  return { title: `${store}, ${way.title}`, way, open: LOCAL_STORES[store] as Place['open'] };
}
