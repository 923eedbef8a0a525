import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { sessionRequestIn } from '../session.context.js';
import { levelOf } from '../session.details.js';
import { loginRequired, SessionError } from '../session.errors.js';
import type { SessionRequest } from '../session.request.js';
import { requirementOf, type Requirement } from './requirement.js';

/**
 * Behind `@RequireSession()`, `@RequireLogin()` and `@RequireRecentLogin()`; as a global guard it
 * requires a session everywhere. Without the module it lets nothing through.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  private readonly reflector = new Reflector();

  canActivate(context: ExecutionContext): boolean {
    check(sessionRequestIn(context, 'SessionGuard'), requirementOf(this.reflector, context));
    return true;
  }
}

function check(request: SessionRequest, { login, level, maxAge }: Requirement): void {
  const stored = request.hasStoredSession;
  const { identity } = request;
  if (login === true && identity.userId === undefined) throw loginRequired();
  if (!stored) throw new SessionError('SESSION_REQUIRED', 'This needs a session. Sign in first.');
  if (level !== undefined && levelOf(identity) < level) {
    const message = 'This needs a stronger proof of who you are. Sign in with a further factor.';
    throw new SessionError('LEVEL_REQUIRED', message, { details: { level } });
  }
  const { authenticatedAt = -Infinity } = identity.marks;
  if (maxAge !== undefined && Math.abs(request.engine.now() - authenticatedAt) >= maxAge) {
    const message = 'This needs a recent proof of who you are. Sign in again.';
    throw new SessionError('RECENT_LOGIN_REQUIRED', message, { details: { maxAge } });
  }
}
