import type { HttpException } from '@nestjs/common';
import type { SessionEnd } from '../session.watch.js';
import type { MessageScope } from './message-scope.js';
import { SocketMessage } from './socket-message.js';
import type { SocketEnd, SocketPlatform } from './socket-platform.js';
import type { SocketSession } from './socket-session.js';

/** A handler of a gateway as adapters call it. */
export type MessageCallback = (...args: unknown[]) => Promise<unknown>;

/** How long the answer of a message that ended its own session may take until the socket is closed, in ms. */
const ANSWER_TIME = 500;

/** A socket with its sessions: lets its messages in, each with sessions of its own, until one of them ends. */
export class SessionSocket {
  /** What the handlers' promises, which go through the adapter, are of. */
  private readonly underWay = new WeakMap<object, SocketMessage>();
  /** Messages that end their session themselves: what they answer leaves before the socket is closed. */
  private readonly leaving = new Set<SocketMessage>();
  /** All that was let in so far: handlers begin in the order of their messages. */
  private entry: Promise<void> | undefined;
  private readonly watches = new Map<SocketSession, () => void>();
  private client: object | undefined;
  private isOver = false;
  private closeNow: (() => void) | undefined;

  constructor(
    private readonly platform: SocketPlatform,
    readonly sessions: readonly SocketSession[],
  ) {}

  /** Its client is connected. */
  connected(client: object): void {
    this.client = client;
    // What it sent before is served still.
    this.platform.whenClosed(client, () => {
      this.client = undefined;
      this.unwatch();
    });
    this.watch();
  }

  /**
   * Lets it in after all, where nobody could ask before: a connection that socket.io has recovered, with its rooms. So
   * it is none without the session that it had.
   */
  enterLate(entering: Promise<HttpException | undefined>): void {
    this.entry = entering.then((refusal) => {
      if (refusal !== undefined) this.refuse((refusal as { code?: string }).code ?? 'SESSION_REQUIRED');
      else if (this.sessions.some(({ isGone }) => isGone)) this.refuse('SESSION_ENDED');
      else this.watch();
    });
  }

  /** Settles when it is known who comes; undefined where that was known before it was connected. */
  get entered(): Promise<void> | undefined {
    return this.entry;
  }

  /** What an adapter has to call in a handler's place. */
  serve(handler: MessageCallback): MessageCallback {
    return (...args) => {
      const scopes = this.sessions.map((session) =>
        session.scope((destroyed) => {
          this.leaving.add(message);
          if (destroyed) this.end('SESSION_ENDED');
        }),
      );
      const message: SocketMessage = new SocketMessage(scopes);
      const outcome = this.run(message, scopes, () => handler(...args.map((arg) => held(arg, message)), message));
      this.underWay.set(outcome, message);
      return outcome;
    };
  }

  /** The answer to a message has left, or there is none. */
  answered(outcome: unknown): void {
    const message = this.underWay.get(Object(outcome) as object);
    if (message !== undefined && this.leaving.delete(message) && this.leaving.size === 0) this.closeNow?.();
  }

  private async run(message: SocketMessage, scopes: readonly MessageScope[], handler: () => unknown): Promise<unknown> {
    // A client that does not close its side may go on sending: that costs the store nothing.
    if (this.isOver) return undefined;
    await (this.entry = this.enterAfter(this.entry, message));
    if (this.hasEndedIn(scopes)) return undefined;
    this.watch();
    try {
      return await handler();
    } finally {
      // Where another copy of @nestjs/websockets has made the handler.
      if (!message.isCommitted) await message.end(500).catch(() => undefined);
    }
  }

  private async enterAfter(earlier: Promise<void> | undefined, message: SocketMessage): Promise<void> {
    await Promise.all([earlier, message.begin()]);
  }

  /** Whether a message finds that a session of this socket has ended: then it is not served, and none after it (law 6). */
  private hasEndedIn(scopes: readonly MessageScope[]): boolean {
    for (const [index, scope] of scopes.entries()) {
      const why = this.sessions[index]?.endIn(scope);
      if (why !== undefined) this.end(CODES[why]);
    }
    return this.isOver;
  }

  private watch(): void {
    if (this.isOver || this.client === undefined) return;
    for (const session of this.sessions) {
      if (!session.isBound || this.watches.has(session)) continue;
      this.watches.set(
        session,
        session.watch((why) => {
          this.end(CODES[why]);
        }),
      );
    }
  }

  private end(code: SocketEnd): void {
    if (this.isOver) return;
    this.isOver = true;
    this.unwatch();
    this.closeNow = () => {
      clearTimeout(patience);
      this.closeNow = undefined;
      this.close(code);
    };
    const patience = setTimeout(this.closeNow, ANSWER_TIME);
    patience.unref();
    if (this.leaving.size === 0) this.closeNow();
  }

  private refuse(code: string): void {
    this.isOver = true;
    this.close(code);
  }

  private close(code: string): void {
    if (this.client !== undefined) this.platform.end(this.client, code);
  }

  private unwatch(): void {
    for (const unwatch of this.watches.values()) unwatch();
    this.watches.clear();
  }
}

const CODES: Readonly<Record<SessionEnd, SocketEnd>> = {
  ended: 'SESSION_ENDED',
  expired: 'SESSION_EXPIRED',
  renewed: 'SESSION_RENEWED',
};

/** An acknowledgement that the handler gives itself waits for what is to be stored before it. */
function held(arg: unknown, message: SocketMessage): unknown {
  if (typeof arg !== 'function') return arg;
  return (...values: unknown[]) => {
    message.answer(() => {
      (arg as (...values: unknown[]) => void)(...values);
    });
  };
}
