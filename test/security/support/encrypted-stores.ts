import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { Keyv } from 'keyv';
import {
  encrypted,
  MemoryStore,
  type AtomicSessionStore,
  type EncryptionKey,
  type SessionCodec,
  type SessionRecord,
  type SessionStore,
} from 'nestjs-token-session';
import { expressStore } from 'nestjs-token-session/express-session';
import { keyvStore } from 'nestjs-token-session/keyv';
import { SqliteStore } from 'nestjs-token-session/sqlite';
import { idOf } from '../../../lib/session-token.js';
import { atomicStoreOf } from '../../../lib/stores/atomic-store-of.js';
import { Backend } from '../../stores/keyv/backends.js';
import { EXPRESS_STORES } from '../../support/express-stores.js';
import { MemoryRecords } from '../../support/memory-records.js';
import type { Platform } from '../../support/platforms.js';
import { newFile, openDatabase } from '../../support/sqlite/files.js';
import { CallbackMapStore, SimpleMapStore } from '../../support/stores.js';

/** A store, and all that somebody finds who has a copy of it. */
interface OpenedStore {
  readonly store: SessionStore | AtomicSessionStore;
  dump(): string | Promise<string>;
}

const PLACES: Record<string, () => OpenedStore> = {
  'the memory store': () => {
    const store = new MemoryStore();
    return { store, dump: () => JSON.stringify(new MemoryRecords(store).entries()) };
  },
  'a simple store': () => {
    const store = new SimpleMapStore();
    return { store, dump: () => JSON.stringify([...store.sessions]) };
  },
  'a callback store': () => {
    const store = new CallbackMapStore();
    return { store, dump: () => JSON.stringify([...store.sessions]) };
  },
  'a store of express-session': () => {
    const { store, dump } = EXPRESS_STORES['session-file-store']();
    return { store: expressStore(store), dump };
  },
  keyv: () => {
    const backend = new Backend();
    return { store: keyvStore(new Keyv(backend as never)), dump: () => JSON.stringify([...backend.entries]) };
  },
  'a file of SQLite': () => {
    const file = newFile();
    const files = [file, `${file}-wal`];
    return {
      store: new SqliteStore({ database: openDatabase(file) }),
      dump: () => files.map((name) => (existsSync(name) ? readFileSync(name, 'latin1') : '')).join('\n'),
    };
  },
};

/** Every store that needs no server, on alternating platforms. Ends with `closeStores` and `removeFiles`. */
export const STORES = Object.entries(PLACES).map(([name, open], index) => {
  const platform: Platform = index % 2 === 0 ? 'express' : 'fastify';
  return { name, open, platform };
});

/** A key of its own. */
export function newKey(id: string): EncryptionKey {
  return { id, key: randomBytes(32) };
}

export function codecWith(...keys: EncryptionKey[]): SessionCodec {
  return encrypted({ keys });
}

/** Somebody who reads and writes the store, and has no key. */
export class Intruder {
  private readonly store: AtomicSessionStore;

  constructor(store: SessionStore | AtomicSessionStore) {
    this.store = atomicStoreOf(store, 2_000);
  }

  async record(token: string): Promise<SessionRecord> {
    const record = await this.store.load(idOf(token));
    if (record === undefined) throw new Error('There is no such session.');
    return record;
  }

  async has(token: string): Promise<boolean> {
    return (await this.store.load(idOf(token))) !== undefined;
  }

  /** Leaves the version as it is, so that nobody takes it for another request. */
  async alter(token: string, changes: { readonly [Name in keyof SessionRecord]?: unknown }): Promise<void> {
    const record = await this.record(token);
    const { status } = await this.store.update(idOf(token), { ...record, ...changes } as SessionRecord, record.version);
    if (status !== 'updated') throw new Error(`The session was not altered: ${status}`);
  }
}

/** The id of the key with which the store has a session; undefined for one that is not encrypted. */
export function keyIdOf({ payload }: SessionRecord): string | undefined {
  return /^2\n([\w-]{1,32})\.[\w-]+$/.exec(payload)?.[1];
}
