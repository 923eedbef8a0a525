import { Inject, Injectable } from '@nestjs/common';
import { Observable } from 'rxjs';
import { SESSION_ENGINE } from './session.constants.js';
import { detailsOf, type SessionDetails } from './session.details.js';
import type { SessionEngine } from './session.engine.js';
import { SessionUsageError } from './session.errors.js';
import type { SessionEvent } from './session.events.js';
import { userIdFrom } from './session.identity.js';
import { checkLevel, checkNames, loginOf, type LoginOptions } from './session.login.js';
import type { UserSession } from './session.users.js';
import { layerText } from './session.layers.js';
import { interpret, unusable } from './session.reading.js';
import { sessionRequestOf } from './session.request.js';
import { SessionState } from './session.state.js';
import type { SessionEnd } from './session.watch.js';
import { attended, STATE, stateOf, type RegenerateOptions, type Session, type TokenSession } from './session.js';

/** What is known of a session besides its data. */
export interface SessionInfo extends SessionDetails {
  /** SHA-256 of the token; undefined until the session is stored. */
  readonly id: string | undefined;
  /** The secret itself: for the client that owns it, never for a log. Undefined until it is stored. */
  readonly token: string | undefined;
  /** Whether the session is not stored yet. */
  readonly isNew: boolean;
}

/** Sessions from anywhere in the application: services, gateways, jobs. A singleton. */
@Injectable()
export class SessionService {
  constructor(@Inject(SESSION_ENGINE) private readonly engine: SessionEngine) {}

  /** What happened to sessions. Subscribers may throw without harm. */
  get events$(): Observable<SessionEvent> {
    return this.engine.events.stream;
  }

  /**
   * The session of an HTTP request, for what has no decorators: middleware, guards, interceptors, exception filters.
   *
   * @param request Node's, Express's or Fastify's
   * @returns undefined after it was destroyed, and where there is no session layer (`exclude`)
   */
  of<T extends object>(request: object): Session<T> | undefined {
    return sessionRequestOf(request, this.engine.options.name)?.session as Session<T> | undefined;
  }

  /** Stores what changed, now. See {@link TokenSession.save}. */
  save(session: TokenSession): Promise<void> {
    return attended(async () => this.stateOf(session).save());
  }

  /** Takes the stored data again. See {@link TokenSession.reload}. */
  reload(session: TokenSession): Promise<void> {
    return attended(async () => this.stateOf(session).reload());
  }

  /** Ends a session. See {@link TokenSession.destroy}. */
  destroy(session: TokenSession): Promise<void> {
    return attended(async () => this.stateOf(session).destroy());
  }

  /** Moves the idle clock, now. See {@link TokenSession.touch}. */
  touch(session: TokenSession): Promise<void> {
    return attended(async () => this.stateOf(session).touch());
  }

  /** Gives a session a new token. See {@link TokenSession.regenerate}. */
  regenerate<T extends object>(session: Session<T>, options: RegenerateOptions<T> = {}): Promise<Session<T>> {
    return attended(async () => {
      checkNames('regenerate', options, ['keep']);
      return (await this.stateOf(session).regenerate(options.keep ?? [])) as Session<T>;
    });
  }

  /**
   * Emits once, and completes, when a session ends: `'ended'` when it was destroyed, `'expired'` when it passed its idle
   * or absolute limit, `'renewed'` when its token was replaced by another request. Within a second, whichever process
   * ended it. For what outlives its request, server-sent events for example:
   *
   * ```ts
   * return stream.pipe(takeUntil(this.sessions.ended$(sess)));
   * ```
   *
   * A session that is not stored when somebody subscribes never ends.
   */
  ended$(session: TokenSession): Observable<SessionEnd> {
    return new Observable((subscriber) => {
      const state = this.stateOf(session);
      const end = (why: SessionEnd): void => {
        subscriber.next(why);
        subscriber.complete();
      };
      const { latestId } = state;
      if (state.isOver) end('ended');
      else if (latestId !== undefined) return this.engine.watch(latestId, end);
      return undefined;
    });
  }

  /**
   * Changes a session as one transaction: `change` gets a draft of the data, and runs again on
   * fresh data when another request was faster. Everything else the session holds is stored too.
   *
   * @throws SessionError `SESSION_ENDED`, `SESSION_CONFLICT`, `STORE_UNAVAILABLE`, `OUTCOME_UNKNOWN`
   */
  update<T extends object>(session: Session<T>, change: (draft: Partial<T>) => unknown): Promise<void> {
    return attended(async () => this.stateOf(session).update((draft) => change(draft as Partial<T>)));
  }

  /** What is known of a session besides its data. */
  info(session: TokenSession): SessionInfo {
    const state = this.stateOf(session);
    const { publicId: id, token, isNew } = state;
    return { id, token, isNew, ...detailsOf(state.times, state.identity, this.engine.options) };
  }

  /**
   * Signs a user in: a new session, bound to the user, under a new token, in place of this one. Both
   * clocks start anew. Await it: only then is the user signed in.
   *
   * @returns the session of the user, which also stands on `req.session`
   * @throws SessionError `TOO_MANY_SESSIONS` with `onMaxPerUser: 'reject'`
   * @throws SessionError `SESSION_ENDED` when the user was signed out everywhere meanwhile
   * @throws SessionError `STORE_UNAVAILABLE`, `OUTCOME_UNKNOWN`
   * @throws SessionUsageError `INVALID_USER_ID`, `INVALID_LOGIN_OPTION`
   */
  login<T extends object>(
    session: Session<T>,
    userId: string | number | bigint,
    options: LoginOptions<NoInfer<T>> = {},
  ): Promise<Session<T>> {
    return attended(async () => {
      const state = this.stateOf(session);
      return (await state.login(loginOf(this.engine, userId, options, state.device))) as Session<T>;
    });
  }

  /**
   * Notes that the user of a session has proved once more who they are, or by a further factor: the
   * same session under a new token, with clocks that start anew.
   *
   * @param options.level how strongly; default as before
   * @returns the session under its new token, which also stands on `req.session`
   * @throws SessionError `LOGIN_REQUIRED` without a user, `SESSION_ENDED` when it ended meanwhile
   */
  reauthenticate<T extends object>(
    session: Session<T>,
    options: { level?: number | undefined } = {},
  ): Promise<Session<T>> {
    return attended(async () => {
      checkNames('reauthenticate', options, ['level']);
      if (options.level !== undefined) checkLevel(options.level);
      return (await this.stateOf(session).reauthenticate(options.level)) as Session<T>;
    });
  }

  /**
   * The living sessions of a user, the one used last first. Compare `id` with the request's to find
   * its own.
   *
   * @throws SessionUsageError `INVALID_USER_ID`; `NOT_SUPPORTED` when the store has no index of users
   * @throws SessionError `STORE_UNAVAILABLE`
   */
  async list(userId: string | number | bigint): Promise<UserSession[]> {
    return this.engine.users.list(userIdFrom(userId));
  }

  /**
   * Ends one session of a user, by its public id.
   *
   * @returns false when this user has no such session, whoever else has it
   * @throws SessionUsageError `INVALID_USER_ID`; `NOT_SUPPORTED` when the store has no index of users
   * @throws SessionError `STORE_UNAVAILABLE`, `OUTCOME_UNKNOWN`
   */
  async destroyById(userId: string | number | bigint, id: string): Promise<boolean> {
    const user = userIdFrom(userId);
    // What a request has in the id's place may be anything, or nothing.
    return typeof id === 'string' && this.engine.users.destroyById(user, id);
  }

  /**
   * Ends all sessions of a user, those whose login is still on its way too. When it fails, call it
   * again: what was to be ended is not forgotten.
   *
   * @param options.except a session that goes on, or its id: the request's own, for "everywhere else"
   * @returns how many were ended
   * @throws SessionUsageError `INVALID_USER_ID`; `NOT_SUPPORTED` when the store has no index of users
   * @throws SessionError `STORE_UNAVAILABLE`, `OUTCOME_UNKNOWN`
   */
  async destroyAll(
    userId: string | number | bigint,
    options: { except?: TokenSession | string | undefined } = {},
  ): Promise<number> {
    // The session itself would be options that except nothing.
    if ((options as Partial<TokenSession>)[STATE] !== undefined)
      throw new SessionUsageError('NOT_SUPPORTED', 'destroyAll takes { except: session }; got the session itself.');
    checkNames('destroyAll', options, ['except']);
    const { except } = options;
    const kept = typeof except === 'object' ? this.stateOf(except).latestId : except;
    return this.engine.users.destroyAll(userIdFrom(userId), kept);
  }

  /**
   * The session that a token names, outside of a request: for sockets, queues, jobs. Nothing of it
   * is stored by itself: call `save`, `update` or `touch`. There is no request, so the option
   * `binding` is not checked, and a new token that such a session gets is bound to nothing.
   *
   * @returns undefined when there is none: ended, expired, unknown, no token at all
   * @throws SessionError `STORE_UNAVAILABLE`, `FORMAT_UNKNOWN`
   */
  async load<T extends object>(token: string): Promise<Session<T> | undefined> {
    const { tokens } = this.engine;
    if (typeof token !== 'string' || !tokens.isToken(token)) return undefined;
    const id = tokens.idOf(token);
    const reading = interpret(this.engine, id, await this.engine.store.load(id));
    if (reading.kind === 'kept') throw reading.error;
    if (reading.kind === 'corrupt') this.engine.discard(id, reading.reason);
    if (reading.kind !== 'live') return undefined;
    try {
      return SessionState.of(this.engine, undefined, token, id, reading).handle as Session<T>;
    } catch (error) {
      const kept = unusable(this.engine, id, reading, error);
      if (kept !== undefined) throw kept;
      return undefined;
    }
  }

  /**
   * The number of living sessions. Tokens that were rotated within the last minute count too.
   *
   * @throws SessionUsageError `NOT_SUPPORTED` when the store can't count
   * @throws SessionError `STORE_UNAVAILABLE`
   */
  async count(): Promise<number> {
    return (await this.engine.store.count()) ?? unsupported('count', 'length or all');
  }

  /**
   * Ends every session of everybody.
   *
   * @throws SessionUsageError `NOT_SUPPORTED` when the store can't clear
   * @throws SessionError `STORE_UNAVAILABLE`
   */
  async clear(): Promise<void> {
    if (this.engine.options.store.clear === undefined) unsupported('clear', 'clear');
    await this.engine.store.clear();
    this.engine.store.watcher?.lookAtAll();
    this.engine.events.emit({ type: 'sessions_cleared' });
  }

  /**
   * Removes ended sessions that the store still keeps, now. Runs by itself too.
   *
   * @returns how many were removed
   * @throws SessionError `STORE_UNAVAILABLE`
   */
  sweep(): Promise<number> {
    return this.engine.sweep();
  }

  /** Options, clocks and users of another session layer are not those of this one. */
  private stateOf(session: TokenSession): SessionState {
    const state = stateOf(session);
    const { name } = state.engine.options;
    const ours = this.engine.options.name;
    if (name === ours) return state;
    throw new SessionUsageError(
      'FOREIGN_SESSION',
      `This is the SessionService of ${layerText(ours)}, and the session is one of ${layerText(name)}: inject ` +
        `${name === undefined ? 'SessionService' : `by @InjectSessionService('${name}')`}.`,
    );
  }
}

function unsupported(operation: string, methods: string): never {
  throw new SessionUsageError('NOT_SUPPORTED', `The session store can't ${operation}: it has no ${methods}.`);
}
