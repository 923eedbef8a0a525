import { randomBytes } from 'node:crypto';
import { CookieSignature } from '../../transports/cookie-signature.js';
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
import { SharedEnrolment } from './shared-enrolment.js';
import { checkHost, noticeOf, userByData } from './shared-host.js';
import { Misfits } from './shared-misfits.js';
import { NO_LIMITS, sharedOf, storedOf, type Shared, type SharedTerms } from './shared-record.js';
import { isIndex, SharedUserIndex } from './shared-user-index.js';
import type { ExpressCookie } from './stored-cookie.js';

/** How many sessions' last use is known without asking the store. */
const MAX_USES = 10_000;

/** What is no session: the session layer tells corrupt from missing. */
const NO_SESSION: Shared = { stored: {}, record: NO_RECORD, isAdopted: true, isOurs: true, isPast: false };

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
  readonly #enrolment: SharedEnrolment;
  private misfits: Misfits | undefined;

  constructor(given: ExpressStore, cookie: ExpressCookie) {
    const store = (this.store = new ExpressAccess(given));
    this.name = nameOf(given);
    const usedAt = (id: string): number | undefined => this.#uses.get(id);
    // Until a session layer has its secret.
    const seals = new CookieSignature(randomBytes(32).toString('base64url'));
    this.terms = { now: () => this.now(), limits: NO_LIMITS, userOf: () => undefined, usedAt, cookie, seals };
    this.users = new SharedUserIndex({
      store,
      now: () => this.now(),
      notice: (text) => this.host?.notice(text),
      enroll: async (userId, id) => {
        const current = await this.read(id);
        if (current?.record.userId === userId) await this.#enrolment.enrollOne(id, current);
      },
    });
    this.#enrolment = new SharedEnrolment({
      store,
      users: this.users,
      now: () => this.now(),
      end: (id) => this.end(id),
      destroy: (id) => this.destroy(id),
    });
    if (store.has('all') || store.has('length')) this.count = () => this.countAll();
    if (store.has('clear')) {
      this.clear = async () => {
        this.#enrolment.clear();
        await store.call('clear');
      };
    }
  }

  attach(host: StoreHost): void {
    this.host = host;
    this.store.timeout = host.storeTimeout * 2;
    const { options } = host;
    if (options !== undefined) {
      const { seals, place } = checkHost(options, this.terms.cookie);
      this.misfits = new Misfits(options, place, host);
      const userOf: SharedTerms['userOf'] = (data) => userByData(options, data);
      Object.assign(this.terms, { limits: options, userOf, seals });
    }
    host.notice(noticeOf(this.name, this.store));
  }

  async load(id: string): Promise<SessionRecord | undefined> {
    const found = await this.read(id);
    if (found === undefined || this.#enrolment.has(id, found)) return found?.record;
    // The request may be about to end all sessions of its user: it is one of them.
    return (await this.#enrolment.enrollOne(id, found)) ? found.record : undefined;
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
      if (record.userId === current.record.userId && !(await this.#enrolment.enroll(id, current)))
        return { status: 'missing' };
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
        if (!(await this.#enrolment.enroll(id, current))) return false;
        await this.write(id, record, current);
      }
      return true;
    });
  }

  destroy(id: string, version?: string): Promise<SessionRecord | undefined> {
    return this.store.exclusively(id, async () => {
      // What can't be read is destroyed all the same.
      const record = (await this.read(id).catch(() => undefined))?.record;
      if (version !== undefined && ![undefined, '', version].includes(record?.version)) return record;
      await this.end(id);
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
    if (shared === undefined) return NO_SESSION;
    if (endOf(shared.record) <= this.now() || (shared.isPast && (await this.store.showsTouch()))) return undefined;
    if (!shared.isOurs) this.misfits?.tell(shared.stored['cookie']);
    return shared;
  }

  private async write(id: string, record: SessionRecord, current?: Shared): Promise<void> {
    this.#uses.delete(id);
    this.#enrolment.forget(id);
    await this.store.call('set', id, storedOf(id, record, current?.stored, this.terms));
  }

  /** Something brought a session back: a late write, or a slow request of express-session. */
  private endAgain(id: string): void {
    const { store } = this;
    const again = async (): Promise<unknown> => this.#ended.has(id, this.now()) && store.call('destroy', id);
    store.exclusively(id, again).catch(() => undefined);
  }

  private async end(id: string): Promise<void> {
    this.#ended.add(id, this.now());
    this.#uses.delete(id);
    this.#enrolment.forget(id);
    await this.store.call('destroy', id);
  }

  private async countAll(): Promise<number> {
    if (!this.store.has('all')) return (await this.store.call('length')) as number;
    return Object.values(await this.store.all()).filter((stored) => !isIndex(stored)).length;
  }
}
