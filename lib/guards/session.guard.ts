import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { levelOf } from '../session.details.js';
import { loginRequired, SessionError } from '../session.errors.js';
import { sessionScopeIn, type SessionScope } from '../session.scope.js';
import { stateOf } from '../session.js';
import { isPromise } from '../stores/awaitable.js';
import { requirementsOf, type Requirement, type RequirementOf } from './requirement.js';

/**
 * Behind `@RequireSession()`, `@RequireLogin()` and `@RequireRecentLogin()`; as a global guard it
 * requires a session everywhere, of the default layer where a handler says no other. Without the module
 * it lets nothing through.
 */
@Injectable()
export class SessionGuard implements CanActivate {
  private readonly reflector = new Reflector();

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    return this.admitsBy(requirementsOf(this.reflector, context), context);
  }

  private admitsBy(
    [requirement, ...others]: readonly RequirementOf[],
    context: ExecutionContext,
  ): boolean | Promise<boolean> {
    if (requirement === undefined) return true;
    const scope = sessionScopeIn(context, 'SessionGuard', requirement.name);
    if (isPromise(scope)) {
      return scope.then((found) => {
        admit(found, requirement, context);
        return this.admitsBy(others, context);
      });
    }
    admit(scope, requirement, context);
    return this.admitsBy(others, context);
  }
}

function admit(scope: SessionScope, requirement: Requirement, context: ExecutionContext): void {
  const refusal = refusalOf(scope, requirement);
  if (refusal === undefined) return;
  tellOf(refusal, scope, context);
  throw scope.exceptionOf?.(refusal) ?? refusal;
}

/** Why this handler may not be reached, if so. A session that can't be looked at is no refusal: that throws. */
function refusalOf(scope: SessionScope, { login, level, maxAge }: Requirement): SessionError | undefined {
  const stored = scope.hasStoredSession;
  const { identity } = scope;
  if (login === true && identity.userId === undefined) return loginRequired();
  if (!stored) return new SessionError('SESSION_REQUIRED', 'This needs a session. Sign in first.');
  if (level !== undefined && levelOf(identity) < level) {
    const message = 'This needs a stronger proof of who you are. Sign in with a further factor.';
    return new SessionError('LEVEL_REQUIRED', message, { details: { level } });
  }
  const { authenticatedAt = -Infinity } = identity.marks;
  if (maxAge !== undefined && Math.abs(scope.engine.now() - authenticatedAt) >= maxAge) {
    const message = 'This needs a recent proof of who you are. Sign in again.';
    return new SessionError('RECENT_LOGIN_REQUIRED', message, { details: { maxAge } });
  }
  return undefined;
}

/** ASVS 16.3.2: a failed authorisation is told, with who asked for what. */
function tellOf({ message }: SessionError, scope: SessionScope, context: ExecutionContext): void {
  const { userId } = scope.identity;
  const id = scope.session && stateOf(scope.session).id;
  scope.engine.events.emit({
    type: 'authz_fail',
    ...(id !== undefined && { id }),
    ...(userId !== undefined && { userId }),
    resource: `${context.getClass().name}.${context.getHandler().name}`,
    reason: message,
  });
}
