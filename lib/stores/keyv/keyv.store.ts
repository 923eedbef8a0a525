import { randomBytes } from 'node:crypto';
import type { SessionStore, StoredSession, StoreHost } from '../session-store.js';
import { canIterate, type IterableKeyv, type KeyvClient } from './keyv-client.js';
import { SwallowedErrors } from './swallowed-errors.js';

/** How many entries are asked for at a time when all are gone through. */
const BATCH = 100;

/** How long a mark may stay that was put among the entries, in ms. */
const MARK_LIFETIME = 60_000;

/** The end of a key that may be one of ours: a session's id, or that of a user's index. */
const ID = /[\w-]{43}$/;

/**
 * Sessions in a Keyv, each as one JSON text: whatever Keyv's serializer does to values, what comes out equals what
 * went in.
 */
export class KeyvStore implements SessionStore {
  /** Only where Keyv can go through its entries. */
  declare all?: () => Promise<Record<string, StoredSession>>;
  /** Removes the sessions, and nothing else of the cache. Only where Keyv can go through its entries. */
  declare clear?: () => Promise<void>;
  private readonly errors: SwallowedErrors;

  constructor(
    private readonly keyv: KeyvClient,
    private readonly prefix: string,
  ) {
    this.errors = new SwallowedErrors(keyv);
    if (!canIterate(keyv)) return;
    this.all = () => this.readAll(keyv);
    this.clear = () => this.removeAll(keyv);
  }

  attach(host: StoreHost): void {
    host.notice(
      'Sessions are kept in a cache (Keyv). What it evicts is lost: its user is signed out, and list() and ' +
        'destroyAll() do not know the sessions of a user whose index was evicted. Give it a backend that evicts ' +
        'nothing (Redis: maxmemory-policy noeviction), or take RedisStore, PostgresStore or SqliteStore.',
    );
  }

  async get(sid: string): Promise<StoredSession | undefined> {
    const value = await this.read(sid);
    if (typeof value !== 'string') return value as StoredSession | undefined;
    try {
      return JSON.parse(value) as StoredSession;
    } catch {
      // The session layer discards what is no session.
      return value as unknown as StoredSession;
    }
  }

  async set(sid: string, session: StoredSession, ttl: number): Promise<void> {
    const text = JSON.stringify(session);
    const { answer, fault } = await this.errors.watch(() => this.keyv.set(this.prefix + sid, text, Math.ceil(ttl)));
    if (answer === false) throw new Error('Keyv did not store the session', { cause: fault });
    // Adapters that swallow errors let Keyv say true.
    if (fault !== undefined && (await this.read(sid)) !== text) throw fault;
  }

  async destroy(sid: string): Promise<void> {
    const { answer, fault } = await this.errors.watch(() => this.keyv.delete(this.prefix + sid));
    if (answer === true && fault === undefined) return;
    // False means a failure, or that there was nothing to delete.
    if ((await this.read(sid)) !== undefined) throw fault ?? new Error('Keyv did not delete the session');
  }

  /** What is kept under a key; undefined only if there is nothing. */
  private async read(sid: string): Promise<unknown> {
    // getRaw of Keyv 5 hands on what the adapter throws; get swallows it, and emits nothing.
    const { answer, fault } = await this.errors.watch(() => this.keyv.getRaw(this.prefix + sid));
    if (answer !== undefined && answer !== null) return (answer as { value?: unknown }).value;
    if (fault !== undefined) throw fault;
    return undefined;
  }

  private async readAll(keyv: IterableKeyv): Promise<Record<string, StoredSession>> {
    const all: Record<string, StoredSession> = {};
    await this.forAll(keyv, async (sid) => {
      const session = await this.get(sid);
      if (session !== undefined) all[sid] = session;
    });
    return all;
  }

  private removeAll(keyv: IterableKeyv): Promise<void> {
    return this.forAll(keyv, (sid) => this.destroy(sid));
  }

  private async forAll(keyv: IterableKeyv, act: (sid: string) => Promise<void>): Promise<void> {
    const ids = await this.ids(keyv);
    for (let start = 0; start < ids.length; start += BATCH) {
      await Promise.all(ids.slice(start, start + BATCH).map(act));
    }
  }

  /**
   * The ids of all that may be ours. Iterators give keys with or without namespace, those of other namespaces too, and
   * some give nothing where they can't: an id is only a proposal, and a mark has to come by.
   */
  private async ids(keyv: IterableKeyv): Promise<string[]> {
    const mark = `mark.${randomBytes(9).toString('base64url')}`;
    if ((await keyv.set(this.prefix + mark, '', MARK_LIFETIME)) === false) throw new Error('Keyv did not store a mark');
    const { answer, fault } = await this.errors.watch(() => proposals(keyv, mark));
    await keyv.delete(this.prefix + mark);
    if (fault !== undefined) throw fault;
    if (!answer.isMarkSeen) throw new Error('this Keyv does not go through its entries: its iterator leaves some out');
    return [...answer.ids];
  }
}

async function proposals(keyv: IterableKeyv, mark: string): Promise<{ ids: Set<string>; isMarkSeen: boolean }> {
  const ids = new Set<string>();
  let isMarkSeen = false;
  for await (const [key] of keyv.iterator()) {
    if (typeof key !== 'string') continue;
    isMarkSeen ||= key.endsWith(mark);
    const id = ID.exec(key)?.[0];
    if (id !== undefined) ids.add(id);
  }
  return { ids, isMarkSeen };
}
