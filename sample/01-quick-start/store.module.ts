import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import Database from 'libsql';
import { MemoryStore, type AtomicSessionStore } from 'nestjs-token-session';
import { SqliteStore } from 'nestjs-token-session/sqlite';

/** The token of what `openStore` gives. */
export const OPENED_STORE = Symbol('OPENED_STORE');

export interface OpenedStore {
  readonly store: AtomicSessionStore;
  close(): void;
}

/**
 * The file that keeps the sessions, or undefined for memory: SESSION_STORE is `memory` (default) or `sqlite`,
 * SESSION_FILE another file.
 */
export function sessionFile(env: NodeJS.ProcessEnv): string | undefined {
  const kind = env.SESSION_STORE || 'memory';
  if (kind === 'memory') return undefined;
  if (kind !== 'sqlite') throw new Error(`SESSION_STORE takes memory or sqlite; got ${kind}.`);
  return env.SESSION_FILE || join(import.meta.dirname, '../data/sessions.db');
}

export function openStore(env: NodeJS.ProcessEnv): OpenedStore {
  const file = sessionFile(env);
  if (file === undefined) return { store: new MemoryStore(), close: () => undefined };
  mkdirSync(dirname(file), { recursive: true });
  const database = new Database(file);
  return { store: new SqliteStore({ database }), close: () => database.close() };
}

@Module({
  providers: [{ provide: OPENED_STORE, useFactory: () => openStore(process.env) }],
  exports: [OPENED_STORE],
})
export class StoreModule implements OnApplicationShutdown {
  constructor(@Inject(OPENED_STORE) private readonly opened: OpenedStore) {}

  /** HTTP is closed by now, and the session module, which imports this one, has let go of the store. */
  onApplicationShutdown(): void {
    this.opened.close();
  }
}
