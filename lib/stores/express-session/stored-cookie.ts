import { SessionConfigError } from '../../session.errors.js';

/**
 * What express-session keeps of its cookie in each session: it sends the cookie by this, and stores expire sessions by
 * it. Many read `maxAge`, which is not stored.
 */
export class StoredCookie {
  /** In ms; null for a cookie that ends with the browser. */
  originalMaxAge: number | null = null;
  /** By the clock of the machine. */
  expires: Date | null = null;
  [attribute: string]: unknown;

  constructor(attributes: object) {
    for (const [name, value] of Object.entries(attributes)) {
      // Other programs may have stored anything.
      if (name !== 'maxAge' && name !== '__proto__') this[name] = value;
    }
  }

  get maxAge(): number | null {
    return this.expires === null ? null : this.expires.valueOf() - Date.now();
  }
}

/** No cookie lasts longer, in ms: a century; dates end somewhere. */
const MAX_LIFETIME = 3_155_760_000_000;

function dateIn(lifetime: number): Date {
  return new Date(Date.now() + Math.min(lifetime, MAX_LIFETIME));
}

/** The cookie of a session that ends in so many ms, from now on and after each use. */
export function cookieOf(lifetime: number, attributes: object = {}): StoredCookie {
  const originalMaxAge = Math.min(lifetime, MAX_LIFETIME);
  return new StoredCookie({ path: '/', httpOnly: true, ...attributes, originalMaxAge, expires: dateIn(lifetime) });
}

/**
 * The same cookie, of a session that now ends in so many ms. One that ends with the browser goes on to do so:
 * express-session sends by `originalMaxAge`, while stores expire sessions by `expires`. It sets `expires` back to null
 * with each use, which shows that there was one.
 */
export function movedCookie(cookie: object, lifetime: number): StoredCookie {
  const moved = new StoredCookie(cookie);
  if (typeof moved.originalMaxAge !== 'number') moved.originalMaxAge = null;
  moved.expires = dateIn(lifetime);
  return moved;
}

/** What a stored cookie says of time, in ms: as text where the store keeps JSON, as a date where it has dates. */
export function timesOf(cookie: unknown): { expires: number | undefined; maxAge: number | undefined } {
  const { expires, originalMaxAge } = (typeof cookie === 'object' && cookie !== null ? cookie : {}) as {
    expires?: unknown;
    originalMaxAge?: unknown;
  };
  const at = typeof expires === 'string' || expires instanceof Date ? new Date(expires).valueOf() : NaN;
  return {
    expires: Number.isFinite(at) ? at : undefined,
    maxAge: typeof originalMaxAge === 'number' && originalMaxAge > 0 ? originalMaxAge : undefined,
  };
}

const IS_ATTRIBUTE: Record<keyof ExpressCookie, (value: unknown) => boolean> = {
  secure: (value) => typeof value === 'boolean' || value === 'auto',
  httpOnly: (value) => typeof value === 'boolean',
  sameSite: (value) => typeof value === 'boolean' || ['lax', 'strict', 'none'].includes(value as string),
  domain: (value) => typeof value === 'string',
  path: (value) => typeof value === 'string' && value.startsWith('/'),
  partitioned: (value) => typeof value === 'boolean',
  priority: (value) => ['low', 'medium', 'high'].includes(value as string),
};

/** The attributes with which express-session sends the cookie of a session that began here. */
export interface ExpressCookie {
  /** `'auto'` is kept as true: over plain http express-session does not send the cookie again then. */
  secure?: boolean | 'auto';
  /** Default true. */
  httpOnly?: boolean;
  /** `true` is `'strict'`. Default: not sent. */
  sameSite?: boolean | 'lax' | 'strict' | 'none';
  /** Default none: this host only. */
  domain?: string;
  /** Default `/`. */
  path?: string;
  /** One jar for each top-level site (CHIPS). Default false. */
  partitioned?: boolean;
  /** Which cookies a browser drops first when it has too many. Default: not sent. */
  priority?: 'low' | 'medium' | 'high';
}

/** @throws SessionConfigError `INVALID_OPTION` */
export function checkExpressCookie(cookie: unknown): ExpressCookie {
  if (typeof cookie !== 'object' || cookie === null) refuse('cookie', 'an object of attributes', cookie);
  for (const [name, value] of Object.entries(cookie)) {
    if (!Object.hasOwn(IS_ATTRIBUTE, name)) {
      const takes = `one of ${Object.keys(IS_ATTRIBUTE).join(', ')}; how long it lasts is the option idleTimeout`;
      refuse(`cookie.${name}`, takes, 'no such attribute');
    }
    if (!IS_ATTRIBUTE[name as keyof ExpressCookie](value))
      refuse(`cookie.${name}`, 'what express-session takes', value);
  }
  const checked: ExpressCookie = cookie;
  return checked.secure === 'auto' ? { ...checked, secure: true } : checked;
}

function refuse(name: string, takes: string, value: unknown): never {
  throw new SessionConfigError('INVALID_OPTION', `expressStore ${name}: takes ${takes}; got ${String(value)}.`);
}
