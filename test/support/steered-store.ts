import {
  MemoryStore,
  type AtomicSessionStore,
  type Awaitable,
  type SessionRecord,
  type SessionTimes,
  type StoreHost,
  type SweepResult,
  type UpdateResult,
  type UserIndex,
} from 'nestjs-token-session';

/** Carries out a call of the store, or does something else in its place; gives what the caller gets. */
export type Steering = (operation: string, run: () => unknown) => unknown;

/** A memory store, its index of users included, that counts its calls and lets a test decide about each. */
export class SteeredStore implements AtomicSessionStore {
  readonly inner = new MemoryStore();
  readonly calls: string[] = [];
  /** Default: each call is carried out at once. */
  steer: Steering | undefined;

  readonly users: UserIndex = {
    add: (...args) => this.call('users.add', () => this.inner.users.add(...args)),
    settle: (...args) => this.call('users.settle', () => this.inner.users.settle(...args)),
    revoke: (...args) => this.call('users.revoke', () => this.inner.users.revoke(...args)),
    remove: (...args) => this.call('users.remove', () => this.inner.users.remove(...args)),
    list: (...args) => this.call('users.list', () => this.inner.users.list(...args)),
  };

  attach(host: StoreHost): void {
    this.inner.attach(host);
  }

  load(id: string): Awaitable<SessionRecord | undefined> {
    return this.call('load', () => this.inner.load(id));
  }

  create(id: string, record: SessionRecord): Awaitable<boolean> {
    return this.call('create', () => this.inner.create(id, record));
  }

  update(id: string, record: SessionRecord, expectedVersion: string): Awaitable<UpdateResult> {
    return this.call('update', () => this.inner.update(id, record, expectedVersion));
  }

  touch(id: string, times: SessionTimes): Awaitable<boolean> {
    return this.call('touch', () => this.inner.touch(id, times));
  }

  destroy(id: string, version?: string): Awaitable<SessionRecord | undefined> {
    return this.call('destroy', () => this.inner.destroy(id, version));
  }

  sweep(): SweepResult {
    return this.inner.sweep();
  }

  count(): number {
    return this.inner.count();
  }

  clear(): void {
    this.inner.clear();
  }

  private call<T>(operation: string, run: () => T): Awaitable<T> {
    this.calls.push(operation);
    return (this.steer === undefined ? run() : this.steer(operation, run)) as Awaitable<T>;
  }
}
