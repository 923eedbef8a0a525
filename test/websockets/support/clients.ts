import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { io, type Socket } from 'socket.io-client';
import { WebSocket } from 'ws';

/** The platforms of Nest's gateways. */
export const SOCKETS = ['socket.io', 'ws'] as const;
export type SocketKind = (typeof SOCKETS)[number];

export interface ConnectOptions {
  headers?: Record<string, string>;
  /** Handed over by the platform's own way: the auth payload, or an entry of Sec-WebSocket-Protocol. */
  offered?: unknown;
  /** socket.io's; its transport is WebSocket unless another is named. */
  namespace?: string;
  transports?: string[];
  path?: string;
}

/** Why a handshake was refused. */
export class Refused extends Error {
  constructor(readonly body: Record<string, unknown>) {
    super(String(body['message']));
  }
}

/** Why a handler gave no answer. */
export class HandlerFailed extends Error {
  constructor(readonly payload: Record<string, unknown>) {
    super(String(payload['message']));
  }
}

interface Pending {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

/** A client of either platform: asks handlers that answer `{ id, value }`, and tells what became of it. */
export abstract class TestSocket {
  /** What came besides answers: events and exceptions, in their order. */
  readonly heard: unknown[] = [];
  /** The code with which the server closed it because of its session; undefined for any other end. */
  readonly closed: Promise<string | undefined>;
  private readonly pending = new Map<number, Pending>();
  private calls = 0;

  protected constructor(closed: Promise<string | undefined>) {
    this.closed = closed.then((code) => {
      for (const { reject } of this.pending.values()) reject(new Error(`closed: ${String(code)}`));
      return code;
    });
  }

  /** Calls a handler; rejects with `HandlerFailed` when an exception comes in place of the answer. */
  call(event: string, value?: unknown): Promise<unknown> {
    const id = ++this.calls;
    return new Promise((resolve, reject) => {
      this.pending.set(id, { resolve, reject });
      this.send(event, { id, value });
    });
  }

  abstract send(event: string, data: unknown): void;
  abstract close(): void;

  protected receive(event: string | undefined, data: unknown): void {
    const { id, value } = Object(data) as { id?: number; value?: unknown };
    const pending = id === undefined ? undefined : this.pending.get(id);
    if (event === undefined && pending !== undefined) {
      this.pending.delete(id as number);
      pending.resolve(value);
      return;
    }
    this.heard.push({ event, data });
    const [oldest] = this.pending;
    if (event !== 'exception' || oldest === undefined) return;
    this.pending.delete(oldest[0]);
    oldest[1].reject(new HandlerFailed(data as Record<string, unknown>));
  }
}

class IoClient extends TestSocket {
  constructor(private readonly socket: Socket) {
    super(
      new Promise((resolve) => {
        let code: string | undefined;
        socket.on('session_ended', (told: { code: string }) => (code = told.code));
        socket.on('disconnect', () => {
          resolve(code);
        });
      }),
    );
    socket.onAny((event: string, data: unknown) => {
      this.receive(event, data);
    });
  }

  override send(event: string, data: unknown): void {
    this.socket.emit(event, data, (answer: unknown) => {
      this.receive(undefined, answer);
    });
  }

  override close(): void {
    this.socket.disconnect();
  }
}

class WsClient extends TestSocket {
  constructor(private readonly socket: WebSocket) {
    super(
      new Promise((resolve) => {
        socket.on('close', (code, reason) => {
          resolve(code === 4401 ? reason.toString() : undefined);
        });
      }),
    );
    socket.on('message', (data: Buffer) => {
      const message = JSON.parse(data.toString()) as { event?: string; data?: unknown };
      this.receive(message.event, message.event === undefined ? message : message.data);
    });
  }

  override send(event: string, data: unknown): void {
    this.socket.send(JSON.stringify({ event, data }));
  }

  override close(): void {
    this.socket.close();
  }

  get protocol(): string {
    return this.socket.protocol;
  }
}

const open = new Set<TestSocket>();

/**
 * Connects a real client.
 *
 * @throws Refused
 */
export async function connectSocket(
  kind: SocketKind,
  url: string,
  options: ConnectOptions = {},
): Promise<TestSocket & { protocol?: string }> {
  const client = await (kind === 'socket.io' ? connectIo(url, options) : connectWs(url, options));
  open.add(client);
  return client;
}

/** Closes all that are still open: `afterEach(closeSockets)`, before the applications. */
export function closeSockets(): void {
  for (const client of open) client.close();
  open.clear();
}

async function connectIo(
  url: string,
  { headers, offered, namespace = '/', ...rest }: ConnectOptions,
): Promise<IoClient> {
  const socket = io(url + namespace, {
    transports: rest.transports ?? ['websocket'],
    ...(rest.path !== undefined && { path: rest.path }),
    reconnection: false,
    forceNew: true,
    ...(headers !== undefined && { extraHeaders: headers }),
    ...(offered !== undefined && { auth: { token: offered } }),
  });
  const client = new IoClient(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', (error: Error & { data?: Record<string, unknown> }) => {
      socket.disconnect();
      reject(new Refused(error.data ?? { message: error.message }));
    });
  });
  return client;
}

async function connectWs(url: string, { headers = {}, offered, path = '/' }: ConnectOptions): Promise<WsClient> {
  const protocols = offered === undefined ? [] : ['chat', `session-token.${offered as string}`];
  const socket = new WebSocket(url.replace(/^http/, 'ws') + path, protocols, { headers });
  const client = new WsClient(socket);
  const refused = new Promise<never>((_, reject) => {
    socket.on('error', reject);
    socket.on('unexpected-response', (_request, response: IncomingMessage) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        reject(new Refused(isJson(text) ? (JSON.parse(text) as Record<string, unknown>) : { message: text }));
      });
    });
  });
  await Promise.race([once(socket, 'open'), refused]);
  refused.catch(() => undefined);
  return client;
}

function isJson(text: string): boolean {
  return text.startsWith('{');
}
