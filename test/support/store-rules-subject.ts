import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import type { AtomicSessionStore, SessionRecord } from 'nestjs-token-session';
import { type TestClock } from './clock.js';

/** What the rules need of a test runner: jest, vitest and node:test have it. */
export interface TestRunner {
  describe(name: string, body: () => void): void;
  it(name: string, test: () => Promise<void>): void;
}

/** Opens a store without sessions; its times come from `now`. */
export type OpenStore = (now: () => number) => AtomicSessionStore | Promise<AtomicSessionStore>;

/** What only some stores have to do. */
export interface StoreAbilities {
  /**
   * The driver may send a command again whose reply was lost: a write that was carried out has to be known as
   * such, though others have written since.
   */
  readonly resends?: boolean;
}

export const SECOND = 1_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

/** The limits of a session, unless a rule says others. */
export const IDLE = 30 * MINUTE;
export const ABSOLUTE = 12 * HOUR;

/** The id of the session that most rules are about, and others. */
export const [ID, OTHER, THIRD] = ['a', 'b', 'c'].map((name) => hash('sha256', name, 'base64url')) as [
  string,
  string,
  string,
];

/** Those who come at the same time. */
export const callers: readonly number[] = [...Array(20).keys()];

/** One test of a store: a rule of its contract. */
export type Rule = (title: string, test: (subject: Subject) => Promise<void>) => void;

/** The store of one test. */
export class Subject {
  private versions = 0;

  constructor(
    readonly store: AtomicSessionStore,
    readonly clock: TestClock,
  ) {}

  /** A record with a version of its own, of a session that begins now. */
  record(changes: Partial<SessionRecord> = {}): SessionRecord {
    const now = this.clock.now();
    return {
      payload: '1\n{"views":1}',
      version: `${++this.versions}-nonce`,
      startedAt: now,
      usedAt: now,
      idleTimeout: IDLE,
      absoluteTimeout: ABSOLUTE,
      ...changes,
    };
  }

  /** What replaces that record. */
  next(record: SessionRecord, changes: Partial<SessionRecord> = {}): SessionRecord {
    return { ...record, payload: '1\n{"views":2}', version: `${++this.versions}-nonce`, ...changes };
  }

  /** Stores a record under `ID`. */
  async have(changes: Partial<SessionRecord> = {}): Promise<SessionRecord> {
    const record = this.record(changes);
    await this.creates(record);
    return record;
  }

  /** Replaces a record under `ID`. */
  async haveNext(record: SessionRecord, changes: Partial<SessionRecord> = {}): Promise<SessionRecord> {
    const next = this.next(record, changes);
    await this.updates(next, record.version);
    return next;
  }

  async creates(record: SessionRecord): Promise<void> {
    assert.equal(await this.store.create(ID, record), true, 'create');
  }

  async updates(record: SessionRecord, expectedVersion: string): Promise<void> {
    assert.deepEqual(await this.store.update(ID, record, expectedVersion), { status: 'updated' });
  }

  /** A session is never gone for one operation and there for another. */
  async isMissing(): Promise<void> {
    await this.holds(undefined);
    assert.deepEqual(await this.store.update(ID, this.record(), 'any'), { status: 'missing' });
    assert.equal(await this.store.touch(ID, this.record()), false);
    assert.equal(await this.store.destroy(ID, 'any'), undefined);
    assert.equal(await this.store.destroy(ID), undefined);
    await this.holds(undefined);
  }

  /** Uses the session at another time than its record says. */
  async touches(record: SessionRecord, usedAt: number): Promise<void> {
    assert.equal(await this.store.touch(ID, { ...record, usedAt }), true, 'touch');
  }

  async holds(record: SessionRecord | undefined): Promise<void> {
    assert.deepEqual(await this.store.load(ID), record);
  }
}

/** What all callers get who come at the same time. */
export function atOnce<T>(call: (caller: number) => T): Promise<Awaited<T>[]> {
  return Promise.all(callers.map(async (caller) => call(caller)));
}
