import { SessionCopy, type Mutation } from './session.copy.js';
import type { Data } from './session.diff.js';
import type { SessionEngine } from './session.engine.js';
import { isSessionError, SessionUsageError, type SessionError } from './session.errors.js';
import { ANONYMOUS, identityByData, type SessionDevice, type SessionIdentity } from './session.identity.js';
import type { Login } from './session.login.js';
import { interpret, UNDECODABLE, type LiveReading } from './session.reading.js';
import { sessionEnd } from './session.record.js';
import { TokenSession } from './session.js';
import { settle, withdraw } from './session.renewal.js';
import { announceLogin, bind, freshTimes, login, reauthenticate, regenerate } from './session.succession.js';
import { create, destroy, ended, update } from './session.writer.js';
import { SerialQueue } from './serial-queue.js';
import type { SessionRecord, SessionTimes } from './stores/session-store.js';

/** What a session needs of the request that it belongs to. A loaded one (`SessionService.load`) has none. */
export interface SessionOwner {
  /** Whether the answer has begun: what is assigned now would not be stored any more. */
  readonly answered: boolean;
  /** Whether a token can still be sent. */
  readonly canSendToken: boolean;
  /** Whether the answer has ended, and the request with it. */
  readonly finished: boolean;
  /** Why no session may begin in this request, if so. */
  readonly refusal: SessionError | undefined;
  /** The client's device, where the application wants it noted. */
  readonly device: SessionDevice | undefined;
  /** Another session stands in this one's place. */
  replaced(next: SessionState): void;
  /** The session is of no use any more; `destroyed` when this request destroyed it for good. */
  ended(destroyed: boolean): void;
}

/** One session in this process, and the laws of changing it. */
export class SessionState {
  /** What handlers see: the data, and the session's own names. */
  readonly handle: TokenSession;
  copy: SessionCopy;
  private readonly operations = new SerialQueue();
  private phase: 'open' | 'ended' | 'replaced' = 'open';
  /** Why nothing can be changed, if so. */
  private lock: SessionError | undefined;
  /** The id that the request named, for events: the locked session itself has none. */
  private lockedId: string | undefined;
  /** Why something that was asked for did not happen; no success may be answered over it. */
  private fault: { readonly error: unknown; readonly isFinal?: boolean } | undefined;
  private isMutating = false;

  constructor(
    readonly engine: SessionEngine,
    readonly owner?: SessionOwner,
    /** The clocks with which the session begins; default: both start when it is stored. */
    private readonly begunWith?: SessionTimes,
  ) {
    const data = new TokenSession(this) as TokenSession & Data;
    this.copy = new SessionCopy(engine, data);
    this.handle = TokenSession.handleOf(data);
  }

  /** The session of a record. Throws what the codec throws when its data can't be decoded. */
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
    state.copy.replaceBy(reading);
    return state;
  }

  /** An empty session that can be read but not changed, for the reason given. */
  static locked(engine: SessionEngine, owner: SessionOwner, reason: SessionError, id?: string): SessionState {
    const state = new SessionState(engine, owner);
    state.lock = reason;
    state.lockedId = id;
    return state;
  }

  get token(): string | undefined {
    return this.copy.token;
  }

  get id(): string | undefined {
    return this.copy.id;
  }

  get record(): SessionRecord | undefined {
    return this.copy.record;
  }

  get isNew(): boolean {
    return this.copy.record === undefined;
  }

  /** Whether the session is stored and not ended, as far as this request knows. */
  get isLive(): boolean {
    return !this.isNew && this.phase === 'open';
  }

  /** Whether the session has ended, as far as this request knows. */
  get isOver(): boolean {
    return this.phase === 'ended';
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
  change(key: string): void {
    this.checkUsable();
    if (this.owner?.answered === true) throw alreadyAnswered(`The change of "${key}" would be lost`);
    this.copy.assign(key);
  }

  /** The commit before the answer: stores what is left, if anything. `status` is the answer's. */
  commit(status: number): void | Promise<void> {
    const { pending } = this.operations;
    if (pending !== undefined) return pending.then(() => this.commit(status));
    if (this.fault !== undefined) {
      // An error answer tells of the fault already; a success must not hide it.
      if (status >= 400) return;
      if (this.phase !== 'open' || this.fault.isFinal === true) throw this.fault.error;
    }
    if (this.phase !== 'open') return;
    const text = this.copy.changedText();
    if (text === undefined) return;
    if (this.lock !== undefined) throw this.refused(this.lock);
    return this.operations.run(() => this.store(text));
  }

  save(): Promise<void> {
    return this.operate(async () => {
      const text = this.copy.isEmpty && this.isNew ? this.copy.encode() : this.copy.changedText();
      if (text !== undefined) await this.store(text);
    });
  }

  update(mutation: Mutation): Promise<void> {
    return this.demand(async () => {
      let givenUp: unknown;
      const guarded: Mutation = async (draft) => {
        this.isMutating = true;
        try {
          await mutation(draft);
        } catch (error) {
          givenUp = error;
          throw error;
        } finally {
          this.isMutating = false;
        }
      };
      try {
        await this.store(this.copy.encode(), guarded);
      } catch (error) {
        // The commit can't make up for a transaction; one that the application gave up is no fault.
        this.fault = error === givenUp ? undefined : { error, isFinal: true };
        throw error;
      }
    });
  }

  reload(): Promise<void> {
    return this.operate(async () => {
      if (this.id === undefined) return;
      const reading = interpret(this.engine, await this.engine.store.load(this.id));
      if (reading.kind === 'newer') throw reading.error;
      if (reading.kind !== 'live') throw this.over(ended());
      try {
        this.copy.replaceBy(reading);
      } catch {
        this.engine.discard(this.id, UNDECODABLE);
        throw this.over(ended());
      }
    });
  }

  touch(): Promise<void> {
    return this.operate(async () => {
      const { id, record } = this.copy;
      if (id === undefined || record === undefined) return;
      const touched = { ...record, usedAt: this.engine.now() };
      if (!(await this.engine.store.touch(id, touched))) throw this.over(ended());
      this.copy.record = touched;
    });
  }

  destroy(): Promise<void> {
    return this.demand(async () => {
      const { id } = this.copy;
      // Dead for this request whatever the store says; if that is not certain, the answer tells (F77).
      this.phase = 'ended';
      this.owner?.ended(false);
      if (id === undefined) return;
      try {
        await destroy(this.engine, id);
      } catch (error) {
        this.fault = { error };
        throw error;
      }
      this.owner?.ended(true);
      this.engine.events.emit({ type: 'session_destroyed', id });
    });
  }

  regenerate(keep: readonly string[]): Promise<TokenSession> {
    return this.demand(() => regenerate(this, keep));
  }

  login(terms: Login): Promise<TokenSession> {
    return this.demand(() => login(this, terms), true);
  }

  reauthenticate(level: number | undefined): Promise<TokenSession> {
    return this.demand(() => reauthenticate(this, level));
  }

  /** A session that is to take the place of this one, with these keys of its data. */
  successor(identity: SessionIdentity, times: SessionTimes, keep: readonly string[]): SessionState {
    const next = new SessionState(this.engine, this.owner, times);
    next.copy.identity = identity;
    next.copy.take(keep, this.copy);
    return next;
  }

  /** Another session takes the place of this one. */
  replaceBy(next: SessionState): TokenSession {
    this.phase = 'replaced';
    this.owner?.replaced(next);
    return next.handle;
  }

  private async store(text: string, mutation?: Mutation): Promise<void> {
    const { engine, copy, owner } = this;
    try {
      const byData =
        mutation === undefined ? identityByData(engine.options, copy.identity, copy.plain(), owner?.device) : undefined;
      if (copy.record === undefined) {
        if (byData !== undefined) copy.identity = byData;
        await this.begin(text, mutation);
        announceLogin(this);
      } else if (byData?.userId !== undefined) {
        await bind(this, byData);
      } else {
        const left = byData === undefined ? undefined : copy.identity.userId;
        if (byData !== undefined) copy.identity = byData;
        await update(engine, copy, text, mutation);
        if (left !== undefined) engine.users.leave(left, copy.id as string);
      }
      this.fault = undefined;
    } catch (error) {
      this.fault = { error };
      throw this.over(error);
    }
  }

  /** Stores the session for the first time. */
  async begin(text: string, mutation?: Mutation): Promise<void> {
    const { engine, copy } = this;
    this.checkCanBegin();
    await create(engine, copy, this.times, text, { mutation });
    if (copy.identity.userId === undefined) return;
    try {
      await settle(engine, copy);
    } catch (error) {
      await withdraw(engine, copy);
      throw error;
    }
  }

  /** Whether a token can be given to the client of this request. */
  checkCanBegin(): void {
    const { engine, owner } = this;
    if (owner?.refusal !== undefined) {
      engine.events.emit({ type: 'csrf_refused', reason: owner.refusal.message });
      throw owner.refusal;
    }
    if (owner?.canSendToken === false) throw alreadyAnswered('The token of a new session can not be sent');
  }

  private operate<T>(task: () => Promise<T>, mayHaveEnded = false): Promise<T> {
    if (this.isMutating) {
      // It would wait for the update, which waits for its function, for ever.
      const hint = 'While the function of update() runs the session takes no other operation: change the draft.';
      return Promise.reject(new SessionUsageError('NOT_SUPPORTED', hint));
    }
    return this.operations.run(async () => {
      this.checkUsable(mayHaveEnded);
      if (this.owner?.finished === true) throw alreadyAnswered('The session was used after its request had ended');
      return task();
    });
  }

  /** The same for what must not fail unseen: when it did not happen, no success may be answered. */
  private demand<T>(task: () => Promise<T>, mayHaveEnded = false): Promise<T> {
    return this.operate(task, mayHaveEnded).catch((error: unknown) => {
      const isStoreFault = isSessionError(error) && error.getStatus() === 503;
      if ((this.lock !== undefined && !mayHaveEnded) || isStoreFault) this.fault = { error, isFinal: true };
      throw error;
    });
  }

  private checkUsable(mayHaveEnded = false): void {
    if (this.phase === 'replaced') {
      throw new SessionUsageError(
        'SESSION_REPLACED',
        'This session was replaced by a new one at login() or regenerate(): go on with what that gave, or with req.session.',
      );
    }
    if (this.phase === 'ended' && !mayHaveEnded) {
      throw new SessionUsageError('SESSION_DESTROYED', 'This session has ended and can not be changed any more.');
    }
    if (this.lock !== undefined && !(mayHaveEnded && this.lock.code === 'SESSION_ENDED')) throw this.refused(this.lock);
  }

  /** Takes an error that may say that the session is over. */
  over(error: unknown): unknown {
    if (!isSessionError(error) || error.code !== 'SESSION_ENDED') return error;
    this.phase = 'ended';
    this.owner?.ended(false);
    if (this.copy.hasChanges) this.fault ??= { error };
    return this.refused(error);
  }

  private refused(error: SessionError): SessionError {
    const id = this.id ?? this.lockedId;
    if (id !== undefined) this.engine.events.emit({ type: 'write_refused', id, reason: error.message });
    return error;
  }
}

function alreadyAnswered(what: string): SessionUsageError {
  return new SessionUsageError(
    'ALREADY_ANSWERED',
    `${what}: change the session before the answer begins, or take SessionService.load(token) and save().`,
  );
}
