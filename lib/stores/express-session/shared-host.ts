import { SessionConfigError } from '../../session.errors.js';
import { ANONYMOUS, identityByData } from '../../session.identity.js';
import type { SignedTransport } from '../../transports/cookie-signature.js';
import type { HostOptions } from '../session-store.js';

/**
 * What a session layer has to be like to share sessions with express-session.
 *
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function checkHost({ transports, codec }: HostOptions): void {
  for (const transport of transports) {
    if ((transport as Partial<SignedTransport>).signed === true) continue;
    throw new SessionConfigError(
      'INVALID_OPTION',
      `Session option transport: with rawIds takes cookies that are signed, cookie({ name: 'connect.sid', secret }), ` +
        `as whoever reads the store reads the ids; got ${transport.name} without a signature.`,
    );
  }
  if (!isJson(codec)) {
    throw new SessionConfigError(
      'INVALID_OPTION',
      'Session option codec: with rawIds takes one that writes plain JSON, as express-session does; got another one.',
    );
  }
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
