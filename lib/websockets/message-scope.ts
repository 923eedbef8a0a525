import type { SessionEngine } from '../session.engine.js';
import { SessionUsageError } from '../session.errors.js';
import { ANONYMOUS, type SessionIdentity } from '../session.identity.js';
import type { SessionOwner } from '../session.lifecycle.js';
import { SessionLookup } from '../session.lookup.js';
import type { SessionScope } from '../session.scope.js';
import type { SessionState } from '../session.state.js';
import type { TokenSession } from '../session.js';
import type { SessionTransport } from '../transports/session-transport.js';
import type { HandshakeRequest } from './handshake-request.js';
import { asWsException } from './ws-exception.js';

/** One session layer in one message: as fresh as in a request, and apart from that of every other message. */
export class MessageScope implements SessionScope, SessionOwner {
  readonly canSendToken = false;
  readonly refusal = undefined;
  readonly device = undefined;
  finished = false;
  private readonly lookup: SessionLookup;
  private state: SessionState | undefined;
  private failure: { readonly error: unknown } | undefined;

  constructor(
    readonly engine: SessionEngine,
    request: HandshakeRequest,
    transports: readonly SessionTransport[],
    /** Called when this message has ended its session, or begins to. */
    private readonly whenEnded: (destroyed: boolean) => void = () => undefined,
  ) {
    this.lookup = new SessionLookup(engine, request, transports);
  }

  /**
   * Finds the session.
   *
   * @throws SessionError `CSRF_REFUSED`
   */
  async begin(): Promise<void> {
    await this.lookup.begin();
  }

  /** The same in a message: what goes wrong is for the first use of the session, and handlers without it need not care. */
  async beginQuietly(): Promise<void> {
    try {
      await this.begin();
    } catch (error) {
      this.failure = { error };
    }
  }

  /** What the token names; undefined where there is none, or where the store did not say. */
  get found(): SessionLookup['kind'] {
    return this.lookup.kind;
  }

  /** @throws SessionError when it could not be loaded and the application does not tolerate that */
  get opened(): SessionState {
    if (this.failure !== undefined) throw this.failure.error;
    return (this.state ??= this.lookup.open(this));
  }

  get session(): TokenSession | undefined {
    return this.opened.isOver ? undefined : this.opened.handle;
  }

  get hasStoredSession(): boolean {
    return this.opened.isLive;
  }

  get identity(): SessionIdentity {
    return this.hasStoredSession ? this.opened.identity : ANONYMOUS;
  }

  get answered(): boolean {
    return this.finished;
  }

  exceptionOf(refusal: Error): Error {
    return asWsException(refusal) as Error;
  }

  /** Stores what the handler changed so far, if anything. */
  commit(status: number): void | Promise<void> {
    return this.state?.commit(status);
  }

  cannotSendToken(): SessionUsageError {
    return new SessionUsageError(
      'NOT_SUPPORTED',
      "A new session and a new token can't reach the client by its socket: begin a session, login(), reauthenticate() " +
        'and regenerate() in an HTTP request, and let the client connect with the token that it gets there.',
    );
  }

  /** Never asked: no token can be sent. */
  bindingFor(): undefined {
    return undefined;
  }

  replaced(next: SessionState): void {
    this.state = next;
  }

  ended(destroyed: boolean): void {
    this.whenEnded(destroyed);
  }
}
