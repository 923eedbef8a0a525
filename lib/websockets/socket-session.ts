import type { SessionEngine } from '../session.engine.js';
import type { SessionEnd } from '../session.watch.js';
import { SessionError } from '../session.errors.js';
import type { SessionTransport } from '../transports/session-transport.js';
import type { HandshakeRequest } from './handshake-request.js';
import { MessageScope } from './message-scope.js';

/** One session layer's part of a socket: the session that its handshake named, as long as it lives. */
export class SocketSession {
  userId: string | undefined;
  /** Whether the handshake named one that was not there. */
  isGone = false;
  /** Private to inspect and logs (law 2). */
  #token: string | undefined;
  #id: string | undefined;
  private readonly transports: readonly SessionTransport[];

  constructor(
    readonly engine: SessionEngine,
    private readonly request: HandshakeRequest,
    /** The platform's own way for a token, where it is this layer's. */
    own: readonly SessionTransport[],
  ) {
    const { readingOrder } = engine.options;
    // A cookie that no script can read is no token to be told by one; with its signature it would even be another.
    this.transports = readingOrder.some(({ explicit }) => explicit) ? [...own, ...readingOrder] : readingOrder;
  }

  get token(): string | undefined {
    return this.#token;
  }

  /** Whether the handshake named a session. */
  get isBound(): boolean {
    return this.#id !== undefined;
  }

  /**
   * Looks who comes.
   *
   * @throws SessionError `CSRF_REFUSED`; `STORE_UNAVAILABLE`, `OUTCOME_UNKNOWN` or `FORMAT_UNKNOWN` where HTTP's first
   *   use of the session would; `SESSION_ENDED` for a token that was replaced
   */
  async enter(): Promise<void> {
    const scope = this.scope();
    await scope.begin();
    if (scope.opened.isLive) this.bind(scope);
    // HTTP lets a request that was under way pass without a session; a socket would stay without one.
    else if (scope.found === 'rotated') {
      throw new SessionError('SESSION_ENDED', 'The token was replaced by a new one. Connect with that.');
    } else this.isGone = scope.found !== undefined && scope.found !== 'kept';
  }

  /** Why the socket must not serve one more message, if so; `scope` is that of the message (law 6). */
  endIn(scope: MessageScope): SessionEnd | undefined {
    switch (scope.found) {
      case undefined:
      case 'kept':
        return undefined;
      case 'live':
        // The store is back that was away at the handshake.
        if (!this.isBound) this.bind(scope);
        return undefined;
      case 'rotated':
        return 'renewed';
      case 'expired':
        return this.isBound ? 'expired' : undefined;
      default:
        return this.isBound ? 'ended' : undefined;
    }
  }

  /** The session for a message, still to be found. */
  scope(whenEnded?: (destroyed: boolean) => void): MessageScope {
    return new MessageScope(this.engine, this.request, this.transports, whenEnded);
  }

  watch(ended: (why: SessionEnd) => void): () => void {
    return this.#id === undefined ? () => undefined : this.engine.watch(this.#id, ended);
  }

  private bind(scope: MessageScope): void {
    try {
      const { id, token, identity } = scope.opened;
      this.#id = id;
      this.#token = token;
      this.userId = identity.userId;
    } catch {
      // It can't be opened; its first use tells of that.
    }
  }
}
