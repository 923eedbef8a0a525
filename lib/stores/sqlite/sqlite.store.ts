import { setImmediate } from 'node:timers/promises';
import type {
  AtomicSessionStore,
  Awaitable,
  SessionRecord,
  SessionTimes,
  StoreHost,
  SweepResult,
  UpdateResult,
} from '../session-store.js';
import { isPromise } from '../awaitable.js';
import type { UserIndex } from '../user-index.js';
import { SqliteConnection } from './sqlite-connection.js';
import { SqliteUserIndex } from './sqlite-user-index.js';
import { resolveSqliteOptions, type SqliteStoreOptions } from './sqlite.options.js';

/** How many rows `clear` removes in one go. */
const CLEAR_BATCH = 500;

const SWEPT: SweepResult = { removed: 0, done: true };

/**
 * Sessions in a file of SQLite (3.38 or later), by the synchronous API of better-sqlite3, libsql or
 * node:sqlite. Several processes of one machine may use the file.
 *
 * What was acknowledged is on the disk and outlasts a kill -9 and a power cut, unless `synchronous`
 * says otherwise: see docs/sqlite.md.
 */
export class SqliteStore implements AtomicSessionStore {
  readonly users: UserIndex;
  private readonly connection: SqliteConnection;
  private host: StoreHost | undefined;

  /** @throws SessionConfigError `INVALID_OPTION` */
  constructor(options: SqliteStoreOptions) {
    this.connection = new SqliteConnection(resolveSqliteOptions(options));
    this.users = new SqliteUserIndex(this.connection);
  }

  /** @throws SessionConfigError `INVALID_STORE` for a database that can't be used, with the remedy */
  attach(host: StoreHost): Awaitable<void> {
    this.host = host;
    return this.connection.open(host);
  }

  load(id: string): Awaitable<SessionRecord | undefined> {
    return this.connection.read(({ records }) =>
      records.load(id, this.now(), (record) => this.host?.expired?.(id, record)),
    );
  }

  create(id: string, record: SessionRecord): Awaitable<boolean> {
    return this.connection.write(({ records }) => records.create(id, record, this.now()));
  }

  update(id: string, record: SessionRecord, expectedVersion: string): Awaitable<UpdateResult> {
    return this.connection.write(({ records }) => records.update(id, record, expectedVersion, this.now()));
  }

  touch(id: string, times: SessionTimes): Awaitable<boolean> {
    return this.connection.write(({ records }) => records.touch(id, times, this.now()));
  }

  destroy(id: string, version?: string): Awaitable<SessionRecord | undefined> {
    return this.connection.write(({ records }) => records.destroy(id, version, this.now()));
  }

  sweep(): Awaitable<SweepResult> {
    const now = this.now();
    const hasWork = this.connection.read(({ sweep }) => sweep.hasWork(now));
    const run = (isDue: boolean): Awaitable<SweepResult> =>
      isDue ? this.connection.write(({ sweep }) => sweep.run(now)) : SWEPT;
    return isPromise(hasWork) ? hasWork.then(run) : run(hasWork);
  }

  /** Looks at all sessions, batch by batch; other work runs in between. */
  async count(): Promise<number> {
    let count = 0;
    for (let position: number | undefined = 0; position !== undefined;) {
      const after: number = position;
      const batch = await this.connection.read(({ records }) => records.countAfter(after, this.now()));
      count += batch.living;
      ({ position } = batch);
      await setImmediate();
    }
    return count;
  }

  /** Removes all sessions that were there at the call, batch by batch; other work runs in between. */
  async clear(): Promise<void> {
    // Entries first: a login under way finds its own gone, and its session does not live.
    await this.batches(({ users }) => users.removeAny(CLEAR_BATCH));
    const last = await this.connection.read(({ records }) => records.lastPosition());
    await this.batches(({ records }) => records.removeSome(last, CLEAR_BATCH));
  }

  /** Closes nothing of the application's: the database stays open. */
  close(): void {
    this.connection.close();
  }

  private async batches(removeBatch: Parameters<typeof this.connection.write<boolean>>[0]): Promise<void> {
    while (await this.connection.write(removeBatch)) await setImmediate();
  }

  private now(): number {
    return this.connection.now();
  }
}
