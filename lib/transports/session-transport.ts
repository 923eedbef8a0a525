import type { IncomingMessage } from 'node:http';
import type { SessionError } from '../session.errors.js';

/** The request as a transport sees it. */
export interface TransportRequest {
  /** Node's request, on every platform. */
  readonly raw: IncomingMessage;
  /** The framework's request (Express's or Fastify's); Node's where there is no framework. */
  readonly request: unknown;
  /** Whether the request came over TLS, as the framework sees it with the proxies it trusts. */
  readonly secure: boolean;
}

/** Where a transport puts what it has to say. Headers of the same name set by others are merged or replaced. */
export interface TransportAnswer extends TransportRequest {
  /** Sets a header of the answer, in place of any of that name. */
  setHeader(name: string, value: string): void;
  /** Adds a `Set-Cookie` header with this value. */
  addCookie(cookie: string): void;
  /** Tells that a cookie was not sent, and what to do about it. */
  withheld(reason: string): void;
}

/** A way for the token between client and server. */
export interface SessionTransport {
  /** Unique within a list; shown in events. */
  readonly name: string;
  /** Whether the client sends the token by its own act, as in a header. Explicit ones come before cookies. */
  readonly explicit: boolean;
  /** The request header that decides, for `Vary`; empty when it is none. */
  readonly vary: string;
  /**
   * Where the token travels, in requests and answers, each as `header x-auth-token` or `cookie sid`: no other session
   * layer of the application may have it there (`SessionModule.forRoot` with `name`). Default: not known, not checked.
   */
  readonly places?: readonly string[];
  /**
   * What stands in the token's place: undefined when nothing does. Anything else decides the
   * request, also if it is no token; for an ambiguous place give an empty string.
   */
  read(request: TransportRequest): string | undefined;
  /**
   * Sends a token. `maxAge` is the time in ms until the session's absolute limit; undefined for a
   * session that the client should forget when it is closed.
   */
  send(answer: TransportAnswer, token: string, maxAge: number | undefined): void;
  /** Tells the client that its token is of no use any more. */
  clear(answer: TransportAnswer): void;
  /** Why a session must not be used by this way in this request, if so. Asked before any store call. */
  refuse?(request: TransportRequest): SessionError | undefined;
  /** Whether a refusal answers the request at once or the first use of its session. Default `'request'`. */
  readonly refuseAt?: 'request' | 'handler';
}
