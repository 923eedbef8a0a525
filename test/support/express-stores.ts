import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import expressSession, { MemoryStore, type Store } from 'express-session';
import Database from 'libsql';
import memorystore from 'memorystore';
import sessionFileStore from 'session-file-store';

/** A real store of express-session, and all that it holds, as text. */
export interface OpenedStore {
  readonly store: Store;
  dump(): string | Promise<string>;
}

const MemoryStoreOf = memorystore(expressSession);
const FileStore = sessionFileStore(expressSession);
// It has no types.
const SqliteStore = (
  createRequire(import.meta.url)('better-sqlite3-session-store') as (session: object) => new (options: object) => Store
)(expressSession);
const folders: string[] = [];
const databases: { close(): unknown }[] = [];

/** Ends what the stores below opened: `afterEach(closeStores)`. */
export function closeStores(): void {
  for (const database of databases.splice(0)) database.close();
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Those that need no server. */
export const EXPRESS_STORES = {
  'express-session MemoryStore': () => {
    const store = new MemoryStore();
    return { store, dump: () => JSON.stringify((store as unknown as { sessions: object }).sessions) };
  },
  memorystore: () => {
    const store = new MemoryStoreOf({});
    const { store: cache } = store as unknown as { store: { dump(): unknown } };
    return { store: store, dump: () => JSON.stringify(cache.dump()) };
  },
  'session-file-store': () => {
    const path = mkdtempSync(join(tmpdir(), 'sessions-'));
    folders.push(path);
    const store = new FileStore({ path, retries: 0, reapInterval: -1, logFn: () => undefined });
    return { store, dump: () => dumpOfFolder(path) };
  },
  'better-sqlite3-session-store on libsql': () => {
    const client = new Database(':memory:');
    databases.push(client);
    // It would delete expired rows for as long as the process runs.
    const { setInterval: original } = globalThis;
    globalThis.setInterval = ((run: () => void, ms: number) => {
      const timer = original(run, ms);
      databases.push({ close: () => clearInterval(timer) });
      return timer;
    }) as typeof setInterval;
    const store = new SqliteStore({ client });
    globalThis.setInterval = original;
    return { store, client, dump: () => JSON.stringify(client.prepare('SELECT * FROM sessions').all()) };
  },
} satisfies Record<string, () => OpenedStore>;

function dumpOfFolder(path: string): string {
  return readdirSync(path)
    .map((name) => `${name} ${readFileSync(join(path, name), 'utf8')}`)
    .join('\n');
}
