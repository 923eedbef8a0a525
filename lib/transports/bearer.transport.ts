import type { IncomingMessage } from 'node:http';
import { invalid } from '../session.checks.js';
import { checkHeaderName, DEFAULT_HEADER } from './header.transport.js';
import type { SessionTransport } from './session-transport.js';

/**
 * The token as `Authorization: Bearer …` (RFC 6750); a new one is answered in a header, because
 * responses have no Authorization. Another scheme counts as no token.
 *
 * @param options.answerIn the response header; default `X-Auth-Token`
 */
export function bearer(options: { answerIn?: string } = {}): SessionTransport {
  const { answerIn = DEFAULT_HEADER, ...unknown } = options;
  for (const option of Object.keys(unknown)) invalid(`bearer ${option}`, 'no such option', 'answerIn only');
  checkHeaderName('bearer answerIn', answerIn);
  return {
    name: 'bearer',
    explicit: true,
    vary: 'Authorization',
    places: ['header authorization', `header ${answerIn.toLowerCase()}`],
    read({ raw }) {
      const { authorization } = raw.headers;
      if (authorization === undefined) return undefined;
      // Of two lines Node keeps the first; which one counts must not depend on that (H8).
      if (authorizationLines(raw) > 1) return '';
      if (!/^bearer(?: |$)/i.test(authorization)) return undefined;
      return authorization.slice('bearer '.length);
    },
    send: (answer, token) => {
      answer.setHeader(answerIn, token);
    },
    clear: (answer) => {
      answer.setHeader(answerIn, '');
    },
  };
}

function authorizationLines({ rawHeaders }: IncomingMessage): number {
  let lines = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 13 && name.toLowerCase() === 'authorization') lines++;
  }
  return lines;
}
