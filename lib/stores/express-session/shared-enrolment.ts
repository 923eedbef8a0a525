import { BoundedMap } from '../bounded-map.js';
import type { UserIndex } from '../user-index.js';
import type { ExpressAccess } from './express-access.js';
import type { Shared } from './shared-record.js';

/** Of how many sessions it is known that they were added. */
const MAX_KNOWN = 10_000;

/** How long an entry of the user index may be on its way, and how much longer than its session it lives, in ms. */
const ENTRY_DEADLINE = 60_000;
const ENTRY_MARGIN = 600_000;

/** What an enrolment needs of the store. */
export interface EnrolmentHost {
  readonly store: Pick<ExpressAccess, 'exclusively'>;
  readonly users: UserIndex;
  now(): number;
  /** Ends a session whose queue the caller is in. */
  end(id: string): Promise<void>;
  destroy(id: string): Promise<unknown>;
}

/** Adds sessions in which express-session signed a user in to those of that user: they can be listed and ended then. */
export class SharedEnrolment {
  readonly #host: EnrolmentHost;
  /** The users by the ids of sessions, which are private here. */
  readonly #known = new BoundedMap<string>(MAX_KNOWN);

  constructor(host: EnrolmentHost) {
    this.#host = host;
  }

  /** Whether nothing is to be done for a session that is only read. */
  has(id: string, { record, isAdopted }: Shared): boolean {
    return isAdopted || record.userId === undefined || this.#known.get(id) === record.userId;
  }

  /** As `enroll`, for who is not in the queue of that session. */
  enrollOne(id: string, found: Shared): Promise<boolean> {
    return this.#host.store.exclusively(id, () => this.enroll(id, found));
  }

  /**
   * Adds a session whose queue the caller is in, unless it has been written here. False when its user was signed out
   * everywhere meanwhile: it has ended.
   */
  async enroll(id: string, { record, isAdopted }: Shared): Promise<boolean> {
    const { userId } = record;
    if (isAdopted || userId === undefined) return true;
    const host = this.#host;
    const { users } = host;
    const { revoked } = await users.add(userId, id, ENTRY_DEADLINE, {});
    this.endOthers(
      userId,
      revoked.filter((other) => other !== id),
    );
    const lifetime = record.startedAt + record.absoluteTimeout - host.now() + ENTRY_MARGIN;
    if (!revoked.includes(id) && (await users.settle(userId, id, lifetime))) {
      this.#known.set(id, userId);
      return true;
    }
    const wasKnown = this.#known.get(id) === userId;
    this.#known.delete(id);
    // Revoked just now: whoever did so ends it and counts it, or else the next request does.
    if (wasKnown) return false;
    await host.end(id);
    await users.remove(userId, [id]);
    return false;
  }

  forget(id: string): void {
    this.#known.delete(id);
  }

  clear(): void {
    this.#known.clear();
  }

  /**
   * Whoever adds an entry ends what somebody who revoked it did not come to end. Nobody waits: one that is in the queue
   * of a session must not wait for that of another. What fails is found by the next.
   */
  private endOthers(userId: string, others: readonly string[]): void {
    if (others.length === 0) return;
    const host = this.#host;
    Promise.all(others.map((other) => host.destroy(other)))
      .then(() => host.users.remove(userId, others))
      .catch(() => undefined);
  }
}
