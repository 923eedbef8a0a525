import {
  MemoryStore,
  Store,
  type AtomicSessionStore,
  type SessionRecord,
  type SessionTimes,
  type StoredSession,
  type StoreHost,
  type UpdateResult,
  type UserIndex,
} from 'nestjs-token-session';

/** Counts the calls of a strong store, and lets a test come in before each. */
export class ProbedStore implements AtomicSessionStore {
  readonly calls: string[] = [];
  /** Runs before each call, those of the index (`users.add`, …) with the user's id; may throw, wait or hang. */
  before: ((operation: string, id: string) => unknown) | undefined;
  /** Where the inner store has one. */
  readonly users?: UserIndex;

  constructor(readonly inner: AtomicSessionStore = new MemoryStore()) {
    const { users } = inner;
    if (users !== undefined) this.users = this.probed(users);
  }

  attach(host: StoreHost): void {
    this.inner.attach?.(host);
  }

  load(id: string): Promise<SessionRecord | undefined> {
    return this.call('load', id, () => this.inner.load(id));
  }

  create(id: string, record: SessionRecord): Promise<boolean> {
    return this.call('create', id, () => this.inner.create(id, record));
  }

  update(id: string, record: SessionRecord, expectedVersion: string): Promise<UpdateResult> {
    return this.call('update', id, () => this.inner.update(id, record, expectedVersion));
  }

  touch(id: string, times: SessionTimes): Promise<boolean> {
    return this.call('touch', id, () => this.inner.touch(id, times));
  }

  destroy(id: string, version?: string): Promise<SessionRecord | undefined> {
    return this.call('destroy', id, () => this.inner.destroy(id, version));
  }

  count(): number {
    return this.inner.count?.() as number;
  }

  clear(): void {
    void this.inner.clear?.();
  }

  private probed(users: UserIndex): UserIndex {
    return {
      add: (userId, ...entry) => this.call('users.add', userId, () => users.add(userId, ...entry)),
      settle: (userId, ...entry) => this.call('users.settle', userId, () => users.settle(userId, ...entry)),
      revoke: (userId, which) => this.call('users.revoke', userId, () => users.revoke(userId, which)),
      remove: (userId, ids) => this.call('users.remove', userId, () => users.remove(userId, ids)),
      list: (userId) => this.call('users.list', userId, () => users.list(userId)),
    };
  }

  private async call<T>(operation: string, id: string, run: () => T | PromiseLike<T>): Promise<T> {
    this.calls.push(operation);
    await this.before?.(operation, id);
    return run();
  }
}

/** A custom store as users write it: the simple contract over a Map, with promises. */
export class SimpleMapStore extends Store {
  readonly sessions = new Map<string, string>();

  get(sid: string): Promise<StoredSession | undefined> {
    const text = this.sessions.get(sid);
    return Promise.resolve(text === undefined ? undefined : (JSON.parse(text) as StoredSession));
  }

  set(sid: string, session: StoredSession, _ttl: number): Promise<void> {
    this.sessions.set(sid, JSON.stringify(session));
    return Promise.resolve();
  }

  destroy(sid: string): Promise<void> {
    this.sessions.delete(sid);
    return Promise.resolve();
  }
}

/** The same with callbacks, as connect's stores have them: no `ttl`, and the answer comes later. */
export class CallbackMapStore extends Store {
  readonly sessions = new Map<string, string>();

  get(sid: string, callback: (error: unknown, session?: StoredSession) => void): void {
    setImmediate(() => {
      const text = this.sessions.get(sid);
      callback(null, text === undefined ? undefined : (JSON.parse(text) as StoredSession));
    });
  }

  set(sid: string, session: StoredSession, callback: unknown): void {
    this.sessions.set(sid, JSON.stringify(session));
    setImmediate(callback as (error: unknown) => void, null);
  }

  destroy(sid: string, callback: (error: unknown) => void): void {
    this.sessions.delete(sid);
    setImmediate(callback, null);
  }
}

/** The stores over which behaviour is tested; the first is the default. */
export const STORES = {
  memory: () => new MemoryStore(),
  'simple store': () => new SimpleMapStore(),
  'callback store': () => new CallbackMapStore(),
} as const;
