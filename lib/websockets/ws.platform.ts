import type { IncomingMessage } from 'node:http';
import { offeredToken } from './offered-token.js';
import type { Handshake, SocketPlatform } from './socket-platform.js';

/** What stands before a token in `Sec-WebSocket-Protocol`. */
const PREFIX = 'session-token.';

/** From the range for private use (RFC 6455, 7.4.2), like HTTP's 401. */
const CLOSED_UNAUTHORIZED = 4401;

interface Info {
  readonly req: IncomingMessage;
}

type Verdict = (verified: boolean, code?: number, message?: string, headers?: Record<string, string>) => void;
type Verify = ((info: Info) => boolean) | ((info: Info, verdict: Verdict) => void);

/** What is used of a server of ws, and of its sockets. */
interface WsServer {
  readonly options: {
    verifyClient?: Verify | null;
    handleProtocols?: ((protocols: Set<string>, request: IncomingMessage) => string | false) | null;
  };
}

interface WsSocket {
  once(event: string, listener: () => void): unknown;
  close(code: number, reason: string): void;
}

/** ws: a refusal is the HTTP answer in place of the upgrade, an end the close code 4401 with the code as its reason. */
export const WS: SocketPlatform = {
  transport: offeredToken('Sec-WebSocket-Protocol'),
  guard(server, enter) {
    const { options } = server as WsServer;
    const { verifyClient, handleProtocols } = options;
    options.verifyClient = (info: Info, verdict: Verdict): void => {
      verifiedBy(verifyClient, info, (...answer) => {
        if (!answer[0]) {
          verdict(...answer);
          return;
        }
        void enter(info.req, handshakeOf(info.req)).then((refusal) => {
          if (refusal === undefined) verdict(true);
          else verdict(false, refusal.getStatus(), JSON.stringify(refusal.getResponse()), REFUSED);
        });
      });
    };
    // The token must not be the protocol that the answer names.
    options.handleProtocols = (protocols, request) => {
      const others = new Set([...protocols].filter((protocol) => !protocol.startsWith(PREFIX)));
      if (others.size === 0) return false;
      return handleProtocols?.(others, request) ?? ([...others][0] as string);
    };
  },
  began([, request]) {
    const raw = request as IncomingMessage | undefined;
    return raw && { key: raw, handshake: handshakeOf(raw) };
  },
  end(client, code) {
    (client as WsSocket).close(CLOSED_UNAUTHORIZED, code);
  },
  whenClosed(client, closed) {
    (client as WsSocket).once('close', closed);
  },
};

const REFUSED = { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' };

/** The application's own check comes first: what it turns away needs no store. */
function verifiedBy(verify: Verify | null | undefined, info: Info, verdict: Verdict): void {
  if (typeof verify !== 'function') verdict(true);
  else if (verify.length >= 2) verify(info, verdict);
  else verdict((verify as (info: Info) => boolean)(info));
}

function handshakeOf(raw: IncomingMessage): Handshake {
  const entries = (raw.headers['sec-websocket-protocol'] ?? '').split(',').map((entry) => entry.trim());
  const tokens = new Set(
    entries.filter((entry) => entry.startsWith(PREFIX)).map((entry) => entry.slice(PREFIX.length)),
  );
  const [token] = tokens;
  // Two of them are ambiguous, and so none (H7).
  return { raw, offered: tokens.size > 1 ? '' : token };
}
