import * as assert from '../assertions.js';
import { hash } from 'node:crypto';
import type { AtomicSessionStore, SessionRecord } from '../../../stores/session-store.js';
import type { TestClock } from '../../test-clock.js';
import type { RuleOf } from '../conformance-test.js';
import { notedStore } from './noted-store.js';

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

const UPDATED = "update at the version that is stored gives { status: 'updated' }";

/** One test of a store: a rule of its contract. */
export type Rule = RuleOf<Subject>;

/** The store of one test. */
export class Subject {
  readonly store: AtomicSessionStore;
  private versions = 0;
  /** For messages: when a rule failed. */
  private last = 'nothing else';

  constructor(
    store: AtomicSessionStore,
    readonly clock: TestClock,
  ) {
    this.store = notedStore(store, (operation) => (this.last = operation));
  }

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
    assert.equal(await this.store.create(ID, record), true, 'create gives true where there is no session');
  }

  async updates(record: SessionRecord, expectedVersion: string): Promise<void> {
    assert.deepEqual(await this.store.update(ID, record, expectedVersion), { status: 'updated' }, UPDATED);
  }

  /** A session is never gone for one operation and there for another. */
  async isMissing(): Promise<void> {
    await this.holds(undefined);
    const { last, store } = this;
    const gives = (operation: string, answer: string): string =>
      `${operation} after ${last} gives ${answer} for a session that is missing: never stored, destroyed or past its end`;
    const updated = await store.update(ID, this.record(), 'any');
    assert.deepEqual(updated, { status: 'missing' }, gives('update', "{ status: 'missing' }"));
    assert.equal(await store.touch(ID, this.record()), false, gives('touch', 'false'));
    assert.equal(await store.destroy(ID, 'any'), undefined, gives('destroy at a version', 'undefined'));
    assert.equal(await store.destroy(ID), undefined, gives('destroy', 'undefined'));
    await this.holds(undefined);
  }

  /** Uses the session at another time than its record says. */
  async touches(record: SessionRecord, usedAt: number): Promise<void> {
    assert.equal(
      await this.store.touch(ID, { ...record, usedAt }),
      true,
      'touch of a session that is there gives true',
    );
  }

  async holds(record: SessionRecord | undefined): Promise<void> {
    const { last } = this;
    const wanted = record === undefined ? 'undefined: the session is missing' : 'the record as it has to be by then';
    assert.deepEqual(await this.store.load(ID), record, `load after ${last} gives ${wanted}`);
  }
}

/** What all callers get who come at the same time. */
export function atOnce<T>(call: (caller: number) => T): Promise<Awaited<T>[]> {
  return Promise.all(callers.map(async (caller) => await call(caller)));
}

/** The id of one of many sessions. */
export function idOf(number: number): string {
  return hash('sha256', `session ${String(number)}`, 'base64url');
}

/** Stores so many sessions under ids of their own; gives them by id. */
export async function haveMany(
  subject: Subject,
  count: number,
  changes: Partial<SessionRecord>,
  first = 0,
): Promise<Map<string, SessionRecord>> {
  const records = new Map<string, SessionRecord>();
  for (let number = first; number < first + count; number++) records.set(idOf(number), subject.record(changes));
  const entries = [...records];
  // Not more at a time than a pool of connections is made for.
  while (entries.length > 0) {
    const batch = entries.splice(0, callers.length);
    const created = await Promise.all(batch.map(([id, record]) => Promise.resolve(subject.store.create(id, record))));
    assert.deepEqual(new Set(created), new Set([true]), 'create gives true at each of many free ids');
  }
  return records;
}

/** All these sessions are as they were stored. */
export async function areThere({ store }: Subject, records: ReadonlyMap<string, SessionRecord>): Promise<void> {
  for (const [id, record] of records)
    assert.deepEqual(await store.load(id), record, 'load gives each of many sessions as it was stored');
}
