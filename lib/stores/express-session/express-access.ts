import { randomBytes } from 'node:crypto';
import { SerialQueue } from '../../serial-queue.js';
import { within } from '../deadline.js';
import { allOf, ask, type ExpressStore } from './express-store.js';
import { cookieOf, timesOf } from './stored-cookie.js';

/** How long what is stored for a trial lasts, in ms, if it can't be removed again. */
const PROBE = 60_000;

type Method = 'get' | 'set' | 'destroy' | 'touch' | 'length' | 'clear';

/**
 * A store behind a deadline, one call after the other for each session. Private: what is looked at in a log must not
 * show the ids, which are tokens here (law 2).
 */
export class ExpressAccess {
  /** Later than the deadline of whoever waits: a call that never settles must not block those behind it. */
  timeout = 4_000;
  readonly #store: ExpressStore;
  readonly #queues = new Map<string, SerialQueue>();

  private touchShows: Promise<boolean> | undefined;

  constructor(store: ExpressStore) {
    this.#store = store;
  }

  has(method: keyof ExpressStore): boolean {
    return typeof this.#store[method] === 'function';
  }

  call(method: Method, id?: string, session?: object): Promise<unknown> {
    const given = [id, session].filter((value) => value !== undefined);
    return this.bounded(id, () => ask(this.#store, method, ...given));
  }

  all(): Promise<Record<string, unknown>> {
    return this.bounded(undefined, () => allOf(this.#store));
  }

  /**
   * Whether a use is seen in a session itself. The touch of connect-redis, say, moves an expiry of the store's own, and
   * nothing tells but to try: once, when it first matters.
   */
  showsTouch(): Promise<boolean> {
    if (!this.has('touch')) return Promise.resolve(true);
    this.touchShows ??= this.triedTouch().catch((error: unknown) => {
      this.touchShows = undefined;
      throw error;
    });
    return this.touchShows;
  }

  exclusively<T>(key: string, task: () => Promise<T>): Promise<T> {
    let queue = this.#queues.get(key);
    if (queue === undefined) this.#queues.set(key, (queue = new SerialQueue()));
    return queue.run(task, () => this.#queues.delete(key));
  }

  async close(): Promise<void> {
    await this.#store.close?.();
  }

  private async triedTouch(): Promise<boolean> {
    // No id of a session begins so.
    const id = `!touch-${randomBytes(9).toString('base64url')}`;
    await this.call('set', id, { cookie: cookieOf(PROBE) });
    await this.call('touch', id, { cookie: cookieOf(2 * PROBE) });
    const touched = (await this.call('get', id)) as { cookie?: unknown } | undefined;
    await this.call('destroy', id);
    const { expires = 0 } = timesOf(touched?.cookie);
    return expires > Date.now() + PROBE;
  }

  private async bounded<T>(id: string | undefined, run: () => Promise<T>): Promise<T> {
    try {
      return await within(run(), this.timeout, () => new Error(`no answer within ${String(this.timeout)} ms`));
    } catch (error) {
      throw withoutId(error as NodeJS.ErrnoException, id);
    }
  }
}

/** What a store says of a fault may hold an id, as the name of a file say. Only its text is kept, without it (law 2). */
function withoutId({ code, message }: NodeJS.ErrnoException, id: string | undefined): Error {
  // Of a call for all sessions it may be any of them.
  if (id === undefined) return new Error(`the store failed${code === undefined ? '' : ` with ${code}`}`);
  return new Error(message.replaceAll(id, '(the id)').replaceAll(encodeURIComponent(id), '(the id)'));
}
