import type { StoreHost } from 'nestjs-token-session';
import { SqliteStore, type SqliteStoreOptions } from 'nestjs-token-session/sqlite';

/** What a store is attached to in tests; `notices` is what it said. */
export class TestHost implements StoreHost {
  readonly notices: string[] = [];
  readonly evicted = (): void => undefined;
  readonly notice = (text: string): void => void this.notices.push(text);

  constructor(
    readonly now: () => number = Date.now,
    readonly storeTimeout = 300,
  ) {}
}

/** A store that is attached. */
export function attached(options: SqliteStoreOptions, host = new TestHost()): SqliteStore {
  const store = new SqliteStore(options);
  void store.attach(host);
  return store;
}
