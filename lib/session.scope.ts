import type { ExecutionContext } from '@nestjs/common';
import type { SessionEngine } from './session.engine.js';
import { SessionUsageError, type SessionError } from './session.errors.js';
import type { SessionIdentity } from './session.identity.js';
import { sessionRequestOf } from './session.request.js';
import type { TokenSession } from './session.js';

/** Where a session is used: an HTTP request, or whatever else stands in its place. What decorators and guards ask. */
export interface SessionScope {
  readonly engine: SessionEngine;
  /** Undefined after it was destroyed. */
  readonly session: TokenSession | undefined;
  /** Who is signed in; nobody where there is no stored session. */
  readonly identity: SessionIdentity;
  readonly hasStoredSession: boolean;
  /** A refusal as this place's exception filters know it; without it, as it is. */
  exceptionOf?(refusal: SessionError): Error;
}

/**
 * The session layer's part of what a handler, guard or decorator is about.
 *
 * @throws SessionUsageError `NOT_HTTP`, `NOT_MOUNTED`
 */
export function sessionScopeIn(context: ExecutionContext, who: string): SessionScope {
  const scope = sessionRequestOf(carrierIn(context, who));
  if (scope !== undefined) return scope;
  throw new SessionUsageError(
    'NOT_MOUNTED',
    `${who} found no session layer on this request: import SessionModule.forRoot(), and see that \`exclude\` does not ` +
      'name this path.',
  );
}

/** The object that carries the session layer's part: the request, for HTTP. */
function carrierIn(context: ExecutionContext, who: string): unknown {
  if (context.getType() === 'http') return context.switchToHttp().getRequest();
  throw new SessionUsageError(
    'NOT_HTTP',
    `${who} works in HTTP handlers; in a ${context.getType()} handler take SessionService.load(token).`,
  );
}
