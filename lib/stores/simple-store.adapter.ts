import { asError } from '../error-text.js';
import { SerialQueue } from '../serial-queue.js';
import { NO_MARKS, type SessionMarks } from '../session.identity.js';
import { isRecord, packData, unpack } from '../session.record.js';
import {
  endOf,
  laterUse,
  type AtomicSessionStore,
  type SessionRecord,
  type SessionStore,
  type SessionTimes,
  type StoredSession,
  type StoreHost,
  type UpdateResult,
} from './session-store.js';
import { EndedIds } from './ended-ids.js';
import { SimpleUserIndex } from './simple-user-index.js';
import { isPromise } from './awaitable.js';

/**
 * The one key that the session layer adds to a session in a simple store: version, times, user.
 * Data that uses it is kept as opaque text within it.
 */
export const METADATA_KEY = 'nestjs-token-session';

/** The metadata of a session whose data stands beside it as plain JSON, or within it as text. */
interface Metadata extends SessionTimes {
  readonly version: string;
  readonly userId?: string;
  readonly marks?: SessionMarks;
  readonly payload?: string;
}

/** What a store is called back with; each call knows what it asked for. */
type Done = (error?: unknown, value?: unknown) => void;

/**
 * A simple store in the strong contract. Calls for one session run one after the other, which makes
 * read-compare-write whole within this process; across processes it is not (laws 5 and 6), and a
 * notice says so at boot.
 */
export class SimpleStoreAdapter implements AtomicSessionStore {
  readonly users = new SimpleUserIndex({
    now: () => this.now(),
    exclusively: (sid, task) => this.exclusively(sid, task),
    get: async (sid) => metadataOf(await this.call((done) => this.store.get(sid, done))),
    set: (sid, metadata, ttl) => this.put(sid, { [METADATA_KEY]: metadata }, ttl),
    destroy: (sid) => this.call((done) => this.store.destroy(sid, done)),
    notice: (text) => this.host?.notice(text),
  });
  count?: () => Promise<number>;
  clear?: () => Promise<void>;
  /** One queue for each session that is being written. */
  private readonly queues = new Map<string, SerialQueue>();
  private readonly ended = new EndedIds();
  /** As the store calls itself; default: its class. */
  readonly name: string;
  private readonly takesCallbacks: boolean;
  private readonly timeout: number;
  private host: StoreHost | undefined;

  constructor(
    private readonly store: SessionStore,
    storeTimeout: number,
  ) {
    // Later than the deadline of whoever waits, so that a write out of time is told as open, not as failed.
    this.timeout = storeTimeout * 2;
    this.name = store.name ?? store.constructor.name;
    this.takesCallbacks = store.get.length >= 2;
    if (has(store, 'length') || has(store, 'all')) this.count = () => this.countAll();
    if (has(store, 'clear')) this.clear = () => this.call((done) => store.clear?.(done));
  }

  attach(host: StoreHost): void {
    this.host = host;
    host.notice(describeLimits(this.name, this.store));
    this.store.attach?.(host);
  }

  load(id: string): Promise<SessionRecord | undefined> {
    return this.read(id);
  }

  create(id: string, record: SessionRecord): Promise<boolean> {
    return this.exclusively(id, async () => {
      if ((await this.read(id)) !== undefined) return false;
      await this.write(id, record);
      this.ended.delete(id);
      return true;
    });
  }

  update(id: string, record: SessionRecord, expectedVersion: string): Promise<UpdateResult> {
    return this.exclusively(id, async (): Promise<UpdateResult> => {
      const current = await this.read(id);
      if (!isRecord(current)) return { status: 'missing' };
      if (current.version !== expectedVersion) return { status: 'conflict', current };
      await this.write(id, record);
      return { status: 'updated' };
    });
  }

  touch(id: string, times: SessionTimes): Promise<boolean> {
    return this.exclusively(id, async () => {
      const current = await this.read(id);
      if (!isRecord(current)) return false;
      await this.write(
        id,
        { ...current, usedAt: laterUse(current, times, this.now()) },
        has(this.store, 'touch') ? 'touch' : 'set',
      );
      return true;
    });
  }

  destroy(id: string, version?: string): Promise<SessionRecord | undefined> {
    return this.exclusively(id, async () => {
      // What can't be read is destroyed all the same.
      const record = await this.read(id).catch(() => undefined);
      const isOther = version !== undefined && isRecord(record) && record.version !== version;
      if (isOther) return record;
      this.ended.add(id, this.now());
      await this.call((done) => this.store.destroy(id, done));
      return record;
    });
  }

  async close(): Promise<void> {
    await this.store.close?.();
  }

  private now(): number {
    return this.host?.now() ?? Date.now();
  }

  private async read(id: string): Promise<SessionRecord | undefined> {
    const session = await this.call((done) => this.store.get(id, done));
    if (session === undefined || session === null) return undefined;
    if (this.ended.has(id, this.now())) {
      this.endAgain(id);
      return undefined;
    }
    const record = recordOf(session);
    // What is no record is handed on as it is: the session layer tells corrupt from missing.
    if (!isRecord(record)) return record as SessionRecord;
    return endOf(record) > this.now() ? record : undefined;
  }

  /** Something brought a session back: a write that took effect late, or one of another process. */
  private endAgain(id: string): void {
    const again = this.exclusively(id, async () => {
      if (this.ended.has(id, this.now())) await this.call((done) => this.store.destroy(id, done));
    });
    again.catch(() => undefined);
  }

  private async write(id: string, record: SessionRecord, method: 'set' | 'touch' = 'set'): Promise<void> {
    await this.put(id, sessionOf(record), Math.max(1, endOf(record) - this.now()), method);
  }

  private async put(id: string, session: StoredSession, ttl: number, method: 'set' | 'touch' = 'set'): Promise<void> {
    const { store } = this;
    // A callback store whose method takes three parameters is one of connect's, without `ttl`.
    const isConnects = this.takesCallbacks && store[method]?.length === 3;
    await this.call((done) =>
      isConnects ? store[method]?.(id, session, done as never, done) : store[method]?.(id, session, ttl, done),
    );
  }

  private async countAll(): Promise<number> {
    const { store } = this;
    if (!has(store, 'all')) return this.call<number>((done) => store.length?.(done));
    const all = await this.call<object>((done) => store.all?.(done));
    return Object.values(all).filter((session) => !isIndex(session)).length;
  }

  private exclusively<T>(id: string, task: () => Promise<T>): Promise<T> {
    let queue = this.queues.get(id);
    if (queue === undefined) this.queues.set(id, (queue = new SerialQueue()));
    return queue.run(task, () => this.queues.delete(id));
  }

  /**
   * One call of a store method, by promise or callback, within a deadline: a call that never
   * settles must not block those that wait behind it. A second callback is not heard.
   */
  private call<T>(run: (done: Done) => unknown): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`no answer within ${String(this.timeout)} ms`));
      }, this.timeout);
      timer.unref();
      const done: Done = (error, value) => {
        clearTimeout(timer);
        if (error === undefined || error === null) resolve(value as T);
        else reject(asError(error));
      };
      try {
        const answer = run(done);
        if (isPromise(answer))
          answer.then(
            (value) => {
              done(null, value);
            },
            (error: unknown) => {
              done(error ?? 'rejected');
            },
          );
        else if (!this.takesCallbacks) done(null, answer);
      } catch (error) {
        done(error ?? 'thrown');
      }
    });
  }
}

/** Data as plain JSON where it is that, so that other programs can read it; else as text. */
function sessionOf(record: SessionRecord): StoredSession {
  const { payload, ...metadata } = record;
  const content = unpack(payload);
  const data = content.kind === 'data' ? plainData(content.text) : undefined;
  if (content.kind !== 'data' || data === undefined) return { [METADATA_KEY]: { ...metadata, payload } };
  const marks = content.marks === NO_MARKS ? undefined : { marks: content.marks };
  return { ...data, [METADATA_KEY]: { ...metadata, ...marks } };
}

function plainData(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith('{')) return undefined;
  try {
    const data = JSON.parse(text) as Record<string, unknown>;
    const isPlain = !Object.hasOwn(data, METADATA_KEY) && !Object.hasOwn(data, '__proto__');
    // Only text that comes back letter for letter may leave its form.
    return isPlain && JSON.stringify(data) === text ? data : undefined;
  } catch {
    return undefined;
  }
}

function recordOf(session: unknown): unknown {
  if (typeof session !== 'object') return session;
  const { [METADATA_KEY]: metadata, ...data } = session as Record<string, unknown>;
  if (typeof metadata !== 'object' || metadata === null) return session;
  const { payload, marks, ...rest } = metadata as Metadata;
  return { ...rest, payload: payload ?? packData(JSON.stringify(data), marks) };
}

/** Whether this is the index of a user's sessions rather than one of them. */
function isIndex(session: unknown): boolean {
  const metadata = metadataOf(session);
  return typeof metadata === 'object' && metadata !== null && 'users' in metadata;
}

function metadataOf(session: unknown): unknown {
  return typeof session === 'object' && session !== null ? (session as StoredSession)[METADATA_KEY] : undefined;
}

/** A class may declare a method that it does not have. */
function has(store: SessionStore, method: 'touch' | 'length' | 'all' | 'clear'): boolean {
  return typeof store[method] === 'function';
}

function describeLimits(name: string, store: SessionStore): string {
  const losses = [
    has(store, 'touch') ? '' : ' Without touch, each touch costs a get and a set.',
    has(store, 'length') || has(store, 'all') ? '' : ' Without length or all, count() is not there.',
    has(store, 'clear') ? '' : ' Without clear, clear() is not there.',
  ];
  return (
    `${name === '' || name === 'Object' ? 'The session store' : name} writes unconditionally: within one process no ` +
    'update is lost, but two processes that change one session at the same time can overwrite each other, and a ' +
    'slow one can bring a destroyed session back. Implement AtomicSessionStore to exclude both.' +
    losses.join('')
  );
}
