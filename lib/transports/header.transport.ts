import { validateHeaderName } from 'node:http';
import { SessionConfigError } from '../session.errors.js';
import type { SessionTransport } from './session-transport.js';

/** The header in which tokens travel unless another is named. */
export const DEFAULT_HEADER = 'X-Auth-Token';

/**
 * The token in a header of its own, both ways: for mobile apps, single-page apps, services.
 * Ending a session sends the header with an empty value.
 *
 * @param name default `X-Auth-Token`
 * @throws SessionConfigError `INVALID_OPTION` when it is no header's name
 */
export function header(name: string = DEFAULT_HEADER): SessionTransport {
  checkHeaderName('header', name);
  const key = name.toLowerCase();
  return {
    name: `header ${name}`,
    explicit: true,
    vary: name,
    places: [`header ${key}`],
    read({ raw }) {
      // Node joins repeated headers with ', ', which is no token: two values are none (H9).
      return raw.headers[key] as string | undefined;
    },
    send: (answer, token) => {
      answer.setHeader(name, token);
    },
    clear: (answer) => {
      answer.setHeader(name, '');
    },
  };
}

/** Headers with a meaning of their own; of most Node keeps only the first line, so a second would go unseen. */
const TAKEN: ReadonlySet<string> = new Set([
  ...['age', 'authorization', 'content-length', 'content-type', 'cookie', 'etag', 'expires', 'from', 'host'],
  ...['if-modified-since', 'if-unmodified-since', 'last-modified', 'location', 'max-forwards'],
  ...['proxy-authorization', 'referer', 'retry-after', 'server', 'set-cookie', 'user-agent'],
]);

export function checkHeaderName(option: string, name: unknown): void {
  try {
    validateHeaderName(name as string);
  } catch {
    throw new SessionConfigError(
      'INVALID_OPTION',
      `${option}: takes the name of a header, got ${JSON.stringify(name)}.`,
    );
  }
  if (TAKEN.has((name as string).toLowerCase())) {
    throw new SessionConfigError(
      'INVALID_OPTION',
      `${option}: ${String(name)} has a meaning of its own; use bearer() or cookie(), or name another header.`,
    );
  }
}
