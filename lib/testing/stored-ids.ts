import type { SessionEngine } from '../session.engine.js';
import { SessionUsageError } from '../session.errors.js';
import type { TestSession } from './test-sessions.js';
import { requestWith, type HeaderValues } from './token-headers.js';

/** Under which keys the store may have what a test asks for. */
export function idsOf(engine: SessionEngine, which: string | TestSession | HeaderValues): string[] {
  const { tokens, options } = engine;
  // Ids and tokens look alike.
  if (typeof which === 'string') return tokens.isToken(which) ? [which, tokens.idOf(which)] : [];
  if (isTestSession(which)) return [tokens.idOf(which.token)];
  const request = requestWith(which);
  for (const transport of options.readingOrder) {
    const token = transport.read(request);
    if (token !== undefined) return tokens.isToken(token) ? [tokens.idOf(token)] : [];
  }
  return [];
}

/**
 * Text that names no session may be a public id. With tokens of its own a store has no session under that: it would
 * seem to have ended.
 *
 * @throws SessionUsageError `NOT_SUPPORTED`
 */
export function refusePublicId({ options }: SessionEngine, which: string | TestSession | HeaderValues): void {
  if (typeof which !== 'string' || options.store.tokens === undefined) return;
  throw new SessionUsageError(
    'NOT_SUPPORTED',
    'testSessions: stored finds no session by its id with this store, whose keys are the tokens (rawIds), and this text ' +
      'is the token of none: give it what signedIn, anonymous or of gave, or the headers of a request.',
  );
}

function isTestSession(which: object): which is TestSession {
  const { token, id, headers } = which as Partial<TestSession>;
  return typeof token === 'string' && typeof id === 'string' && typeof headers === 'object';
}
