import { SessionCopy, type Keep, type Mutation } from './session.copy.js';
import type { Data } from './session.diff.js';
import type { SessionEngine } from './session.engine.js';
import type { SessionError } from './session.errors.js';
import { freezeData } from './session.freeze.js';
import { ANONYMOUS, type SessionDevice, type SessionIdentity } from './session.identity.js';
import { alreadyAnswered, SessionLifecycle, type SessionOwner } from './session.lifecycle.js';
import { loggingIn, type Login } from './session.login.js';
import { interpret, unusable, type LiveReading } from './session.reading.js';
import { sessionEnd } from './session.record.js';
import { TokenSession } from './session.js';
import type { SharedRead } from './session.sharing.js';
import { store } from './session.storing.js';
import { freshTimes, login, reauthenticate, regenerate } from './session.succession.js';
import { destroy } from './session.ending.js';
import { ended } from './session.writer.js';
import { isPromise } from './stores/awaitable.js';
import type { SessionRecord, SessionTimes } from './stores/session-store.js';

/** One session in this process, and the laws of changing it. */
export class SessionState {
  /** What handlers see: the data, and the session's own names. */
  readonly handle: TokenSession;
  copy: SessionCopy;
  readonly life: SessionLifecycle;
  private successorState: SessionState | undefined;

  constructor(
    readonly engine: SessionEngine,
    readonly owner?: SessionOwner,
    /** The clocks with which the session begins; default: both start when it is stored. */
    private readonly begunWith?: SessionTimes,
  ) {
    const data = new TokenSession(this) as TokenSession & Data;
    this.copy = new SessionCopy(engine, data);
    this.handle = TokenSession.handleOf(data);
    this.life = new SessionLifecycle(engine, owner, this);
  }

  /** The session of a record. Throws what `unusable` takes when its data can't be used. */
  static of(
    engine: SessionEngine,
    owner: SessionOwner | undefined,
    token: string,
    id: string,
    reading: LiveReading,
  ): SessionState {
    const state = new SessionState(engine, owner);
    state.copy.token = token;
    state.copy.id = id;
    state.copy.replaceBy(reading, state.copy.read(reading));
    return state;
  }

  /** An empty session that can be read but not changed, for the reason given. */
  static locked(engine: SessionEngine, owner: SessionOwner, reason: SessionError, id?: string): SessionState {
    const state = new SessionState(engine, owner);
    state.life.lock = reason;
    state.life.lockedId = id;
    return state;
  }

  get token(): string | undefined {
    return this.copy.token;
  }

  /** The key under which the store has the session: not to be shown. */
  get id(): string | undefined {
    return this.copy.id;
  }

  get publicId(): string | undefined {
    return this.copy.publicId;
  }

  get record(): SessionRecord | undefined {
    return this.copy.record;
  }

  /** The id under which the session goes on, also after it was replaced. */
  get latestId(): string | undefined {
    return this.successorState === undefined ? this.id : this.successorState.latestId;
  }

  get isNew(): boolean {
    return this.copy.record === undefined;
  }

  /** Whether the session is stored and not ended, as far as this request knows. */
  get isLive(): boolean {
    return !this.isNew && this.life.phase === 'open';
  }

  /** Whether the session has ended, as far as this request knows. */
  get isOver(): boolean {
    return this.life.phase === 'ended';
  }

  /** The device of the client whose request this is, where it is to be noted. */
  get device(): SessionDevice | undefined {
    return this.owner?.device;
  }

  /** Whom the session belongs to; nobody once it has ended. */
  get identity(): SessionIdentity {
    return this.isOver ? ANONYMOUS : this.copy.identity;
  }

  get times(): SessionTimes {
    return this.copy.record ?? this.begunWith ?? freshTimes(this.engine);
  }

  get maxAge(): number {
    return Math.max(0, sessionEnd(this.times, this.engine.options) - this.engine.now());
  }

  /** Takes note of an assignment or a deletion; refuses it when it would be lost. */
  change(key: string, value?: unknown): void {
    this.life.checkChangeable();
    if (this.owner?.answered === true) throw alreadyAnswered(`The change of "${key}" would be lost`);
    this.copy.assign(key, value);
  }

  /** Takes note of an object of the data that is given out, and gives the one that may be. */
  expose(key: string | symbol, value: object): object {
    const own = this.copy.exposed(key, value);
    if (this.owner?.storesNothing === true) freezeData(own);
    return own;
  }

  /** The same of all objects of the data, before they can't be replaced any more. */
  exposeAll(): void {
    this.copy.exposeAll();
  }

  /** The commit before the answer: stores what is left, if anything. `status` is the answer's. */
  commit(status: number): void | Promise<void> {
    const { pending } = this.life.operations;
    if (pending !== undefined) return pending.then(() => this.commit(status));
    if (this.life.fault !== undefined) {
      // An error answer tells of the fault already; a success must not hide it.
      if (status >= 400) return;
      if (this.life.phase !== 'open' || this.life.fault.isFinal === true) throw this.life.fault.error;
    }
    if (this.life.phase !== 'open') return;
    const text = this.copy.changedText();
    if (text === undefined) return;
    if (this.life.lock !== undefined) throw this.life.refused(this.life.lock);
    return this.life.operations.follow(store(this, text));
  }

  /** Whether a commit would have nothing to do. */
  get isSettled(): boolean {
    const { phase, fault, operations } = this.life;
    if (operations.pending !== undefined || fault !== undefined) return false;
    return phase !== 'open' || this.copy.changedText() === undefined;
  }

  save(): Promise<void> {
    return this.life.operate(async () => {
      const text = this.copy.isEmpty && this.isNew ? this.copy.encode() : this.copy.changedText();
      if (text !== undefined) await store(this, text);
    });
  }

  update(mutation: Mutation): Promise<void> {
    return this.life.demand(async () => {
      let givenUp: unknown;
      const guarded: Mutation = async (draft) => {
        this.life.isMutating = true;
        try {
          const work = mutation(draft);
          // What is done at once leaves no time in which another operation might be its own: resolvers run side by side.
          if (isPromise(work)) await work;
        } catch (error) {
          givenUp = error;
          throw error;
        } finally {
          this.life.isMutating = false;
        }
      };
      try {
        await store(this, this.copy.encode(), guarded);
      } catch (error) {
        // The commit can't make up for a transaction; one that the application gave up is no fault.
        this.life.fault = error === givenUp ? undefined : { error, isFinal: true };
        throw error;
      }
    });
  }

  reload(): Promise<void> {
    return this.life.operate(async () => {
      if (this.id === undefined) return;
      const reading = interpret(this.engine, this.id, await this.engine.store.load(this.id));
      if (reading.kind === 'kept') throw reading.error;
      if (reading.kind === 'corrupt') this.engine.discard(this.id, reading.reason);
      if (reading.kind !== 'live') throw this.life.over(ended());
      let read: SharedRead;
      try {
        read = this.copy.read(reading);
      } catch (error) {
        throw unusable(this.engine, this.id, reading, error) ?? this.life.over(ended());
      }
      this.copy.replaceBy(reading, read);
    });
  }

  touch(): Promise<void> {
    return this.life.operate(async () => {
      const { id, record } = this.copy;
      if (id === undefined || record === undefined) return;
      const touched = { ...record, usedAt: this.engine.now() };
      if (!(await this.engine.store.touch(id, touched))) throw this.life.over(ended());
      this.copy.record = touched;
    });
  }

  destroy(): Promise<void> {
    return this.life.demand(async () => {
      const { id, identity } = this.copy;
      // Dead for this request whatever the store says; if that is not certain, the answer tells (F77).
      this.life.phase = 'ended';
      this.owner?.ended(false);
      if (id === undefined) return;
      let ended: boolean;
      try {
        ended = await destroy(this.engine, id, this.record?.version);
      } catch (error) {
        this.life.fault = { error };
        throw error;
      }
      // The client's token is another one by now, if somebody has signed in meanwhile.
      this.owner?.ended(ended);
      if (!ended) return;
      const { userId } = identity;
      this.engine.events.emit({ type: 'session_destroyed', id, ...(userId !== undefined && { userId }) });
    });
  }

  regenerate(keep: readonly string[]): Promise<TokenSession> {
    return this.life.succeed(() => regenerate(this, keep));
  }

  login(terms: Login): Promise<TokenSession> {
    return loggingIn(this.engine, terms.identity, () => this.life.succeed(() => login(this, terms), true));
  }

  reauthenticate(level: number | undefined): Promise<TokenSession> {
    return loggingIn(this.engine, this.identity, () => this.life.succeed(() => reauthenticate(this, level)));
  }

  /** A session that is to take the place of this one, with these keys of its data. */
  successor(identity: SessionIdentity, times: SessionTimes, keep: Keep): SessionState {
    const next = new SessionState(this.engine, this.owner, times);
    next.copy.identity = identity;
    next.copy.take(keep, this.copy);
    return next;
  }

  /** Another session takes the place of this one. */
  replaceBy(next: SessionState): TokenSession {
    // What failed of a session that was to be ended is not made good by another one (F77).
    if (this.isOver && this.life.fault !== undefined) next.life.fault = { ...this.life.fault, isFinal: true };
    this.life.phase = 'replaced';
    this.successorState = next;
    this.owner?.replaced(next);
    return next.handle;
  }
}
