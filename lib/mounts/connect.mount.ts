import type { IncomingMessage, ServerResponse } from 'node:http';
import type { SessionEngine } from '../session.engine.js';
import { isSessionError, SessionConfigError } from '../session.errors.js';
import { partOf, SessionRequest, type Platform, type RequestWithSession } from '../session.request.js';
import { sparePrivateShapes } from './express-shapes.js';
import { SESSION_PROPERTY } from './session-property.js';

/** A connect middleware, as connect, Express and middie take it. */
export type ConnectMiddleware = (
  request: IncomingMessage,
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/** Where a framework tells a middleware whose request this is, if it can. */
export const ENTRANCE = Symbol.for('nestjs-token-session.entrance');

/** A request as its framework sees it. */
export interface Entrance {
  readonly platform: Platform;
  readonly request: unknown;
  readonly response: unknown;
}

export type EnteringRequest = RequestWithSession & { [ENTRANCE]?: Entrance };

/**
 * The session layer as a connect middleware.
 *
 * @param fail gives an error in place of an answer; default: `next(error)`
 */
export function connectMiddleware(engine: SessionEngine, fail?: Platform['fail']): ConnectMiddleware {
  const { excludes, name } = engine.options;
  return (raw: EnteringRequest, response, next) => {
    // Mounted twice, the first one decides: one load, one commit (law 10).
    const earlier = partOf(raw, name);
    if (earlier !== undefined || excludes?.(pathOf(raw)) === true) {
      if (earlier !== undefined) engine.stepAside(earlier.engine);
      next();
      return;
    }
    // Of named sessions nothing stands on the request.
    const isDefault = name === undefined;
    if (isDefault && (raw as { session?: unknown }).session !== undefined) {
      next(conflict());
      return;
    }
    sparePrivateShapes(raw, response);
    const entrance = raw[ENTRANCE];
    const platform = entrance?.platform ?? { isSecure, fail: fail ?? failureOf(raw, next) };
    const request = new SessionRequest(engine, raw, response, platform, entrance?.request, entrance?.response);
    if (isDefault) Object.defineProperty(raw, 'session', SESSION_PROPERTY);
    let found: void | Promise<void>;
    try {
      found = request.begin();
    } catch (error) {
      next(error);
      return;
    }
    if (found === undefined) next();
    // What a later middleware throws is its own, not this one's.
    else
      found.then(() => {
        next();
      }, next);
  };
}

/** Whether a request came over TLS: by Express's trust of proxies where there is Express. */
function isSecure(request: unknown): boolean {
  const { secure, socket } = request as { secure?: boolean; socket?: { encrypted?: boolean } };
  return secure ?? socket?.encrypted === true;
}

/** How an error is given once the request has gone on: connect and Express take it, middie does not. */
function failureOf(raw: IncomingMessage, next: (error: unknown) => void): Platform['fail'] {
  const isMiddies = 'hostname' in raw && !('app' in raw);
  return isMiddies
    ? (error, _request, response) => {
        answerPlainly(error, response as ServerResponse);
      }
    : next;
}

/** The error as Nest would put it, on Node's response: nothing else is known of a request of middie's. */
function answerPlainly(error: unknown, response: ServerResponse): void {
  const [status, body] = isSessionError(error)
    ? [error.getStatus(), error.getResponse()]
    : [500, { statusCode: 500, message: 'Internal server error' }];
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' });
  response.end(JSON.stringify(body));
}

function conflict(): SessionConfigError {
  return new SessionConfigError(
    'CONFLICTING_PLUGIN',
    'req.session is taken by another session middleware that runs first (express-session, cookie-session): remove ' +
      'one of the two, or exclude its paths.',
  );
}

/** The path as the client sent it: Express cuts it to what is left below a mount. */
function pathOf(request: IncomingMessage & { originalUrl?: string }): string {
  return request.originalUrl ?? request.url ?? '/';
}
