import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { SessionUsageError } from '../session.errors.js';
import { isPromise } from '../stores/awaitable.js';
import type { TokenFormat } from '../stores/session-store.js';
import type { SessionTransport, TransportAnswer, TransportRequest } from '../transports/session-transport.js';
import { shown } from './engine-of.js';

/** Headers of a request or an answer: of supertest, `inject`, Node. */
export type HeaderValues = Readonly<Record<string, string | readonly string[] | number | undefined>>;

/** An answer of supertest, of `inject`, of Node or of `fetch`. */
export interface AnswerWithHeaders {
  /** By their names in lower case; `Headers` of `fetch` too. */
  readonly headers: HeaderValues | Headers;
}

/** What a transport says with an answer: headers, by their names in lower case, and cookies. */
export interface SentToken {
  readonly headers: ReadonlyMap<string, string>;
  /** Each as it stands in Set-Cookie. */
  readonly cookies: readonly string[];
}

/**
 * The headers of an answer, whoever got it.
 *
 * @throws SessionUsageError `NOT_SUPPORTED` for what is no answer
 */
export function headersIn(answer: AnswerWithHeaders): HeaderValues {
  const { headers }: Partial<AnswerWithHeaders> = isObject(answer) ? answer : {};
  if (typeof headers !== 'object') {
    // A request of supertest is a promise, too.
    const got = isPromise(answer) ? 'a promise: await the request' : shown(answer);
    throw new SessionUsageError('NOT_SUPPORTED', `testSessions takes an answer, which has headers; got ${got}.`);
  }
  // Several cookies would be one value.
  if (headers instanceof Headers) return { ...Object.fromEntries(headers), 'set-cookie': headers.getSetCookie() };
  return headers;
}

/** A request of this machine with these headers, as transports see it. */
export function requestWith(headers: HeaderValues): TransportRequest {
  const raw = new IncomingMessage(new Socket());
  raw.method = 'GET';
  raw.url = '/';
  const all: HeaderValues = { host: 'localhost', ...headers };
  for (const [name, value] of Object.entries(all)) {
    if (value === undefined) continue;
    raw.headers[name.toLowerCase()] = String(value);
    raw.rawHeaders.push(name, String(value));
  }
  return { raw, request: raw, secure: true };
}

/** What a transport would answer with. */
export function sentBy(act: (answer: TransportAnswer) => void): SentToken {
  const headers = new Map<string, string>();
  const cookies: string[] = [];
  act({
    ...requestWith({}),
    setHeader: (name, value) => void headers.set(name.toLowerCase(), value),
    addCookie: (cookie) => void cookies.push(cookie),
    withheld: () => undefined,
  });
  return { headers, cookies };
}

/** What stands in an answer at the places where a transport puts something. */
export function foundIn(answer: HeaderValues, places: SentToken): SentToken {
  const found = Object.entries(answer).map(([name, value]) => [name.toLowerCase(), value] as const);
  const names = places.cookies.map(nameOf);
  const cookies = found.flatMap(([name, value]) => (name === 'set-cookie' ? [value].flat().map(String) : []));
  return {
    headers: new Map(
      found.flatMap(([name, value]) => (places.headers.has(name) ? [[name, String(value)] as const] : [])),
    ),
    cookies: cookies.filter((cookie) => names.includes(nameOf(cookie))),
  };
}

/** The headers with which a client sends back what it was sent, and the token that the transport reads there. */
export function headersOf(
  transport: SessionTransport,
  sent: SentToken,
  tokens: TokenFormat,
): { headers: Record<string, string>; token: string } | undefined {
  for (const headers of waysBack(transport, sent)) {
    const token = transport.read(requestWith(headers));
    if (token !== undefined && tokens.isToken(token)) return { headers, token };
  }
  return undefined;
}

/** How clients send a token back: in the same place, as a bearer token, or in the header that decides. */
function waysBack({ vary }: SessionTransport, { headers, cookies }: SentToken): Record<string, string>[] {
  const same: Record<string, string> = Object.fromEntries(headers);
  if (cookies.length > 0) same['cookie'] = cookies.map(pairOf).join('; ');
  const values = [...headers.values()];
  return [
    same,
    ...values.map((value) => ({ authorization: `Bearer ${value}` })),
    ...(/^[\w-]+$/.test(vary) ? values.map((value) => ({ [vary.toLowerCase()]: value })) : []),
  ];
}

/** Whether an answer takes the token back, as the transport does that. */
export function isCleared(transport: SessionTransport, answer: HeaderValues): boolean {
  const clearing = sentBy((to) => {
    transport.clear(to);
  });
  const found = foundIn(answer, clearing);
  const pairs = clearing.cookies.map(pairOf);
  return (
    found.cookies.some((cookie) => pairs.includes(pairOf(cookie))) ||
    [...found.headers].some(([name, value]) => clearing.headers.get(name) === value)
  );
}

/** `name=value` of a Set-Cookie header. */
function pairOf(cookie: string): string {
  return cookie.slice(0, (cookie + ';').indexOf(';'));
}

function nameOf(cookie: string): string {
  return cookie.slice(0, cookie.indexOf('='));
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
