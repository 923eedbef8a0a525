import type { HttpException } from '@nestjs/common';
import type { IncomingMessage } from 'node:http';
import { SessionConfigError } from '../session.errors.js';
import type { SessionTransport } from '../transports/session-transport.js';
import { SOCKET_IO } from './socket-io.platform.js';
import { WS } from './ws.platform.js';

/** A socket that was closed because of its session: what its client is told. */
export type SocketEnd = 'SESSION_ENDED' | 'SESSION_EXPIRED' | 'SESSION_RENEWED';

/** How a socket began. */
export interface Handshake {
  readonly raw: IncomingMessage;
  /** What stands in a token's place by the way that only this platform has. */
  readonly offered: unknown;
}

/** Lets a client in, or gives why not. */
export type Entrance = (key: object, handshake: Handshake) => Promise<HttpException | undefined>;

/** Whether a client that comes back has the session that it had, or had none: nobody else gets what it has missed. */
export type Return = (handshake: Handshake) => Promise<boolean>;

/** What the two platforms of Nest's sockets do each in their own way. Neither is imported. */
export interface SocketPlatform {
  /** What reads the token that came by the platform's own way. */
  readonly transport: SessionTransport;
  /** Asks for each client that comes, before anything of the application knows of it. */
  guard(server: object, enter: Entrance, isAsBefore: Return): void;
  /** How a client began, and under which key it was let in: from what the server's connection event says. */
  began(connection: readonly unknown[]): { readonly key: object; readonly handshake: Handshake } | undefined;
  /** Closes a socket, and tells its client why. */
  end(client: object, code: string): void;
  /** Calls back when a socket is closed, whoever closed it. */
  whenClosed(client: object, closed: () => void): void;
}

/**
 * The platform of a socket server.
 *
 * @throws SessionConfigError `UNSUPPORTED_ADAPTER`
 */
export function platformOf(server: unknown): SocketPlatform {
  const { use, handleUpgrade, options } = Object(server) as Record<string, unknown>;
  if (typeof use === 'function') return SOCKET_IO;
  if (typeof handleUpgrade === 'function' && typeof options === 'object') return WS;
  throw new SessionConfigError(
    'UNSUPPORTED_ADAPTER',
    'SessionSocketsModule works on servers of socket.io and ws, with @nestjs/platform-socket.io, @nestjs/platform-ws and ' +
      'adapters made of them; this WebSocket adapter has another one.',
  );
}
