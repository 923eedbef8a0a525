import * as assert from '../assertions.js';
import { hash } from 'node:crypto';
import { isPromise } from '../../../stores/awaitable.js';
import type { SessionStore, StoreCallback, StoredSession } from '../../../stores/session-store.js';
import { METADATA_KEY } from '../../../stores/simple-store.adapter.js';
import type { TestClock } from '../../test-clock.js';

export const [ONE, TWO] = ['one', 'two'].map((name) => hash('sha256', name, 'base64url')) as [string, string];

/** How long a session may be kept, unless a rule says otherwise, in ms. */
export const TTL = 30 * 60_000;

/** A simple store, asked as the session layer asks it: by promise or by callback. */
export class SimpleSubject {
  private readonly takesCallbacks: boolean;
  /** How often the callbacks of each call came. */
  readonly answers: number[] = [];

  constructor(
    readonly store: SessionStore,
    readonly clock: TestClock,
  ) {
    this.takesCallbacks = store.get.length >= 2;
  }

  /** A session as the session layer gives it: data, and one key of its own. */
  session(data: Record<string, unknown> = { views: 1 }): StoredSession {
    const now = this.clock.now();
    const times = { startedAt: now, usedAt: now, idleTimeout: TTL, absoluteTimeout: 24 * TTL };
    return { ...data, [METADATA_KEY]: { version: '1-nonce', ...times } };
  }

  /** The session; undefined when it is missing, which a store may also tell by null. */
  async get(sid: string): Promise<StoredSession | undefined> {
    return (await this.call((done) => this.store.get(sid, done))) as StoredSession | undefined;
  }

  /** Stores a copy, so that nothing that is done to this object later reaches the store. */
  async set(sid: string, session: StoredSession, ttl = TTL): Promise<StoredSession> {
    await this.put('set', sid, session, ttl);
    return session;
  }

  async touch(sid: string, session: StoredSession, ttl = TTL): Promise<void> {
    await this.put('touch', sid, session, ttl);
  }

  async destroy(sid: string): Promise<void> {
    await this.call((done) => this.store.destroy(sid, done));
  }

  /** A method without a session's id, where the store has it. */
  whole(method: 'length' | 'all' | 'clear'): Promise<unknown> {
    return this.call((done) => this.store[method]?.(done));
  }

  async holds(sid: string, session: StoredSession | undefined): Promise<void> {
    const got = await this.get(sid);
    if (session === undefined)
      assert.equal(got, undefined, 'get gives undefined or null for a session that is missing');
    else assert.deepEqual(asJson(got), asJson(session), 'get gives the session that was set last');
  }

  private async put(method: 'set' | 'touch', sid: string, session: StoredSession, ttl: number): Promise<void> {
    const copy = structuredClone(session);
    // A callback store whose method takes three parameters is one of connect's, without `ttl`.
    const isConnects = this.takesCallbacks && this.store[method]?.length === 3;
    await this.call((done) =>
      isConnects ? this.store[method]?.(sid, copy, done as never, done) : this.store[method]?.(sid, copy, ttl, done),
    );
  }

  private call(run: (done: StoreCallback) => unknown): Promise<unknown> {
    const number = this.answers.push(0) - 1;
    return new Promise((resolve, reject) => {
      // It may give anything as an error.
      const fail: (reason: unknown) => void = reject;
      const done: StoreCallback = (error, value) => {
        this.answers[number] = (this.answers[number] ?? 0) + 1;
        if (error === undefined || error === null) resolve(value ?? undefined);
        else fail(error);
      };
      const answer = run(done);
      if (isPromise(answer))
        answer.then(
          (value) => done(null, value),
          (error: unknown) => done(error ?? 'rejected'),
        );
      else if (!this.takesCallbacks) done(null, answer);
    });
  }
}

/** What is left of it as text. */
export function asJson(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
