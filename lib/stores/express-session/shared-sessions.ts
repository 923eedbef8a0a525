import { BoundedMap } from '../bounded-map.js';
import { EndedIds } from '../ended-ids.js';
import { NO_RECORD } from '../no-record.js';
import {
  endOf,
  laterUse,
  type AtomicSessionStore,
  type SessionRecord,
  type SessionTimes,
  type StoreHost,
  type UpdateResult,
} from '../session-store.js';
import { ExpressAccess } from './express-access.js';
import { nameOf, type ExpressStore } from './express-store.js';
import { RAW_IDS } from './raw-ids.js';
import { checkHost, noticeOf, userByData } from './shared-host.js';
import { sharedOf, storedOf, type Shared, type SharedTerms } from './shared-record.js';
import { isIndex, SharedUserIndex } from './shared-user-index.js';
import type { ExpressCookie } from './stored-cookie.js';

/** How many sessions' last use is known without asking the store. */
const MAX_USES = 10_000;

/** How long an entry of the user index may be on its way, and how much longer than its session it lives, in ms. */
const ENTRY_DEADLINE = 60_000;
const ENTRY_MARGIN = 600_000;

/** Limits where no session layer says others: a year, in ms. */
const YEAR = 365 * 86_400_000;
const NO_LIMITS = { idleTimeout: YEAR, absoluteTimeout: YEAR, touchInterval: YEAR / 10 };

/**
 * The sessions of express-session itself, under its ids and in its form, beside applications that use it. What holds
 * ids is private to inspect and logs (law 2).
 */
export class SharedSessions implements AtomicSessionStore {
  readonly tokens = RAW_IDS;
  readonly users: SharedUserIndex;
  count?: () => Promise<number>;
  clear?: () => Promise<void>;
  private readonly store: ExpressAccess;
  private readonly name: string;
  private readonly terms: SharedTerms;
  private host: StoreHost | undefined;
  readonly #ended = new EndedIds();
  readonly #uses = new BoundedMap<number>(MAX_USES);

  constructor(given: ExpressStore, cookie: ExpressCookie) {
    const store = (this.store = new ExpressAccess(given));
    this.name = nameOf(given);
    const usedAt = (id: string): number | undefined => this.#uses.get(id);
    this.terms = { now: () => this.now(), limits: NO_LIMITS, userOf: () => undefined, usedAt, cookie };
    this.users = new SharedUserIndex({
      store,
      now: () => this.now(),
      notice: (text) => this.host?.notice(text),
      enroll: async (userId, id) => {
        const current = await this.read(id);
        if (current?.record.userId === userId) await this.enroll(id, current);
      },
    });
    if (store.has('all') || store.has('length')) this.count = () => this.countAll();
    if (store.has('clear')) {
      this.clear = async () => {
        await store.call('clear');
      };
    }
  }

  attach(host: StoreHost): void {
    this.host = host;
    this.store.timeout = host.storeTimeout * 2;
    const { options } = host;
    if (options !== undefined) {
      checkHost(options);
      const userOf: SharedTerms['userOf'] = (data) => userByData(options, data);
      Object.assign(this.terms, { limits: options, userOf });
    }
    host.notice(noticeOf(this.name, this.store));
  }

  async load(id: string): Promise<SessionRecord | undefined> {
    return (await this.read(id))?.record;
  }

  create(id: string, record: SessionRecord): Promise<boolean> {
    return this.store.exclusively(id, async () => {
      if ((await this.read(id)) !== undefined) return false;
      await this.write(id, record);
      this.#ended.delete(id);
      return true;
    });
  }

  update(id: string, record: SessionRecord, expectedVersion: string): Promise<UpdateResult> {
    return this.store.exclusively(id, async (): Promise<UpdateResult> => {
      const current = await this.read(id);
      if (current === undefined || current.record === NO_RECORD) return { status: 'missing' };
      if (current.record.version !== expectedVersion) return { status: 'conflict', current: current.record };
      if (record.userId === current.record.userId) await this.enroll(id, current);
      await this.write(id, record, current);
      return { status: 'updated' };
    });
  }

  touch(id: string, times: SessionTimes): Promise<boolean> {
    return this.store.exclusively(id, async () => {
      const current = await this.read(id);
      if (current === undefined || current.record === NO_RECORD) return false;
      const usedAt = laterUse(current.record, times, this.now());
      const record = { ...current.record, usedAt };
      if (current.isAdopted && this.store.has('touch')) {
        // Moves the expiry only, and so undoes no change of another process.
        const { cookie } = storedOf(id, record, current.stored, this.terms);
        await this.store.call('touch', id, { ...current.stored, cookie });
        this.#uses.set(id, usedAt);
      } else {
        await this.enroll(id, current);
        await this.write(id, record, current);
      }
      return true;
    });
  }

  destroy(id: string, version?: string): Promise<SessionRecord | undefined> {
    return this.store.exclusively(id, async () => {
      // What can't be read is destroyed all the same.
      const found = await this.read(id).catch(() => undefined);
      const record = found?.record;
      const isOther = version !== undefined && record !== undefined && record !== NO_RECORD;
      if (isOther && record.version !== version) return record;
      this.#ended.add(id, this.now());
      this.#uses.delete(id);
      await this.store.call('destroy', id);
      return record;
    });
  }

  close(): Promise<void> {
    return this.store.close();
  }

  private now(): number {
    return this.host?.now() ?? Date.now();
  }

  private async read(id: string): Promise<Shared | undefined> {
    // Applications hand over ids that clients sent, and some stores make the names of files of them (H19).
    if (!RAW_IDS.isToken(id)) return undefined;
    const stored = await this.store.call('get', id);
    if (stored === undefined || stored === null) return undefined;
    if (this.#ended.has(id, this.now())) {
      this.endAgain(id);
      return undefined;
    }
    const shared = sharedOf(id, stored, this.terms);
    // The session layer tells corrupt from missing.
    if (shared === undefined) return { stored: {}, record: NO_RECORD, isAdopted: true };
    return endOf(shared.record) > this.now() ? shared : undefined;
  }

  private async write(id: string, record: SessionRecord, current?: Shared): Promise<void> {
    this.#uses.delete(id);
    await this.store.call('set', id, storedOf(id, record, current?.stored, this.terms));
  }

  /** Something brought a session back: a write that took effect late, or a slow request of express-session. */
  private endAgain(id: string): void {
    const again = this.store.exclusively(id, async () => {
      if (this.#ended.has(id, this.now())) await this.store.call('destroy', id);
    });
    again.catch(() => undefined);
  }

  /** Adds a session to those of its user, whom express-session signed in: from now on it can be listed and ended. */
  private async enroll(id: string, { record, isAdopted }: Shared): Promise<void> {
    const { userId } = record;
    if (isAdopted || userId === undefined) return;
    const { revoked } = await this.users.add(userId, id, ENTRY_DEADLINE, {});
    await this.users.settle(userId, id, record.startedAt + record.absoluteTimeout - this.now() + ENTRY_MARGIN);
    const others = revoked.filter((other) => other !== id);
    // Whoever adds an entry ends what somebody who revoked it did not come to end.
    for (const other of others) await this.destroy(other);
    if (others.length > 0) await this.users.remove(userId, others);
  }

  private async countAll(): Promise<number> {
    if (!this.store.has('all')) return (await this.store.call('length')) as number;
    return Object.values(await this.store.all()).filter((stored) => !isIndex(stored)).length;
  }
}
