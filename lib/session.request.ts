import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HeaderChanges } from './answer/answer-headers.js';
import { HeldAnswer, type AnswerOwner } from './answer/held-answer.js';
import type { SessionEngine } from './session.engine.js';
import { SessionUsageError, type SessionError } from './session.errors.js';
import { interpret, type Reading } from './session.reading.js';
import { absoluteEnd } from './session.record.js';
import { SessionState, type SessionOwner } from './session.state.js';
import type { TokenSession } from './session.js';
import { idOf, isToken } from './session-token.js';
import type { SessionTransport, TransportAnswer } from './transports/session-transport.js';
import { ended } from './session.writer.js';
import { isPromise, type UNREADABLE } from './stores/store-access.js';
import type { SessionRecord } from './stores/session-store.js';

/** Where Node's request keeps its part of the session layer: one for each request (law 10). */
export const REQUEST = Symbol.for('nestjs-token-session.request');

export type RequestWithSession = IncomingMessage & { [REQUEST]?: SessionRequest };

/** How a platform shows its requests, and gives an error in place of an answer. */
export interface Platform {
  /** Whether the request came over TLS, by the framework's own trust of proxies. */
  isSecure(request: unknown): boolean;
  /** Answers a request with an error, as if its handler had thrown it. */
  fail(error: unknown, request: unknown, response: unknown): void;
}

/** One request: finds its session, gives it out at first use, commits it before the answer. */
export class SessionRequest implements SessionOwner, TransportAnswer, AnswerOwner {
  answered = false;
  refusal: SessionError | undefined;
  private via: SessionTransport | undefined;
  /** Private to inspect and logs too (law 2). */
  #token: string | undefined;
  private id: string | undefined;
  private reading: Reading | undefined;
  private failure: SessionError | undefined;
  private state: SessionState | undefined;
  private hold: HeldAnswer | undefined;
  private clearToken = false;
  private exempt = false;
  /** What transports have to say with the answer. */
  private additions: { headers: Map<string, string>; cookies: string[] } | undefined;

  constructor(
    private readonly engine: SessionEngine,
    readonly raw: RequestWithSession,
    private readonly rawResponse: ServerResponse,
    private readonly platform: Platform,
    /** What the framework calls its request and response; Node's where there is no framework. */
    readonly request: unknown = raw,
    private readonly response: unknown = rawResponse,
  ) {
    raw[REQUEST] = this;
  }

  /**
   * Looks for a token and loads its session; a promise only when the store gives one. What goes
   * wrong with the store shows at the first use of the session: other routes need not care.
   *
   * @throws SessionError `CSRF_REFUSED`
   */
  begin(): void | Promise<void> {
    for (const transport of this.engine.options.readingOrder) {
      const value = transport.read(this);
      if (value === undefined) continue;
      this.via = transport;
      return this.identify(transport, value);
    }
  }

  /** The request's session; undefined after it was destroyed. */
  get session(): TokenSession | undefined {
    if (this.state === undefined) this.state = this.open();
    return this.state.isOver ? undefined : this.state.handle;
  }

  /** Takes null for "no more session" and a session of this request; everything else is a mistake. */
  set session(value: unknown) {
    if (value === null || value === undefined) {
      // Whoever writes this wants the user signed out, so it must not fail silently; the commit waits for it.
      this.session?.destroy().catch(() => undefined);
      return;
    }
    const current = this.session;
    if (value === current) return;
    throw new SessionUsageError(
      'NOT_ASSIGNABLE',
      'req.session can be set to null, which destroys the session, but to nothing else. To change its data use ' +
        'Object.assign(req.session, data). If another session middleware sets it, remove one of the two.',
    );
  }

  /** Whether there is a stored session that has not ended. */
  get hasStoredSession(): boolean {
    return this.session !== undefined && this.state?.isLive === true;
  }

  get secure(): boolean {
    return this.platform.isSecure(this.request);
  }

  get finished(): boolean {
    return this.hold?.ended === true;
  }

  get canSendToken(): boolean {
    return this.hold?.phase === 'open' || this.hold?.phase === 'held';
  }

  replaced(next: SessionState): void {
    this.state = next;
  }

  ended(destroyed: boolean): void {
    this.clearToken = destroyed && this.reading?.kind === 'live';
  }

  /** Lets this request use its session although it comes from another site. */
  async exemptFromCsrf(): Promise<void> {
    this.exempt = true;
    if (this.refusal === undefined) return;
    this.refusal = undefined;
    this.failure = undefined;
    const value = this.via?.read(this);
    if (value !== undefined) await this.load(value);
  }

  beforeAnswer(status: number): void | Promise<void> {
    this.answered = true;
    const { state } = this;
    const work = state?.commit(status);
    // A regenerate() that nobody waited for puts another session in the place of this one.
    return work?.then(() => (this.state === state ? undefined : this.beforeAnswer(status)));
  }

  headersToAdd(): HeaderChanges {
    const { state, engine } = this;
    const { transports } = engine.options;
    const additions = (this.additions = { headers: new Map<string, string>(), cookies: [] as string[] });
    if (state?.isLive === true && state.token !== undefined && state.token !== this.#token) {
      const transport = this.issuer();
      transport.send(this, state.token, absoluteEnd(state.times, engine.options) - engine.now());
    } else if (this.clearToken) {
      this.via?.clear(this);
    }
    this.additions = undefined;
    return {
      vary: transports.flatMap(({ vary }) => (vary === '' ? [] : [vary])).join(', '),
      set: additions.headers,
      cookies: additions.cookies,
      // What hands out or takes away a token (ASVS 14.2.2).
      isUncacheable: additions.headers.size > 0 || additions.cookies.length > 0,
    };
  }

  answerInstead(error: unknown): void {
    this.platform.fail(error, this.request, this.response);
  }

  setHeader(name: string, value: string): void {
    this.additions?.headers.set(name, value);
  }

  addCookie(cookie: string): void {
    this.additions?.cookies.push(cookie);
  }

  withheld(reason: string): void {
    this.engine.events.emit({ type: 'cookie_withheld', reason });
  }

  private identify(transport: SessionTransport, value: string): void | Promise<void> {
    const refusal = transport.refuse?.(this);
    if (refusal !== undefined) {
      this.engine.events.emit({ type: 'csrf_refused', reason: refusal.message });
      if (transport.refuseAt !== 'handler') throw refusal;
      this.refusal = this.failure = refusal;
      return;
    }
    return this.load(value);
  }

  private load(value: string): void | Promise<void> {
    const { engine } = this;
    if (!isToken(value)) {
      engine.events.emit({ type: 'token_malformed', transport: this.via?.name ?? '' });
      return;
    }
    const id = idOf(value);
    this.#token = value;
    this.id = id;
    try {
      const loaded = engine.store.load(id);
      if (isPromise(loaded)) {
        return Promise.resolve(loaded).then(
          (record) => {
            this.take(id, record);
          },
          (error: unknown) => {
            this.failure = error as SessionError;
          },
        );
      }
      this.take(id, loaded);
    } catch (error) {
      this.failure = error as SessionError;
    }
  }

  private take(id: string, loaded: SessionRecord | typeof UNREADABLE | undefined): void {
    const { engine } = this;
    const reading = (this.reading = interpret(engine, loaded));
    switch (reading.kind) {
      case 'live':
        this.touchIfDue(id, reading.record);
        break;
      case 'missing':
        engine.events.emit({ type: 'token_unknown', id });
        break;
      case 'expired':
        engine.events.emit({ type: 'session_expired', id, reason: 'its idle or absolute limit has passed' });
        break;
      case 'rotated':
        engine.events.emit({ type: 'token_rotated', id });
        break;
      case 'newer':
        this.failure = reading.error;
        engine.events.emit({
          type: 'format_unknown',
          id,
          reason: 'a newer version of the package stored the session; it is kept',
        });
        break;
      case 'corrupt':
        this.discard(id, reading.reason);
    }
  }

  /** Moves the idle clock beside the handler: it can neither delay nor fail the answer (law 8). */
  private touchIfDue(id: string, record: SessionRecord): void {
    const { engine } = this;
    const now = engine.now();
    // Either way: a clock that was put back leaves a time in the future behind.
    if (Math.abs(now - record.usedAt) < engine.options.touchInterval) return;
    const touched = { ...record, usedAt: now };
    try {
      const touching = engine.store.touch(id, touched);
      // A fault of the store is an event already; a session that is gone meanwhile is no fault.
      if (isPromise(touching)) touching.then(undefined, () => undefined);
    } catch {
      return;
    }
    if (this.reading?.kind === 'live') this.reading = { ...this.reading, record: touched };
  }

  /** A record that can't be read never will be: the client gets a new start with its next request. */
  private discard(id: string, reason: string): void {
    const { engine } = this;
    engine.events.emit({ type: 'record_corrupt', id, reason });
    try {
      const removing = engine.store.destroy(id);
      if (isPromise(removing)) removing.then(undefined, () => undefined);
    } catch {
      // The fault is an event already; the next request tries again.
    }
  }

  private open(): SessionState {
    const { engine, failure } = this;
    const tolerated =
      failure === undefined || (engine.options.onStoreError === 'anonymous' && failure !== this.refusal);
    if (!tolerated) throw failure;
    this.hold = HeldAnswer.on(this.rawResponse, this);
    if (this.hold.phase === 'passed') this.answered = true;
    if (failure !== undefined) return SessionState.locked(engine, this, failure);
    const state = this.openLoaded();
    if (state.isNew && !this.exempt) this.refusal ??= this.issuer().refuse?.(this);
    return state;
  }

  private openLoaded(): SessionState {
    const { engine, reading, id } = this;
    const token = this.#token;
    if (reading === undefined || token === undefined || id === undefined) return new SessionState(engine, this);
    switch (reading.kind) {
      case 'live':
        try {
          return SessionState.of(engine, this, { token, id, record: reading.record, text: reading.text });
        } catch (error) {
          this.discard(id, error instanceof Error ? error.message : String(error));
          this.reading = { kind: 'corrupt', reason: 'its data can not be decoded' };
          return SessionState.locked(engine, this, ended());
        }
      // A request still on its way with a token that was rotated away, or one whose record is lost:
      // it may read an empty session; a change would be lost, and a new session nobody's (law 7).
      case 'rotated':
      case 'corrupt':
        return SessionState.locked(engine, this, ended());
      default:
        return new SessionState(engine, this);
    }
  }

  /** The transport of a new token: the way the request's token came, or as the application chooses. */
  private issuer(): SessionTransport {
    const { transports, issue } = this.engine.options;
    const chosen = this.via ?? issue?.(this) ?? transports[0];
    if (chosen === undefined || !transports.includes(chosen)) {
      throw new SessionUsageError('NOT_SUPPORTED', 'transport.issue must give one of the accepted transports.');
    }
    return chosen;
  }
}

/** The session layer's part of a request, whether it is Node's, Express's or Fastify's. */
export function sessionRequestOf(request: unknown): SessionRequest | undefined {
  const { raw } = request as { raw?: RequestWithSession };
  return (raw ?? (request as RequestWithSession))[REQUEST];
}
