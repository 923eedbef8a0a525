import { Inject, Injectable } from '@nestjs/common';
import type { Observable } from 'rxjs';
import { SESSION_ENGINE } from './session.constants.js';
import type { SessionEngine } from './session.engine.js';
import { SessionUsageError } from './session.errors.js';
import type { SessionEvent } from './session.events.js';
import { interpret, UNDECODABLE } from './session.reading.js';
import { absoluteEnd, idleEnd } from './session.record.js';
import { SessionState } from './session.state.js';
import { attended, stateOf, type RegenerateOptions, type Session, type TokenSession } from './session.js';
import { idOf, isToken } from './session-token.js';

/** What is known of a session besides its data. Times are in ms since the epoch. */
export interface SessionInfo {
  /** SHA-256 of the token; undefined until the session is stored. */
  readonly id: string | undefined;
  /** The secret itself: for the client that owns it, never for a log. Undefined until it is stored. */
  readonly token: string | undefined;
  /** The user that the session is bound to, if any. */
  readonly userId: string | undefined;
  readonly isNew: boolean;
  readonly startedAt: number;
  readonly usedAt: number;
  /** When the session ends if it is not used again. */
  readonly idleExpiresAt: number;
  /** When the session ends in any case. */
  readonly absoluteExpiresAt: number;
}

/** Sessions from anywhere in the application: services, gateways, jobs. A singleton. */
@Injectable()
export class SessionService {
  constructor(@Inject(SESSION_ENGINE) private readonly engine: SessionEngine) {}

  /** What happened to sessions. Subscribers may throw without harm. */
  get events$(): Observable<SessionEvent> {
    return this.engine.events.stream;
  }

  /** Stores what changed, now. See {@link TokenSession.save}. */
  save(session: TokenSession): Promise<void> {
    return attended(async () => stateOf(session).save());
  }

  /** Takes the stored data again. See {@link TokenSession.reload}. */
  reload(session: TokenSession): Promise<void> {
    return attended(async () => stateOf(session).reload());
  }

  /** Ends a session. See {@link TokenSession.destroy}. */
  destroy(session: TokenSession): Promise<void> {
    return attended(async () => stateOf(session).destroy());
  }

  /** Moves the idle clock, now. See {@link TokenSession.touch}. */
  touch(session: TokenSession): Promise<void> {
    return attended(async () => stateOf(session).touch());
  }

  /** Gives a session a new token. See {@link TokenSession.regenerate}. */
  regenerate<T extends object>(session: Session<T>, options: RegenerateOptions<T> = {}): Promise<Session<T>> {
    return attended(async () => (await stateOf(session).regenerate(options.keep ?? [])) as Session<T>);
  }

  /**
   * Changes a session as one transaction: `change` gets a draft of the data, and runs again on
   * fresh data when another request was faster. Everything else the session holds is stored too.
   *
   * @throws SessionError `SESSION_ENDED`, `SESSION_CONFLICT`, `STORE_UNAVAILABLE`, `OUTCOME_UNKNOWN`
   */
  update<T extends object>(session: Session<T>, change: (draft: Partial<T>) => unknown): Promise<void> {
    return attended(async () => stateOf(session).update((draft) => change(draft as Partial<T>)));
  }

  /** What is known of a session besides its data. */
  info(session: TokenSession): SessionInfo {
    const state = stateOf(session);
    const { times } = state;
    return {
      id: state.id,
      token: state.token,
      userId: state.record?.userId,
      isNew: state.isNew,
      startedAt: times.startedAt,
      usedAt: times.usedAt,
      idleExpiresAt: idleEnd(times, this.engine.options),
      absoluteExpiresAt: absoluteEnd(times, this.engine.options),
    };
  }

  /**
   * The session that a token names, outside of a request: for sockets, queues, jobs. Nothing of it
   * is stored by itself: call `save`, `update` or `touch`.
   *
   * @returns undefined when there is none: ended, expired, unknown, no token at all
   * @throws SessionError `STORE_UNAVAILABLE`, `FORMAT_UNKNOWN`
   */
  async load<T extends object>(token: string): Promise<Session<T> | undefined> {
    if (typeof token !== 'string' || !isToken(token)) return undefined;
    const id = idOf(token);
    const reading = interpret(this.engine, await this.engine.store.load(id));
    if (reading.kind === 'newer') throw reading.error;
    if (reading.kind === 'corrupt') this.engine.discard(id, reading.reason);
    if (reading.kind !== 'live') return undefined;
    try {
      return SessionState.of(this.engine, undefined, { token, id, ...reading }).handle as Session<T>;
    } catch {
      this.engine.discard(id, UNDECODABLE);
      return undefined;
    }
  }

  /**
   * The number of living sessions. Tokens that were rotated within the last minute count too.
   *
   * @throws SessionUsageError `NOT_SUPPORTED` when the store can't count
   */
  async count(): Promise<number> {
    return (await this.engine.store.count()) ?? unsupported('count', 'length or all');
  }

  /**
   * Ends every session.
   *
   * @throws SessionUsageError `NOT_SUPPORTED` when the store can't clear
   */
  async clear(): Promise<void> {
    if (this.engine.options.store.clear === undefined) unsupported('clear', 'clear');
    await this.engine.store.clear();
  }

  /** Removes ended sessions that the store still keeps, now; the number removed. Runs by itself too. */
  sweep(): Promise<number> {
    return this.engine.sweep();
  }
}

function unsupported(operation: string, methods: string): never {
  throw new SessionUsageError('NOT_SUPPORTED', `The session store can't ${operation}: it has no ${methods}.`);
}
