import { SessionConfigError, SessionError } from '../session.errors.js';
import type { SessionTransport, TransportRequest } from './session-transport.js';

/** What the CSRF defence of a cookie takes. */
export interface CsrfOptions {
  /** Other origins that may act with the cookie, each as `https://app.example.com`. Default none. */
  origins?: readonly string[];
  /**
   * Where requests from other sites are refused. `'request'`: at once, with 403. `'handler'`: the
   * request goes on, but any use of its session is refused, unless `CsrfGuard` and `@CsrfExempt()`
   * let the handler through. Default `'request'`.
   */
  at?: 'request' | 'handler';
}

/** Methods that change nothing (RFC 9110, 9.2.1). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/**
 * The defence of a transport whose token browsers send by themselves.
 *
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function csrfDefence(options: CsrfOptions | false = {}): Pick<SessionTransport, 'refuse' | 'refuseAt'> {
  if (options === false) return {};
  if (typeof options !== 'object' || (options as object | null) === null) invalid('csrf', options, 'options, or false');
  const unknown = Object.keys(options).find((name) => !['origins', 'at'].includes(name));
  if (unknown !== undefined) invalid(`csrf.${unknown}`, 'no such option', 'origins and at');
  const { origins = [], at = 'request' } = options;
  if (!['request', 'handler'].includes(at)) invalid('csrf.at', at, "'request' or 'handler'");
  if (!Array.isArray(origins)) invalid('csrf.origins', origins, "a list of origins such as 'https://app.example.com'");
  return { refuse: csrfCheck(new Set((origins as unknown[]).map(checkOrigin))), refuseAt: at };
}

/**
 * Tells whether another site made the browser send a request: by Fetch metadata, or by Origin where
 * a browser sends none. A client that sends neither is no browser and has no ambient cookies.
 */
function csrfCheck(allowed: ReadonlySet<string>): (request: TransportRequest) => SessionError | undefined {
  return ({ raw }) => {
    // What opens a WebSocket is a GET too, and pages of all sites may send it (RFC 6455, 10.2).
    if (SAFE.has(raw.method ?? '') && raw.headers.upgrade === undefined) return undefined;
    const { origin } = raw.headers;
    if (origin !== undefined && allowed.has(origin)) return undefined;
    const site = raw.headers['sec-fetch-site'];
    const foreign =
      site === undefined ? origin !== undefined && !isOwn(origin, raw) : site !== 'same-origin' && site !== 'none';
    return foreign
      ? new SessionError(
          'CSRF_REFUSED',
          'This request comes from another origin and may not use the session of this one (cookie csrf.origins).',
        )
      : undefined;
  };
}

function isOwn(origin: string, raw: TransportRequest['raw']): boolean {
  const host = raw.headers.host ?? (raw.headers[':authority'] as string | undefined);
  try {
    return new URL(origin).host === host?.toLowerCase();
  } catch {
    return false;
  }
}

function checkOrigin(origin: unknown): string {
  try {
    if (new URL(origin as string).origin === origin && !origin.includes('*')) return origin;
  } catch {
    // Told below, like an origin with a path.
  }
  return invalid('csrf.origins', origin, "origins such as 'https://app.example.com', each in full");
}

function invalid(name: string, value: unknown, takes: string): never {
  throw new SessionConfigError('INVALID_OPTION', `cookie ${name}: takes ${takes}; got ${JSON.stringify(value)}.`);
}
