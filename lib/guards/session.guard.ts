import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { sessionRequestIn } from '../session.context.js';
import { levelOf } from '../session.details.js';
import { loginRequired, SessionError } from '../session.errors.js';
import type { SessionRequest } from '../session.request.js';
import { stateOf } from '../session.js';
import { requirementOf, type Requirement } from './requirement.js';

/**
 * Behind `@RequireSession()`, `@RequireLogin()` and `@RequireRecentLogin()`; as a global guard it
 * requires a session everywhere. Without the module it lets nothing through.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  private readonly reflector = new Reflector();

  canActivate(context: ExecutionContext): boolean {
    const request = sessionRequestIn(context, 'SessionGuard');
    const refusal = refusalOf(request, requirementOf(this.reflector, context));
    if (refusal === undefined) return true;
    tellOf(refusal, request, context);
    throw refusal;
  }
}

/** Why this request may not go on, if so. A session that can't be looked at is no refusal: that throws. */
function refusalOf(request: SessionRequest, { login, level, maxAge }: Requirement): SessionError | undefined {
  const stored = request.hasStoredSession;
  const { identity } = request;
  if (login === true && identity.userId === undefined) return loginRequired();
  if (!stored) return new SessionError('SESSION_REQUIRED', 'This needs a session. Sign in first.');
  if (level !== undefined && levelOf(identity) < level) {
    const message = 'This needs a stronger proof of who you are. Sign in with a further factor.';
    return new SessionError('LEVEL_REQUIRED', message, { details: { level } });
  }
  const { authenticatedAt = -Infinity } = identity.marks;
  if (maxAge !== undefined && Math.abs(request.engine.now() - authenticatedAt) >= maxAge) {
    const message = 'This needs a recent proof of who you are. Sign in again.';
    return new SessionError('RECENT_LOGIN_REQUIRED', message, { details: { maxAge } });
  }
  return undefined;
}

/** ASVS 16.3.2: a failed authorisation is told, with who asked for what. */
function tellOf({ message }: SessionError, request: SessionRequest, context: ExecutionContext): void {
  const { userId } = request.identity;
  const id = request.session && stateOf(request.session).id;
  request.engine.events.emit({
    type: 'authz_fail',
    ...(id !== undefined && { id }),
    ...(userId !== undefined && { userId }),
    resource: `${context.getClass().name}.${context.getHandler().name}`,
    reason: message,
  });
}
