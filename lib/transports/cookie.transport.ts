import { serialize, type SerializeOptions } from 'cookie';
import { checkCookie, TOKEN_BYTES, type CheckedCookie, type CookieAttributes } from './cookie-attributes.js';
import { CookieSignature, decoded, SIGNED_BYTES, type SignedTransport } from './cookie-signature.js';
import { csrfDefence, type CsrfOptions } from './csrf.js';
import type { TransportAnswer, TransportRequest } from './session-transport.js';

/** What of a cookie does not depend on the request. */
export interface CookieDefence {
  /** The defence against requests from other sites; false turns it off. Default on. */
  csrf?: CsrfOptions | false;
  /**
   * Signs the token as express-session does, to share its cookie (`connect.sid`). Of a list the first
   * signs and all verify; what is not signed counts as no token. Default: not signed, as the token alone
   * can't be guessed.
   */
  secret?: string | readonly string[];
}

export interface CookieOptions extends CookieAttributes, CookieDefence {}

/**
 * The token in a cookie, for browsers: `__Host-sid`, Secure, HttpOnly, SameSite=Lax, Path=/
 * (ASVS 3.3), with a defence against requests from other sites (ASVS 3.5).
 *
 * @param options how the cookie looks, or a function of the request that says so
 * @param defence the CSRF defence and the secret where `options` is a function
 * @throws SessionConfigError `INVALID_OPTION` for attributes that browsers would refuse
 */
export function cookie(
  options: CookieOptions | ((request: TransportRequest) => CookieAttributes) = {},
  defence: CookieDefence = typeof options === 'function' ? {} : options,
): SignedTransport {
  // A secret that is undefined (a variable that is not set, say) is wrong: nothing must go unsigned for it.
  const signature = hasSecret(defence) ? new CookieSignature(defence.secret) : undefined;
  const valueBytes = signature === undefined ? TOKEN_BYTES : SIGNED_BYTES;
  const fixed = typeof options === 'function' ? undefined : checkCookie(attributesOf(options), valueBytes);
  const cookieFor = (request: TransportRequest): CheckedCookie =>
    fixed ?? checkCookie((options as (request: TransportRequest) => CookieAttributes)(request), valueBytes);
  return {
    signed: signature !== undefined,
    place: fixed && { path: fixed.attributes.path ?? '/', domain: fixed.attributes.domain },
    ...(signature !== undefined && {
      seal: (text: string) => signature.seal(text),
      isSealed: (text: string, seal: string) => signature.isSealed(text, seal),
    }),
    name: 'cookie',
    explicit: false,
    vary: 'Cookie',
    ...(fixed && { places: [`cookie ${fixed.name}`] }),
    ...csrfDefence(defence.csrf),
    read(request) {
      const sent = request.raw.headers.cookie;
      if (sent === undefined) return undefined;
      const { name } = cookieFor(request);
      if (signature === undefined) return valueOf(sent, name);
      const value = valueOf(sent, name, decoded);
      return value && signature.open(value);
    },
    send(answer, token, maxAge) {
      const { persistent, ...checked } = cookieFor(answer);
      const value = signature === undefined ? token : signature.sign(token);
      addCookie(answer, checked, value, persistent && maxAge !== undefined ? Math.floor(maxAge / 1000) : undefined);
    },
    clear(answer) {
      addCookie(answer, cookieFor(answer), '', 0);
    },
  };
}

/** Whatever is no object is refused by name elsewhere. */
function hasSecret(options: unknown): options is { secret: unknown } {
  return typeof options === 'object' && options !== null && 'secret' in options;
}

function attributesOf(options: CookieOptions): CookieAttributes {
  if (!hasSecret(options)) return options;
  const { secret: _secret, ...attributes } = options;
  return attributes;
}

function addCookie(
  answer: TransportAnswer,
  { name, secure, attributes, extra }: Omit<CheckedCookie, 'persistent'>,
  value: string,
  maxAge: number | undefined,
): void {
  if (secure === true && !answer.secure && !isLoopback(answer)) {
    answer.withheld(
      `The Secure cookie ${name} was not sent, because the request came over plain http. Behind a proxy that ends ` +
        "TLS, make the framework trust it (Express: app.set('trust proxy', 1); Fastify: trustProxy); " +
        "without TLS set cookie({ secure: 'auto' }).",
    );
    return;
  }
  const options: SerializeOptions = { ...attributes, secure: secure === 'auto' ? answer.secure : secure };
  if (maxAge !== undefined) options.maxAge = maxAge;
  if (maxAge === 0) options.expires = new Date(0);
  answer.addCookie(serialize(name, value, options) + extra);
}

/** Browsers take Secure cookies from this machine over plain http: it is a trustworthy origin. */
function isLoopback({ raw }: TransportRequest): boolean {
  const host = raw.headers.host ?? '';
  return /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])(?::\d+)?$/i.test(host);
}

/** The cookie's value; an empty string, that is no token, when it is there twice with two values (H7). */
function valueOf(sent: string, name: string, decode?: (value: string) => string): string | undefined {
  let found: string | undefined;
  let start = 0;
  while (start < sent.length) {
    let end = sent.indexOf(';', start);
    if (end < 0) end = sent.length;
    while (sent.charCodeAt(start) === 32 /* blank */) start++;
    if (sent.startsWith(name, start) && sent.charCodeAt(start + name.length) === 61 /* = */) {
      let value = sent.slice(start + name.length + 1, end).trimEnd();
      if (decode !== undefined) value = decode(value);
      if (found !== undefined && found !== value) return '';
      found = value;
    }
    start = end + 1;
  }
  return found;
}
