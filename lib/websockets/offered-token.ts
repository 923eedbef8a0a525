import type { SessionTransport } from '../transports/session-transport.js';
import type { HandshakeRequest } from './handshake-request.js';

/** The way of a token that only sockets have; one way only, as no socket hands tokens out. */
export function offeredToken(name: string): SessionTransport {
  return {
    name,
    explicit: true,
    vary: '',
    read: (request) => (request as HandshakeRequest).offered as string | undefined,
    send: () => undefined,
    clear: () => undefined,
  };
}
