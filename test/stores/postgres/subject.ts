import type { SessionRecord, StoreHost } from 'nestjs-token-session';
import { PostgresStore, type PostgresStoreOptions } from 'nestjs-token-session/postgres';

/** What the store asks of the session layer: the machine's clock, unless a test has another. */
export interface TestHost extends StoreHost {
  readonly notices: string[];
}

export function hostOf(now: () => number = Date.now, storeTimeout = 5_000): TestHost {
  const notices: string[] = [];
  return { now, storeTimeout, evicted: () => undefined, notice: (text) => notices.push(text), notices };
}

/** A store with its tables, attached. */
export async function openStore(options: PostgresStoreOptions, host: StoreHost = hostOf()): Promise<PostgresStore> {
  const store = new PostgresStore(options);
  await store.migrate();
  await store.attach(host);
  return store;
}

export function recordOf(version: string, more: Partial<SessionRecord> = {}): SessionRecord {
  const now = Date.now();
  return {
    payload: '1\n{}',
    version,
    startedAt: now,
    usedAt: now,
    idleTimeout: 600_000,
    absoluteTimeout: 6_000_000,
    ...more,
  };
}

/** An id as the session layer makes them: 43 characters. */
export function idOf(number: number | string): string {
  return String(number).padStart(43, 'i');
}
