import { SessionConfigError } from '../session.errors.js';
import { LocalEndings } from './local-endings.js';
import { MemoryUserIndex } from './memory-user-index.js';
import { RecordTable } from './record-table.js';
import {
  endOf,
  laterUse,
  type AtomicSessionStore,
  type SessionRecord,
  type SessionTimes,
  type StoreHost,
  type SweepResult,
  type UpdateResult,
} from './session-store.js';

/** Options of `MemoryStore`. */
export interface MemoryStoreOptions {
  /**
   * How many sessions are kept at most; past it the one stored or touched longest ago is dropped,
   * with a `session_evicted` event. Default 100,000.
   */
  maxSessions?: number;
}

/** How many records one sweep looks at: well under a millisecond. */
const SWEEP_BATCH = 2_000;

const UPDATED: UpdateResult = { status: 'updated' };
const MISSING: UpdateResult = { status: 'missing' };

/**
 * Sessions in this process's memory: for development, tests and single processes that may forget
 * their sessions at a restart. Keeps encoded text, never live objects, so nothing that a handler
 * does later changes what is stored.
 */
export class MemoryStore implements AtomicSessionStore {
  /** In the order of last write or touch. */
  private readonly records = new RecordTable();
  readonly users = new MemoryUserIndex(() => this.now());
  readonly endings = new LocalEndings();
  private readonly maxSessions: number;
  private now: () => number = Date.now;
  private host: StoreHost | undefined;
  /** The place at which the sweep goes on. */
  private sweepPlace = 0;

  /** @throws SessionConfigError `INVALID_OPTION` when `maxSessions` is not a positive integer */
  constructor(options: MemoryStoreOptions = {}) {
    ({ maxSessions: this.maxSessions = 100_000 } = options);
    const unknown = Object.keys(options).find((name) => name !== 'maxSessions');
    if (unknown !== undefined) {
      throw new SessionConfigError('INVALID_OPTION', `MemoryStore: has no option ${unknown}; it has maxSessions.`);
    }
    if (!Number.isSafeInteger(this.maxSessions) || this.maxSessions < 1) {
      throw new SessionConfigError(
        'INVALID_OPTION',
        `MemoryStore: maxSessions takes a whole number of at least 1, got ${String(this.maxSessions)}.`,
      );
    }
  }

  attach(host: StoreHost): void {
    this.host = host;
    this.now = () => host.now();
    if (process.env['NODE_ENV'] === 'production') {
      host.notice(
        'MemoryStore in production: sessions end with this process and no other process sees them. ' +
          'Give SessionModule a store that outlives the process.',
      );
    }
  }

  load(id: string): SessionRecord | undefined {
    return this.living(id);
  }

  create(id: string, record: SessionRecord): boolean {
    if (this.living(id) !== undefined) return false;
    this.makeRoom();
    this.records.put(id, record);
    return true;
  }

  update(id: string, record: SessionRecord, expectedVersion: string, isEnd = false): UpdateResult {
    const current = this.living(id);
    if (current === undefined) return MISSING;
    if (current.version !== expectedVersion) return { status: 'conflict', current };
    this.records.put(id, record);
    if (isEnd) this.endings.tell(id);
    return UPDATED;
  }

  touch(id: string, times: SessionTimes): boolean {
    const current = this.living(id);
    if (current === undefined) return false;
    this.records.put(id, { ...current, usedAt: laterUse(current, times, this.now()) });
    return true;
  }

  destroy(id: string, version?: string): SessionRecord | undefined {
    const record = this.living(id);
    if (record !== undefined && (version ?? record.version) === record.version) {
      this.drop(id, record);
      this.endings.tell(id);
    }
    return record;
  }

  sweep(): SweepResult {
    const now = this.now();
    const end = Math.min(this.sweepPlace + SWEEP_BATCH, this.records.places);
    let removed = 0;
    for (let place = this.sweepPlace; place < end; place++) {
      const [id, record] = this.records.at(place) ?? [];
      if (id === undefined || record === undefined || endOf(record) > now) continue;
      this.drop(id, record);
      removed++;
    }
    const done = end === this.records.places;
    this.sweepPlace = done ? 0 : end;
    return { removed, done };
  }

  count(): number {
    const now = this.now();
    let living = 0;
    for (let place = 0; place < this.records.places; place++) {
      const record = this.records.at(place)?.[1];
      if (record !== undefined && endOf(record) > now) living++;
    }
    return living;
  }

  clear(): void {
    this.records.clear();
    this.users.clear();
    this.endings.tellAll();
  }

  private living(id: string): SessionRecord | undefined {
    const record = this.records.get(id);
    if (record === undefined || endOf(record) > this.now()) return record;
    this.host?.expired?.(id, record);
    this.drop(id, record);
    return undefined;
  }

  /** Removes a record, and with it its user's entry. */
  private drop(id: string, { userId }: SessionRecord): void {
    this.records.delete(id);
    if (userId !== undefined) this.users.remove(userId, [id]);
  }

  private makeRoom(): void {
    if (this.records.size < this.maxSessions) return;
    const [id, record] = this.records.oldest() as [string, SessionRecord];
    this.drop(id, record);
    if (endOf(record) <= this.now()) return;
    this.endings.tell(id);
    this.host?.evicted(
      id,
      `MemoryStore holds its ${String(this.maxSessions)} sessions; raise maxSessions or use another store.`,
    );
  }
}
