import { bearer, cookie, header, type SessionTransport } from 'nestjs-token-session';
import type { Answer } from './client.js';

/** A way for the token, seen from the client. */
export interface Carrier {
  /** As the transport calls itself. */
  readonly name: string;
  readonly transport: () => SessionTransport;
  /** What Vary names. */
  readonly vary: string;
  /** The request header that carries a token, or what is sent in place of one. */
  send(value: string): Record<string, string>;
  /** The token that an answer brought: undefined when it brought none, '' when it cleared it. */
  received(answer: Answer): string | undefined;
}

export const HEADER: Carrier = {
  name: 'header X-Auth-Token',
  transport: () => header(),
  vary: 'X-Auth-Token',
  send: (value) => ({ 'X-Auth-Token': value }),
  received: (answer) => answer.token,
};

export const BEARER: Carrier = {
  name: 'bearer',
  transport: () => bearer(),
  vary: 'Authorization',
  send: (value) => ({ Authorization: `Bearer ${value}` }),
  received: (answer) => answer.token,
};

export const COOKIE: Carrier = {
  name: 'cookie',
  transport: () => cookie(),
  vary: 'Cookie',
  send: (value) => ({ Cookie: `__Host-sid=${value}` }),
  received: (answer) =>
    answer.cookies.map((line) => /^__Host-sid=([^;]*)/.exec(line)?.[1]).find((value) => value !== undefined),
};

/** The transports over which behaviour is tested. */
export const CARRIERS = [HEADER, BEARER, COOKIE] as const;
