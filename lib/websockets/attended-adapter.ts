import type { WebSocketAdapter } from '@nestjs/common';
import { finalize, type Observable } from 'rxjs';
import type { MessageCallback, SessionSocket } from './session-socket.js';
import { platformOf } from './socket-platform.js';
import type { SocketSessions } from './socket-sessions.js';

/** Marks an adapter whose sockets have sessions. */
const ATTENDED = Symbol.for('nestjs-token-session.attended-adapter');

type Adapter = WebSocketAdapter & { [ATTENDED]?: true };
type Bind = WebSocketAdapter['bindMessageHandlers'];

/**
 * Stands between Nest and its WebSocket adapter, whichever it is: sees each server with its clients, and each handler
 * that the adapter is to call.
 */
export function attendAdapter(adapter: Adapter, sockets: SocketSessions): void {
  if (adapter[ATTENDED] === true) return;
  adapter[ATTENDED] = true;
  const bindClientConnect = adapter.bindClientConnect.bind(adapter);
  const bindMessageHandlers: Bind = adapter.bindMessageHandlers.bind(adapter);
  // Several gateways may share a server.
  const guarded = new WeakSet<object>();

  adapter.bindClientConnect = (server: object, connected: (...args: unknown[]) => unknown) => {
    const platform = platformOf(server);
    if (!guarded.has(server)) {
      guarded.add(server);
      platform.guard(
        server,
        (key, handshake) => sockets.enter(platform, key, handshake),
        (handshake) => sockets.isAsBefore(platform, handshake),
      );
    }
    bindClientConnect(server, (...connection: unknown[]) => {
      sockets.connected(platform, connection);
      connected(...connection);
    });
  };

  adapter.bindMessageHandlers = (client: object, handlers, transform) => {
    const socket: SessionSocket = sockets.of(client);
    bindMessageHandlers(
      client,
      handlers.map((handler) => ({ ...handler, callback: socket.serve(handler.callback as MessageCallback) })),
      (outcome): Observable<unknown> =>
        transform(outcome).pipe(
          finalize(() => {
            socket.answered(outcome);
          }),
        ),
    );
  };
}
