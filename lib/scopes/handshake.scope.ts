import type { AbstractHttpAdapter } from '@nestjs/core';
import type { IncomingMessage } from 'node:http';
import type { SessionEngine } from '../session.engine.js';
import { SessionUsageError, type SessionError } from '../session.errors.js';
import { ANONYMOUS, type SessionIdentity } from '../session.identity.js';
import type { SessionOwner } from '../session.lifecycle.js';
import { SessionLookup } from '../session.lookup.js';
import { partOf, sessionRequestsOf, type RequestWithSession } from '../session.request.js';
import type { SessionScope } from '../session.scope.js';
import type { SessionState } from '../session.state.js';
import type { TokenSession } from '../session.js';
import { HandshakeRequest } from '../websockets/handshake-request.js';

/** Where an HTTP server keeps its session layers, for requests that pass by all middleware: those that open a WebSocket. */
const LAYERS = Symbol.for('nestjs-token-session.server-layers');

interface Layer {
  readonly engine: SessionEngine;
  readonly adapter: AbstractHttpAdapter;
}

interface ServerWithSessions {
  [LAYERS]?: Map<string | undefined, Layer>;
}

/** Makes a session layer known to the WebSockets of its server. */
export function mountOnServer(adapter: AbstractHttpAdapter, engine: SessionEngine): void {
  const server = adapter.getHttpServer() as ServerWithSessions;
  const { [LAYERS]: layers = new Map<string | undefined, Layer>() } = server;
  server[LAYERS] = layers.set(engine.options.name, { engine, adapter });
}

/** Node's request, where it opened a WebSocket; undefined for one that gets an HTTP answer. */
export function connectionRequest(request: object): RequestWithSession | undefined {
  const { raw = request, ws } = request as { raw?: object; ws?: boolean };
  const { headers } = raw as Partial<RequestWithSession>;
  // @fastify/websocket says so; Node's own upgrades come past the session layer.
  const isUpgrade = ws === true || (headers?.upgrade !== undefined && sessionRequestsOf(raw).length === 0);
  return isUpgrade ? (raw as RequestWithSession) : undefined;
}

/**
 * The session of whoever opened a WebSocket, for operations that have no HTTP answer. It can be read;
 * `update`, `destroy` and `touch` act at once. An assignment, which nothing would store, is refused, and so is a change
 * within a value.
 */
export class HandshakeScope implements SessionScope, SessionOwner {
  readonly answered = true;
  readonly storesNothing = true;
  readonly canSendToken = false;
  readonly finished = false;
  readonly device = undefined;
  private readonly lookup: SessionLookup;
  private state: SessionState | undefined;

  private constructor(
    readonly engine: SessionEngine,
    request: HandshakeRequest,
    isUse: boolean,
  ) {
    this.lookup = new SessionLookup(engine, request, undefined, isUse);
  }

  /**
   * Loads the session.
   *
   * @param params what the client said when it opened the connection: the header of a transport may stand in it, or in
   *   its `headers`, because browsers can't set headers of a WebSocket
   * @param isUse whether the client has done something, which moves the idle clock
   * @returns undefined where there is no such session layer
   * @throws SessionError `CSRF_REFUSED`
   */
  static async of(
    raw: RequestWithSession,
    params: unknown,
    name: string | undefined,
    isUse: boolean,
  ): Promise<HandshakeScope | undefined> {
    const { server } = raw.socket as { server?: ServerWithSessions };
    const { [LAYERS]: layers } = server ?? {};
    const layer = layers?.get(name);
    if (layer === undefined || layer.engine.options.excludes?.(raw.url ?? '/') === true) return undefined;
    const { engine, adapter } = layer;
    // Where the request came by the session layer, that has seen the headers as the browser sent them.
    const refusal = partOf(raw, name)?.refusal;
    if (refusal !== undefined) throw refusal;
    const request = new HandshakeRequest(withParams(engine, raw, params), undefined, adapter);
    const scope = new HandshakeScope(engine, request, isUse);
    await scope.lookup.begin();
    return scope;
  }

  get session(): TokenSession | undefined {
    const { isOver, handle } = this.opened;
    return isOver ? undefined : handle;
  }

  get hasStoredSession(): boolean {
    return this.opened.isLive;
  }

  get identity(): SessionIdentity {
    return this.hasStoredSession ? this.opened.identity : ANONYMOUS;
  }

  get refusal(): SessionError | undefined {
    return this.lookup.refusal;
  }

  cannotSendToken(): SessionUsageError {
    return new SessionUsageError(
      'NOT_SUPPORTED',
      "A new session and a new token can't reach the client by its WebSocket: begin a session, login(), " +
        'reauthenticate() and regenerate() in an HTTP request, and let the client connect with the token of that.',
    );
  }

  /** Never asked: no token can be sent. */
  bindingFor(): undefined {
    return undefined;
  }

  replaced(next: SessionState): void {
    this.state = next;
  }

  ended(): void {
    // There is no answer that would clear the token.
  }

  private get opened(): SessionState {
    return (this.state ??= this.lookup.open(this));
  }
}

/** The request with the tokens that the client sent in place of headers; what came as a header counts. */
function withParams(engine: SessionEngine, raw: IncomingMessage, params: unknown): IncomingMessage {
  const given = entriesOf(params);
  const headers = { ...raw.headers };
  // Only what a page sends by its own act: Origin and cookies are the browser's to say.
  for (const { explicit, vary } of engine.options.transports) {
    const name = vary.toLowerCase();
    const value = explicit && headers[name] === undefined ? given.get(name) : undefined;
    if (typeof value === 'string') headers[name] = value;
  }
  return Object.create(raw, { headers: { value: headers } }) as IncomingMessage;
}

function entriesOf(params: unknown): ReadonlyMap<string, unknown> {
  const { headers } = Object(params) as { headers?: unknown };
  const entries = Object.entries(Object(headers ?? params) as Record<string, unknown>);
  return new Map(entries.map(([name, value]) => [name.toLowerCase(), value]));
}
