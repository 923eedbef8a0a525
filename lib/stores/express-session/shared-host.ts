import { SessionConfigError } from '../../session.errors.js';
import { ANONYMOUS, identityByData } from '../../session.identity.js';
import { hasMethods } from '../../session.checks.js';
import type { CookiePlace, SignedTransport } from '../../transports/cookie-signature.js';
import type { HostOptions } from '../session-store.js';
import { isSamePlace, placeText } from './shared-misfits.js';
import type { Seals } from './shared-metadata.js';
import type { ExpressCookie } from './stored-cookie.js';

/** What a session layer has to share sessions with express-session. */
export interface SharedHost {
  readonly seals: Seals;
  /** Where browsers keep its cookie, if that is known. */
  readonly place: CookiePlace | undefined;
}

/**
 * What a session layer has to be like to share sessions with express-session.
 *
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function checkHost({ transports, codec }: HostOptions, cookie: ExpressCookie): SharedHost {
  const signed = transports.map((transport) => {
    if (isSigned(transport)) return transport;
    throw new SessionConfigError(
      'INVALID_OPTION',
      `Session option transport: with rawIds takes cookies that are signed, cookie({ name: 'connect.sid', secret }), ` +
        `as whoever reads the store reads the ids; got ${transport.name} without a signature.`,
    );
  });
  if (codec.seal !== undefined) {
    throw new SessionConfigError(
      'INVALID_OPTION',
      'Session option codec: with rawIds takes one that does not encrypt, as express-session reads and writes the same ' +
        'sessions in plain text; got one that does. Encrypt once the store is ours alone, without rawIds.',
    );
  }
  if (!isJson(codec)) {
    throw new SessionConfigError(
      'INVALID_OPTION',
      'Session option codec: with rawIds takes one that writes plain JSON, as express-session does; got another one.',
    );
  }
  for (const { place } of signed) {
    if (place === undefined || isSamePlace(place, cookie)) continue;
    throw new SessionConfigError(
      'INVALID_OPTION',
      'Session option transport: with rawIds takes a cookie of the same domain and path as express-session sends, or ' +
        'browsers keep two of one name, which count as none: give expressStore({ cookie }) and the transport cookie() ' +
        `what the option cookie of express-session has; got ${placeText(place)} here, and ${placeText(cookie)} there.`,
    );
  }
  return { seals: signed[0] as Seals & SignedTransport, place: signed[0]?.place };
}

function isSigned(transport: object): transport is SignedTransport {
  return (transport as Partial<SignedTransport>).signed === true && hasMethods(transport, ['seal', 'isSealed']);
}

/** What is said at boot, once: the laws that such a store can't keep, and what is missing. */
export function noticeOf(name: string, store: { has(method: 'touch' | 'all' | 'length' | 'clear'): boolean }): string {
  const losses = [
    store.has('touch') ? '' : ' Without touch, each touch costs a get and a set.',
    store.has('all') || store.has('length') ? '' : ' Without length or all, count() is not there.',
    store.has('clear') ? '' : ' Without clear, clear() is not there.',
  ];
  return (
    `${name} is shared with express-session, by its raw ids, and writes unconditionally: two processes that change one ` +
    'session at the same time can overwrite each other (law 5), and a slow one can bring a destroyed session back ' +
    '(law 6). Whoever reads the store reads the ids; only the secret of the cookie keeps them from being used. ' +
    `docs/express-session.md says more.${losses.join('')}`
  );
}

function isJson(codec: HostOptions['codec']): boolean {
  try {
    return codec.encode({ a: [1] }) === '{"a":[1]}' && JSON.stringify(codec.decode('{"a":[1]}')) === '{"a":[1]}';
  } catch {
    return false;
  }
}

/** The user whom data that express-session wrote tell of; nobody where they tell nonsense. */
export function userByData(options: HostOptions, data: Record<string, unknown>): string | undefined {
  try {
    return identityByData({ ...options, clock: Date.now }, ANONYMOUS, data)?.userId;
  } catch {
    return undefined;
  }
}
