import { MemoryStore as ExpressMemoryStore } from 'express-session';
import { Keyv } from 'keyv';
import { MemoryStore, type SessionOptions } from 'nestjs-token-session';
import { expressStore } from 'nestjs-token-session/express-session';
import { keyvStore } from 'nestjs-token-session/keyv';
import { SqliteStore } from 'nestjs-token-session/sqlite';
import { MemoryRecords } from '../../support/memory-records.js';
import { openDatabase } from '../../support/sqlite/files.js';
import { CallbackMapStore, SimpleMapStore } from '../../support/stores.js';

export type Change = (text: string) => string;

/** A store that needs no server, and a way to what it keeps. */
export interface Opened {
  readonly store: NonNullable<SessionOptions['store']>;
  /** Changes the text of all that is stored. */
  edit(change: Change): unknown;
}

const inMap = (store: SimpleMapStore | CallbackMapStore): Opened => ({
  store,
  edit: (change) => store.sessions.forEach((text, id) => store.sessions.set(id, change(text))),
});

/** The stores that need no server, and those of other packages in memory. */
export const EDITABLE_STORES: Record<string, () => Opened> = {
  memory: () => {
    const store = new MemoryStore();
    const records = new MemoryRecords(store);
    return {
      store,
      edit: (change) => {
        for (const [id, kept] of records.entries()) records.set(id, { ...kept, payload: change(kept.payload) });
      },
    };
  },
  'simple store': () => inMap(new SimpleMapStore()),
  'callback store': () => inMap(new CallbackMapStore()),
  SQLite: () => {
    const database = openDatabase(':memory:');
    return {
      store: new SqliteStore({ database }),
      edit: (change) => {
        const rows = database.prepare('SELECT id, payload FROM token_session').all() as {
          id: string;
          payload: string;
        }[];
        const update = database.prepare('UPDATE token_session SET payload = ? WHERE id = ?');
        for (const { id, payload } of rows) update.run(change(payload), id);
      },
    };
  },
  Keyv: () => {
    const kept = new Map<string, string>();
    const keyv = new Keyv<string>(kept);
    return {
      store: keyvStore(keyv),
      edit: (change) =>
        Promise.all(
          [...kept.keys()].map(async (key) =>
            keyv.set(key.slice('keyv:'.length), change((await keyv.get(key.slice('keyv:'.length))) ?? '')),
          ),
        ),
    };
  },
  'express-session MemoryStore': () => {
    const store = new ExpressMemoryStore();
    const { sessions } = store as unknown as { sessions: Record<string, string> };
    return {
      store: expressStore(store),
      edit: (change) => {
        for (const [id, text] of Object.entries(sessions)) sessions[id] = change(text);
      },
    };
  },
};
