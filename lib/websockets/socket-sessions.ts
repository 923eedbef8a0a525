import {
  HttpException,
  Inject,
  Injectable,
  InternalServerErrorException,
  Logger,
  type ArgumentsHost,
  type ExecutionContext,
  type OnModuleInit,
} from '@nestjs/common';
import { HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import type { SessionEngine } from '../session.engine.js';
import { SessionError, SessionUsageError } from '../session.errors.js';
import { sessionScopeIn, type SessionScope } from '../session.scope.js';
import { SessionService } from '../session.service.js';
import type { Session, SessionData } from '../session.js';
import { HandshakeRequest } from './handshake-request.js';
import { SessionSocket } from './session-socket.js';
import type { SessionSocketsOptions } from './session-sockets.options.js';
import type { Handshake, SocketPlatform } from './socket-platform.js';
import { sessionLayersOf } from './session-layers.js';
import { SocketSession } from './socket-session.js';

/** The options of the module, as they were resolved. */
export const SOCKETS_OPTIONS = Symbol.for('nestjs-token-session.sockets-options');

/** The sessions of sockets, for where no decorator can be: guards, interceptors, `handleConnection`, intervals. */
@Injectable()
export class SocketSessions implements OnModuleInit {
  private readonly sockets = new WeakMap<object, SessionSocket>();
  /** Those that were let in and are not connected yet, by what their platform knows them by. */
  private readonly entered = new WeakMap<object, SessionSocket>();
  private found: readonly SessionEngine[] | undefined;

  constructor(
    @Inject(SOCKETS_OPTIONS) private readonly options: Required<SessionSocketsOptions>,
    @Inject(ModulesContainer) private readonly modules: ModulesContainer,
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
  ) {}

  /** Fails at boot where there is no session layer. */
  onModuleInit(): void {
    this.found = sessionLayersOf(this.modules);
  }

  /**
   * The session of the message that a guard, an interceptor or a filter is about, the same as the handler's
   * `@Session()`; undefined after it was destroyed.
   *
   * @param name of the session layer; default the one without a name, here and below
   * @throws SessionError `STORE_UNAVAILABLE`, `FORMAT_UNKNOWN` when it could not be loaded
   */
  session<T extends object = SessionData>(context: ArgumentsHost, name?: string): Session<T> | undefined {
    const { session } = sessionScopeIn(context as ExecutionContext, 'SocketSessions.session()', name) as SessionScope;
    return session as Session<T> | undefined;
  }

  /** The user whose session the socket's handshake named; undefined without a user. */
  userId(client: object, name?: string): string | undefined {
    return this.partOf(client, name)?.userId;
  }

  /**
   * The session of a socket as it is now, as `SessionService.load` gives it: nothing of it is stored by itself, call
   * `save` or `update`.
   *
   * @returns undefined when there is none, or none any more
   * @throws SessionError `STORE_UNAVAILABLE`, `FORMAT_UNKNOWN`
   */
  async load<T extends object = SessionData>(client: object, name?: string): Promise<Session<T> | undefined> {
    await this.of(client).entered;
    const { token, engine } = this.partOf(client, name) ?? {};
    return token === undefined || engine === undefined ? undefined : new SessionService(engine).load<T>(token);
  }

  /** @internal The sessions of a connected socket. */
  of(client: object): SessionSocket {
    const socket = this.sockets.get(client);
    if (socket !== undefined) return socket;
    throw new SessionUsageError('NOT_MOUNTED', 'This is no socket of a gateway: pass the client that its methods get.');
  }

  /** @internal Lets a client in, or gives why not. */
  async enter(platform: SocketPlatform, key: object, handshake: Handshake): Promise<HttpException | undefined> {
    const socket = this.socketOf(platform, handshake);
    const refusal = await this.refusalOf(socket);
    if (refusal === undefined) this.entered.set(key, socket);
    return refusal;
  }

  /** @internal Whether a client that comes back has the session that its handshake names, or names none. */
  async isAsBefore(platform: SocketPlatform, handshake: Handshake): Promise<boolean> {
    const socket = this.socketOf(platform, handshake);
    return (await this.refusalOf(socket)) === undefined && !socket.sessions.some(({ isGone }) => isGone);
  }

  /** @internal Takes note of a client that is connected now. */
  connected(platform: SocketPlatform, connection: readonly unknown[]): void {
    const client = connection[0] as object;
    const beginning = platform.began(connection);
    if (this.sockets.has(client) || beginning === undefined) return;
    const socket = this.entered.get(beginning.key) ?? this.socketOf(platform, beginning.handshake);
    if (!this.entered.has(beginning.key)) socket.enterLate(this.refusalOf(socket));
    this.sockets.set(client, socket);
    socket.connected(client);
  }

  private socketOf(platform: SocketPlatform, { raw, offered }: Handshake): SessionSocket {
    const adapter = this.host.httpAdapter;
    const request = new HandshakeRequest(raw, offered, adapter);
    const sessions = this.layers.map((engine, index) => {
      // The platform's own way holds one token.
      return new SocketSession(engine, request, index === 0 ? [platform.transport] : []);
    });
    return new SessionSocket(platform, sessions);
  }

  private async refusalOf({ sessions }: SessionSocket): Promise<HttpException | undefined> {
    try {
      await Promise.all(sessions.map((session) => session.enter()));
    } catch (error) {
      if (error instanceof HttpException) return error;
      new Logger('Session').error(error);
      return new InternalServerErrorException();
    }
    if (this.options.anonymous === 'allow' || sessions.some(({ isBound }) => isBound)) return undefined;
    const refusal = new SessionError('SESSION_REQUIRED', 'This needs a session. Sign in first.');
    sessions[0]?.engine.events.emit({ type: 'authz_fail', resource: 'WebSocket handshake', reason: refusal.message });
    return refusal;
  }

  /** Looked up late: the order of the modules' imports does not matter. */
  private get layers(): readonly SessionEngine[] {
    return (this.found ??= sessionLayersOf(this.modules));
  }

  private partOf(client: object, name: string | undefined): SocketSession | undefined {
    return this.of(client).sessions.find(({ engine }) => engine.options.name === name);
  }
}
