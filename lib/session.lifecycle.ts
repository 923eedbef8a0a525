import type { SessionCopy } from './session.copy.js';
import type { SessionEngine } from './session.engine.js';
import { isSessionError, SessionUsageError, type SessionError } from './session.errors.js';
import { SerialQueue } from './serial-queue.js';
import type { SessionDevice } from './session.identity.js';
import type { SessionState } from './session.state.js';

/** What a session needs of the request that it belongs to. A loaded one (`SessionService.load`) has none. */
export interface SessionOwner {
  /** Whether the answer has begun: what is assigned now would not be stored any more. */
  readonly answered: boolean;
  /** Whether nothing is ever stored but by an operation: what is changed within a value would be lost. */
  readonly storesNothing?: boolean;
  /** Whether a token can still be sent. */
  readonly canSendToken: boolean;
  /** Why it can't, where that is not because the answer has begun. */
  cannotSendToken?(): SessionUsageError;
  /** Whether the answer has ended, and the request with it. */
  readonly finished: boolean;
  /** Why no session may begin in this request, if so. */
  readonly refusal: SessionError | undefined;
  /** The client's device, where the application wants it noted. */
  readonly device: SessionDevice | undefined;
  /** What a token that the client of this request gets is bound to. */
  bindingFor(token: string): string | undefined;
  /** Another session stands in this one's place. */
  replaced(next: SessionState): void;
  /** The session is of no use any more; `destroyed` when this request destroyed it for good. */
  ended(destroyed: boolean): void;
}

/** Something that was asked for and did not happen. */
export interface Fault {
  readonly error: unknown;
  /** Whether the commit can't make up for it. */
  readonly isFinal?: boolean;
}

/**
 * What may still be done to a session: its operations run one after the other, and each is refused
 * once the session has ended, was replaced, or can't be changed for another reason.
 */
export class SessionLifecycle {
  phase: 'open' | 'ended' | 'replaced' = 'open';
  /** Why nothing can be changed, if so. */
  lock: SessionError | undefined;
  /** The id that the request named, for events: the locked session itself has none. Private to inspect and logs too. */
  #lockedId: string | undefined;
  /** Why something that was asked for did not happen; no success may be answered over it. */
  fault: Fault | undefined;
  /** Whether the function of an update() runs. */
  isMutating = false;
  /** How many calls are about to put another session in this one's place. */
  private successions = 0;
  readonly operations = new SerialQueue();

  constructor(
    private readonly engine: SessionEngine,
    private readonly owner: SessionOwner | undefined,
    private readonly session: { readonly copy: SessionCopy },
  ) {}

  set lockedId(id: string | undefined) {
    this.#lockedId = id;
  }

  /** Whether nothing is under way, and nothing went wrong. */
  get isQuiet(): boolean {
    return this.operations.pending === undefined && this.fault === undefined;
  }

  /** Runs an operation when its turn comes. `mayHaveEnded`: it starts afresh then, as a login does. */
  operate<T>(task: () => Promise<T>, mayHaveEnded = false): Promise<T> {
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
  demand<T>(task: () => Promise<T>, mayHaveEnded = false): Promise<T> {
    return this.operate(task, mayHaveEnded).catch((error: unknown) => {
      const isStoreFault = isSessionError(error) && error.getStatus() === 503;
      if ((this.lock !== undefined && !mayHaveEnded) || isStoreFault) this.fault = { error, isFinal: true };
      throw error;
    });
  }

  /** The same for what puts another session in this one's place: from its call on this one takes no change any more. */
  async succeed<T>(task: () => Promise<T>, mayHaveEnded = false): Promise<T> {
    this.successions++;
    try {
      return await this.demand(task, mayHaveEnded);
    } finally {
      this.successions--;
    }
  }

  /** Refuses a change that would be lost: made by a handler that did not wait for login(), say. */
  checkChangeable(): void {
    this.checkUsable();
    if (this.successions > 0) throw replaced();
  }

  checkUsable(mayHaveEnded = false): void {
    if (this.phase === 'replaced') throw replaced();
    if (this.phase === 'ended' && !mayHaveEnded) {
      throw new SessionUsageError('SESSION_DESTROYED', 'This session has ended and can not be changed any more.');
    }
    if (this.lock !== undefined && !(mayHaveEnded && this.lock.code === 'SESSION_ENDED')) throw this.refused(this.lock);
  }

  /** Whether a token can be given to the client of this request. */
  checkCanSendToken(): void {
    const { engine, owner } = this;
    if (owner?.refusal !== undefined) {
      engine.events.emit({ type: 'malicious_cors', reason: owner.refusal.message });
      throw owner.refusal;
    }
    if (owner?.canSendToken !== false) return;
    throw owner.cannotSendToken?.() ?? alreadyAnswered('The token of a new session can not be sent');
  }

  /** Takes an error that may say that the session is over. */
  over(error: unknown): unknown {
    if (!isSessionError(error) || error.code !== 'SESSION_ENDED') return error;
    this.phase = 'ended';
    this.owner?.ended(false);
    if (this.session.copy.hasChanges) this.fault ??= { error };
    return this.refused(error);
  }

  /** Tells of a change that was refused. */
  refused(error: SessionError): SessionError {
    const id = this.session.copy.id ?? this.#lockedId;
    if (id !== undefined) this.engine.events.emit({ type: 'write_refused', id, reason: error.message });
    return error;
  }
}

function replaced(): SessionUsageError {
  return new SessionUsageError(
    'SESSION_REPLACED',
    'Another session takes the place of this one at login(), reauthenticate() or regenerate(): await that, and go on ' +
      'with what it gives, or with req.session.',
  );
}

export function alreadyAnswered(what: string): SessionUsageError {
  return new SessionUsageError(
    'ALREADY_ANSWERED',
    `${what}: change the session before the answer begins, or take SessionService.load(token) and save().`,
  );
}
