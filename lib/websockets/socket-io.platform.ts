import type { HttpException } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { offeredToken } from './offered-token.js';
import type { Handshake, SocketPlatform } from './socket-platform.js';

/** What is used of a socket.io server or namespace, and of its sockets. */
interface IoServer {
  use(middleware: (socket: IoSocket, next: (error?: Error) => void) => void): unknown;
}

interface IoSocket {
  readonly request: IncomingMessage;
  readonly handshake: { readonly auth?: unknown };
  emit(event: string, ...args: unknown[]): unknown;
  once(event: string, listener: () => void): unknown;
  disconnect(close: boolean): unknown;
}

/** What a client sends to a namespace: `pid` where it asks for what it missed (connectionStateRecovery). */
type Auth = Readonly<Record<string, unknown>>;

/** The part of a namespace that gives a client back its rooms, and what was said there: nothing public stands before it. */
interface RecoveringNamespace {
  _createSocket(client: { readonly request: IncomingMessage }, auth: Auth): Promise<unknown>;
}

/** socket.io: a refusal is a `connect_error` with `data.code`, an end the event `session_ended` and a disconnect. */
export const SOCKET_IO: SocketPlatform = {
  transport: offeredToken('socket.io auth'),
  guard(server, enter, isAsBefore) {
    const namespace = recoveringIn(server);
    if (namespace !== undefined) {
      const create = namespace._createSocket.bind(namespace);
      namespace._createSocket = async (client, { pid, ...auth }) => {
        const recovers = typeof pid === 'string';
        const mayRecover = recovers && (await isAsBefore({ raw: client.request, offered: offeredIn(auth) }));
        return create(client, mayRecover ? { ...auth, pid } : auth);
      };
    }
    (server as IoServer).use((socket, next) => {
      void enter(socket, handshakeOf(socket)).then((refusal) => {
        next(refusal && refused(refusal));
      });
    });
  },
  began([client]) {
    const socket = client as IoSocket;
    return { key: socket, handshake: handshakeOf(socket) };
  },
  end(client, code) {
    const socket = client as IoSocket;
    socket.emit('session_ended', { code });
    // All of its namespaces: they have one handshake.
    socket.disconnect(true);
  },
  whenClosed(client, closed) {
    (client as IoSocket).once('disconnect', closed);
  },
};

function handshakeOf({ request, handshake }: IoSocket): Handshake {
  return { raw: request, offered: offeredIn(handshake.auth) };
}

function offeredIn(auth: unknown): unknown {
  const isOffered = typeof auth === 'object' && auth !== null && Object.hasOwn(auth, 'token');
  // Clients that have no token often say null.
  return isOffered ? ((auth as { token: unknown }).token ?? undefined) : undefined;
}

/** A server stands for its first namespace. */
function recoveringIn(server: object): RecoveringNamespace | undefined {
  const { sockets } = server as { sockets?: object };
  return [server, sockets].find(
    (one): one is RecoveringNamespace =>
      typeof (one as Partial<RecoveringNamespace> | undefined)?._createSocket === 'function',
  );
}

/** As socket.io hands it to the client: its message, and `data`. */
function refused(refusal: HttpException): Error {
  return Object.assign(new Error(refusal.message), { data: refusal.getResponse() });
}
