import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HeaderChanges } from './answer/answer-headers.js';
import { HeldAnswer, type AnswerOwner, type AnswerProgress } from './answer/held-answer.js';
import { bindingFor } from './session.binding.js';
import { deviceOf } from './session.client.js';
import type { SessionEngine } from './session.engine.js';
import { SessionError, SessionUsageError } from './session.errors.js';
import { SessionLookup } from './session.lookup.js';
import { ANONYMOUS, type SessionDevice, type SessionIdentity } from './session.identity.js';
import { absoluteEnd } from './session.record.js';
import { alreadyAnswered, type SessionOwner } from './session.lifecycle.js';
import type { SessionScope } from './session.scope.js';
import type { SessionState } from './session.state.js';
import type { TokenSession } from './session.js';
import type { SessionTransport, TransportAnswer } from './transports/session-transport.js';

/** Where Node's request keeps its part of the session layer: one for each request (law 10). */
export const REQUEST = Symbol.for('nestjs-token-session.request');

/** The same for named session layers: one for each request and layer. */
export const NAMED_REQUESTS = Symbol.for('nestjs-token-session.named-requests');

export type RequestWithSession = IncomingMessage & {
  [REQUEST]?: SessionRequest;
  [NAMED_REQUESTS]?: Map<string, SessionRequest>;
};

/** How a platform shows its requests, and gives an error in place of an answer. */
export interface Platform {
  /** Whether the request came over TLS, by the framework's own trust of proxies. */
  isSecure(request: unknown): boolean;
  /** Gives a framework that keeps headers of its own what the answer says in addition. */
  addHeaders?(response: unknown, changes: HeaderChanges): void;
  /** Answers a request with an error, as if its handler had thrown it. */
  fail(error: unknown, request: unknown, response: unknown): void;
}

/** One request: gives out its session at first use, and commits it before the answer. */
export class SessionRequest implements SessionScope, SessionOwner, TransportAnswer, AnswerOwner {
  answered = false;
  private readonly lookup: SessionLookup;
  private state: SessionState | undefined;
  /** The session whose commit was asked for. */
  private committed: SessionState | undefined;
  private hold: AnswerProgress | undefined;
  private isExempt = false;
  private clearToken = false;
  /** Why no session may begin here: its token would go to a request of another site. */
  private issueRefusal: SessionError | undefined;
  /** What transports have to say with the answer. */
  private headers: Map<string, string> | undefined;
  private cookies: string[] | undefined;

  constructor(
    readonly engine: SessionEngine,
    readonly raw: RequestWithSession,
    private readonly rawResponse: ServerResponse,
    private readonly platform: Platform,
    /** What the framework calls its request and response; Node's where there is no framework. */
    readonly request: unknown = raw,
    private readonly response: unknown = rawResponse,
  ) {
    const { name } = engine.options;
    if (name === undefined) raw[REQUEST] = this;
    else raw[NAMED_REQUESTS] = (raw[NAMED_REQUESTS] ?? new Map<string, SessionRequest>()).set(name, this);
    this.lookup = new SessionLookup(engine, this);
  }

  /**
   * Finds the session; a promise only when the store gives one.
   *
   * @throws SessionError `CSRF_REFUSED`
   */
  begin(): void | Promise<void> {
    return this.lookup.begin();
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

  get device(): SessionDevice | undefined {
    return this.engine.options.captureDevice ? deviceOf(this) : undefined;
  }

  /** Who is signed in; nobody where there is no stored session. */
  get identity(): SessionIdentity {
    return this.hasStoredSession && this.state !== undefined ? this.state.identity : ANONYMOUS;
  }

  get finished(): boolean {
    return this.hold?.ended === true;
  }

  get canSendToken(): boolean {
    return this.hold?.phase === 'open' || this.hold?.phase === 'held';
  }

  bindingFor(token: string): string | undefined {
    return bindingFor(this.engine, this, token);
  }

  replaced(next: SessionState): void {
    this.state = next;
  }

  ended(destroyed: boolean): void {
    this.clearToken = destroyed && this.lookup.isLive;
  }

  /** Why this request may not use or begin a session, if so. */
  get refusal(): SessionError | undefined {
    return this.lookup.refusal ?? this.issueRefusal;
  }

  /** Lets this request use its session although it comes from another site. */
  exemptFromCsrf(): Promise<void> {
    this.isExempt = true;
    this.issueRefusal = undefined;
    return this.lookup.acquit();
  }

  beforeAnswer(status: number): void | Promise<void> {
    this.answered = true;
    const { state } = this;
    // A login() that nobody waited for puts another session in the place of this one, perhaps while it was committed.
    if (state === undefined || (state === this.committed && state.life.isQuiet)) return;
    this.committed = state;
    return state.commit(status);
  }

  checkOvertaken(): void {
    if (this.state?.isSettled === false) {
      throw alreadyAnswered('The session was changed within the arguments of the call that answers');
    }
  }

  overtaken(): void {
    this.answered = true;
    // Assignments are refused from now on; a change within a value is seen at the end only.
    this.rawResponse.once('close', () => {
      if (this.state?.isSettled === false) {
        this.state.life.refused(new SessionError('SESSION_ENDED', 'It was changed after the answer had begun.'));
      }
    });
  }

  headersToAdd(): HeaderChanges {
    const { state, engine, lookup } = this;
    this.forgetAdditions();
    if (state?.isLive === true && state.token !== undefined && !lookup.wasSent(state.token)) {
      const lasting = state.identity.marks.persistent !== false;
      const maxAge = lasting ? absoluteEnd(state.times, engine.options) - engine.now() : undefined;
      this.issuer().send(this, state.token, maxAge);
    } else if (this.clearToken) {
      lookup.via?.clear(this);
    }
    const { headers: set = NO_HEADERS, cookies = NO_COOKIES } = this;
    const changes = { vary: engine.options.vary, set, cookies };
    this.platform.addHeaders?.(this.response, changes);
    return changes;
  }

  answerInstead(error: unknown): void {
    this.platform.fail(error, this.request, this.response);
  }

  setHeader(name: string, value: string): void {
    (this.headers ??= new Map()).set(name, value);
  }

  addCookie(cookie: string): void {
    (this.cookies ??= []).push(cookie);
  }

  withheld(reason: string): void {
    this.engine.events.emit({ type: 'cookie_withheld', reason });
  }

  private open(): SessionState {
    const state = this.lookup.open(this);
    // Once, also when what follows throws and the session is looked at again.
    this.hold ??= HeldAnswer.on(this.rawResponse, this);
    if (this.hold.phase === 'passed') this.answered = true;
    if (state.isNew && !this.isExempt) this.issueRefusal = this.issuer().refuse?.(this);
    return state;
  }

  /** An answer that is replaced by an error says them anew. */
  private forgetAdditions(): void {
    this.headers = undefined;
    this.cookies = undefined;
  }

  /** The transport of a new token: the way the request's token came, or as the application chooses. */
  private issuer(): SessionTransport {
    const { transports, issue } = this.engine.options;
    const chosen = this.lookup.via ?? issue?.(this) ?? transports[0];
    if (chosen === undefined || !transports.includes(chosen)) {
      throw new SessionUsageError('NOT_SUPPORTED', 'transport.issue must give one of the accepted transports.');
    }
    return chosen;
  }
}

/** A session layer's part of a request, whether it is Node's, Express's or Fastify's; without a name the default layer's. */
export function sessionRequestOf(request: unknown, name?: string): SessionRequest | undefined {
  const { raw } = request as { raw?: RequestWithSession };
  return partOf(request as RequestWithSession, name) ?? (raw && partOf(raw, name));
}

/** The part of a session layer that Node's request keeps. */
export function partOf(raw: RequestWithSession, name: string | undefined): SessionRequest | undefined {
  return name === undefined ? raw[REQUEST] : raw[NAMED_REQUESTS]?.get(name);
}

/** The parts of all session layers. */
export function sessionRequestsOf(request: unknown): SessionRequest[] {
  const { raw, [NAMED_REQUESTS]: here } = Object(request) as RequestWithSession & { raw?: RequestWithSession };
  const own = sessionRequestOf(Object(request));
  const named = here ?? raw?.[NAMED_REQUESTS];
  return [...(own === undefined ? [] : [own]), ...(named?.values() ?? [])];
}

const NO_HEADERS: ReadonlyMap<string, string> = new Map();
const NO_COOKIES: readonly string[] = [];
