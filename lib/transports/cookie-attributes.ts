import { serialize, type SerializeOptions } from 'cookie';
import { SessionConfigError } from '../session.errors.js';

/** How the cookie looks. All of it may depend on the request: give `cookie()` a function. */
export interface CookieAttributes {
  /**
   * Default `__Host-sid`; where `domain` or `path` rule that prefix out `__Secure-sid`, and `sid` without
   * `secure: true` (ASVS 3.3.1).
   */
  name?: string;
  /** Whether only TLS carries it. `'auto'`: as the request came, by the framework's trust of proxies. Default true. */
  secure?: boolean | 'auto';
  /** Default `'lax'`. */
  sameSite?: 'lax' | 'strict' | 'none';
  /** Hidden from scripts. Default true. */
  httpOnly?: boolean;
  /** Default `/`. */
  path?: string;
  /** Default none: this host only. */
  domain?: string;
  /** Whether the browser keeps it beyond its own session, up to the absolute limit. Default true. */
  persistent?: boolean;
  /** One jar for each top-level site (CHIPS). Default false. */
  partitioned?: boolean;
  /** Which cookies a browser drops first when it has too many. Default: not sent. */
  priority?: 'low' | 'medium' | 'high';
  /** Attributes that this version does not know, as they are to be sent: `{ Foo: 'bar', Baz: true }`. */
  extra?: Record<string, string | true>;
}

/** What browsers must keep of one cookie, name and value (RFC 6265bis). */
const MAX_BYTES = 4096;
export const TOKEN_BYTES = 43;

export interface CheckedCookie {
  readonly name: string;
  readonly secure: boolean | 'auto';
  readonly persistent: boolean;
  readonly attributes: SerializeOptions;
  /** Further attributes as they are sent. */
  readonly extra: string;
}

const KNOWN: ReadonlySet<string> = new Set<keyof CookieAttributes | 'csrf'>([
  ...(['name', 'secure', 'sameSite', 'httpOnly', 'path', 'domain'] as const),
  ...(['persistent', 'partitioned', 'priority', 'extra', 'csrf'] as const),
]);

/**
 * Checks what a cookie is to look like: what a browser would refuse or ignore is refused here.
 *
 * @param valueBytes the length of its value as it is sent
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function checkCookie(options: CookieAttributes, valueBytes: number): CheckedCookie {
  if (typeof options !== 'object' || (options as object | null) === null || 'then' in options) {
    refuse('options', options, 'an object of attributes, or a function that gives one at once');
  }
  for (const option of Object.keys(options)) {
    if (KNOWN.has(option)) continue;
    // Its value is not shown: it may be a secret under another name, or in a function of the request.
    const takes = `one of ${[...KNOWN].join(', ')}; beside a function, secret; lifetimes are idleTimeout and absoluteTimeout`;
    refuse(option, 'no such option', takes);
  }
  const { secure = true, path = '/', domain, sameSite = 'lax', httpOnly = true, persistent = true } = options;
  const { partitioned = false, priority, extra = {} } = options;
  const fitsHostPrefix = secure === true && path === '/' && domain === undefined;
  const { name = fitsHostPrefix ? '__Host-sid' : secure === true ? '__Secure-sid' : 'sid' } = options;

  if (![true, false, 'auto'].includes(secure)) refuse('secure', secure, "true, false or 'auto'");
  for (const [option, value] of Object.entries({ httpOnly, persistent, partitioned })) {
    if (typeof value !== 'boolean') refuse(option, value, 'true or false');
  }
  for (const [option, value] of Object.entries({ name, path, domain: domain ?? '' })) {
    if (typeof value !== 'string') refuse(option, value, 'text');
  }
  if (!['lax', 'strict', 'none'].includes(sameSite)) refuse('sameSite', sameSite, "'lax', 'strict' or 'none'");
  if (!path.startsWith('/')) refuse('path', path, "a path that begins with '/'");
  // Browsers match prefixes without regard to case (RFC 6265bis, 5.7).
  const prefix = name.toLowerCase();
  if (prefix.startsWith('__host-') && !fitsHostPrefix) {
    refuse('name', name, "a name without the prefix __Host-, which requires secure: true, path: '/' and no domain");
  }
  if (prefix.startsWith('__secure-') && secure !== true) refuse('name', name, 'secure: true with the prefix __Secure-');
  if (sameSite === 'none' && secure !== true) refuse('sameSite', sameSite, "secure: true with 'none'");
  if (partitioned && secure !== true) refuse('partitioned', true, 'secure: true with it');
  if (name.length + valueBytes > MAX_BYTES) {
    refuse('name', `${name.slice(0, 20)}…`, `at most ${String(MAX_BYTES - valueBytes)} characters`);
  }

  const attributes: SerializeOptions = { path, sameSite, httpOnly, partitioned };
  if (domain !== undefined) attributes.domain = domain;
  if (priority !== undefined) attributes.priority = priority;
  try {
    // The library refuses names, paths and domains that would inject something (CVE-2024-47764).
    serialize(name, '', attributes);
  } catch (error) {
    refuse('name, path, domain or priority', { name, path, domain, priority }, (error as Error).message);
  }
  return { name, secure, persistent, attributes, extra: extraAttributes(extra) };
}

/** Attributes that other options stand for. */
const SET_OTHERWISE = /^(?:secure|samesite|httponly|path|domain|max-age|expires|partitioned|priority)$/i;

function extraAttributes(extra: Record<string, string | true>): string {
  return Object.entries(extra)
    .map(([name, value]) => {
      const text = value === true ? name : `${name}=${value}`;
      if (!/^[\w-]+(?:=[^;\p{Cc}]*)?$/u.test(text) || SET_OTHERWISE.test(name)) {
        refuse('extra', text, 'attributes that no other option stands for, without semicolons and control characters');
      }
      return `; ${text}`;
    })
    .join('');
}

function refuse(name: string, value: unknown, takes: string): never {
  throw new SessionConfigError('INVALID_OPTION', `cookie ${name}: takes ${takes}; got ${JSON.stringify(value)}.`);
}
