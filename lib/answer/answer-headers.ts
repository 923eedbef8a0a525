import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';

/** What the session layer adds to an answer. */
export interface HeaderChanges {
  /** Request headers that decided the answer. */
  readonly vary: string;
  /** Headers in place of others of the same name. */
  readonly set: ReadonlyMap<string, string>;
  /** Cookies beside those of the application. */
  readonly cookies: readonly string[];
}

/** What some caches obey in place of Cache-Control: targeted fields (RFC 9213), and what came before them. */
const FOR_ONE_CACHE = /.-cache-control$|^(?:edge-control|surrogate-control|x-accel-expires)$/i;
const IN_SECONDS = /-expires$/i;

/**
 * Adds headers to an answer that is about to leave.
 *
 * @param head the arguments of a `writeHead` call, when there is one: what it names overwrites what
 *   was set before (Fastify gives it everything), so that is where headers have to go
 */
export function addHeaders(response: ServerResponse, head: unknown[] | undefined, changes: HeaderChanges): void {
  const position = typeof head?.[1] === 'string' ? 2 : 1;
  const target = targetOf(response, head?.[position]);
  addHeadersTo(target, changes);
  if (head !== undefined && target.headers !== undefined) head[position] = target.headers;
}

/** The same wherever the headers of an answer are kept. */
export function addHeadersTo(target: HeaderTarget, changes: HeaderChanges): void {
  for (const [name, value] of changes.set) target.set(name, value);
  // What hands out or takes away a token must not be cached (ASVS 14.2.2).
  if (changes.set.size > 0 || changes.cookies.length > 0) {
    target.set('Cache-Control', uncacheable(target.get('Cache-Control')));
    for (const name of target.names()) {
      if (FOR_ONE_CACHE.test(name)) target.set(name, IN_SECONDS.test(name) ? '0' : 'no-store');
    }
  }
  for (const cookie of changes.cookies) target.append('Set-Cookie', cookie);
  const vary = target.get('Vary');
  const merged = mergeVary(vary, changes.vary);
  if (merged !== undefined && merged !== vary) target.set('Vary', merged);
}

function targetOf(response: ServerResponse, given: unknown): HeaderTarget {
  if (typeof given !== 'object' || given === null) return new ResponseHeaders(response);
  if (!Array.isArray(given)) return new HeadHeaders(response, given as OutgoingHttpHeaders);
  const isNested = Array.isArray(given[0]);
  // Node takes pairs in lists of their own only where nothing was set before; else its error is the answer.
  if (isNested && response.getHeaderNames().length > 0) return new ResponseHeaders(response);
  return new HeadPairs(response, isNested ? given.flat() : given);
}

/** Where headers of an answer are kept. */
export interface HeaderTarget {
  /** Of all headers that the answer has by now; some perhaps twice. */
  names(): string[];
  get(name: string): string | undefined;
  set(name: string, value: string): void;
  append(name: string, value: string): void;
  /** What the `writeHead` call has to get in place of what it got, where there is such a call. */
  readonly headers?: OutgoingHttpHeaders | unknown[];
}

class ResponseHeaders implements HeaderTarget {
  constructor(private readonly response: ServerResponse) {}

  names(): string[] {
    return this.response.getHeaderNames();
  }

  get(name: string): string | undefined {
    return text(this.response.getHeader(name));
  }

  set(name: string, value: string): void {
    this.response.setHeader(name, value);
  }

  append(name: string, value: string): void {
    this.response.setHeader(name, withCookie(list(this.response.getHeader(name)), value));
  }
}

/** The headers of a `writeHead` call; changed as a copy, as the caller may use its object for other answers too. */
class HeadHeaders implements HeaderTarget {
  private copy: OutgoingHttpHeaders | undefined;

  constructor(
    private readonly response: ServerResponse,
    private readonly given: OutgoingHttpHeaders,
  ) {}

  get headers(): OutgoingHttpHeaders {
    return this.copy ?? this.given;
  }

  names(): string[] {
    return [...this.response.getHeaderNames(), ...Object.keys(this.headers)];
  }

  get(name: string): string | undefined {
    const key = this.keyOf(name);
    return text(key === undefined ? this.response.getHeader(name) : this.headers[key]);
  }

  set(name: string, value: string): void {
    const key = this.keyOf(name);
    // Where the framework has put it there already the head needs no copy.
    if (key === undefined || this.headers[key] !== value) this.change(key ?? name, value);
  }

  append(name: string, value: string): void {
    const key = this.keyOf(name);
    const present = list(key === undefined ? this.response.getHeader(name) : this.headers[key]);
    if (key === undefined || !present.includes(value)) this.change(key ?? name, withCookie(present, value));
  }

  private change(key: string, value: string | string[]): void {
    (this.copy ??= { ...this.given })[key] = value;
  }

  private keyOf(name: string): string | undefined {
    const wanted = name.toLowerCase();
    if (Object.hasOwn(this.headers, wanted)) return wanted;
    return Object.keys(this.headers).find((key) => key.toLowerCase() === wanted);
  }
}

/**
 * The headers of a `writeHead` call as a flat list of names and values, as a copy. Node sends such a
 * list as it is when nothing was set before, else it sets one after the other.
 */
class HeadPairs implements HeaderTarget {
  readonly headers: unknown[];
  private readonly isSentAsIs: boolean;

  constructor(
    private readonly response: ServerResponse,
    given: unknown[],
  ) {
    this.headers = [...given];
    this.isSentAsIs = response.getHeaderNames().length === 0;
  }

  names(): string[] {
    const own = this.headers.filter((name, at): name is string => at % 2 === 0 && typeof name === 'string');
    return [...this.response.getHeaderNames(), ...own];
  }

  get(name: string): string | undefined {
    return text(this.valueOf(name));
  }

  set(name: string, value: string): void {
    if (this.isSentAsIs) this.remove(name);
    this.headers.push(name, value);
  }

  append(name: string, value: string): void {
    if (this.isSentAsIs) {
      this.headers.push(name, value);
      return;
    }
    const values = withCookie(this.allOf(name), value);
    this.remove(name);
    this.headers.push(name, values);
  }

  private remove(name: string): void {
    for (let at = this.indexOf(name); at >= 0; at = this.indexOf(name)) this.headers.splice(at, 2);
  }

  private valueOf(name: string): string | string[] | number | undefined {
    const at = this.indexOf(name);
    return at < 0 ? this.response.getHeader(name) : (this.headers[at + 1] as string);
  }

  /** Of all pairs of this name: set one after the other, each would replace the one before. */
  private allOf(name: string): string[] {
    const values: string[] = [];
    for (let at = 0; at + 1 < this.headers.length; at += 2) {
      if (isNamed(this.headers[at], name)) values.push(...list(this.headers[at + 1] as string));
    }
    return values.length > 0 ? values : list(this.response.getHeader(name));
  }

  /** Of the last pair of this name, which is the one that counts. */
  private indexOf(name: string): number {
    for (let at = this.headers.length - 2; at >= 0; at -= 2) if (isNamed(this.headers[at], name)) return at;
    return -1;
  }
}

/** An answer that Node refused may have put the cookie there already, with another Max-Age. */
function withCookie(present: readonly string[], cookie: string): string[] {
  return [...present.filter((line) => pairOf(line) !== pairOf(cookie)), cookie];
}

/** Name and value of a cookie. */
function pairOf(cookie: string): string | undefined {
  return cookie.split(';', 1)[0];
}

function isNamed(given: unknown, name: string): boolean {
  return typeof given === 'string' && given.toLowerCase() === name.toLowerCase();
}

/** Headers that describe the body which is not sent, or what its handler wanted done with it. */
const REPRESENTATION =
  /^(?:content-|etag$|last-modified$|location$|accept-ranges$|expires$|transfer-encoding$|trailer$)/i;

export function isRepresentation(name: string): boolean {
  return REPRESENTATION.test(name) || FOR_ONE_CACHE.test(name);
}

/** Takes from a response what belongs to the answer that was dropped. */
export function removeRepresentation(response: ServerResponse): void {
  for (const name of response.getHeaderNames()) if (isRepresentation(name)) response.removeHeader(name);
  response.setHeader('Cache-Control', 'no-store');
}

/** What forbids caching, and keeps what the application said of transforming (server-sent events). */
function uncacheable(present = ''): string {
  if (/\bno-store\b/i.test(present)) return present;
  return /\bno-transform\b/i.test(present) ? 'no-store, no-transform' : 'no-store';
}

/** A `Vary` that names these headers too. */
export function mergeVary(given: string | readonly string[] | undefined, added: string): string | undefined {
  const present = text(given);
  if (present === undefined || present === '') return added === '' ? present : added;
  if (present === added || added === '') return present;
  const names = present.split(',').map((name) => name.trim().toLowerCase());
  if (names.includes('*')) return present;
  const missing = added.split(', ').filter((name) => !names.includes(name.toLowerCase()));
  return missing.length === 0 ? present : `${present}, ${missing.join(', ')}`;
}

export function text(value: number | string | readonly string[] | undefined): string | undefined {
  return value === undefined ? undefined : typeof value === 'object' ? value.join(', ') : String(value);
}

function list(value: number | string | readonly string[] | undefined): string[] {
  return value === undefined ? [] : typeof value === 'object' ? [...value] : [String(value)];
}
