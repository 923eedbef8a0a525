import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { SessionError, SessionUsageError } from '../session.errors.js';
import { sessionRequestOf } from '../session.request.js';

/** Where a handler or controller says what it requires; read by the guard. */
export const REQUIREMENT = 'nestjs-token-session:requirement';

/** Behind `@RequireSession()`; as a global guard it requires a session everywhere. Without the module it lets nothing through. */
@Injectable()
export class SessionGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http') {
      throw new SessionUsageError(
        'NOT_HTTP',
        `SessionGuard works in HTTP handlers; in a ${context.getType()} handler take SessionService.load(token).`,
      );
    }
    const request = sessionRequestOf(context.switchToHttp().getRequest());
    if (request === undefined) {
      throw new SessionUsageError(
        'NOT_MOUNTED',
        'SessionGuard found no session layer on this request: import SessionModule.forRoot(), and see that `exclude` ' +
          'does not name this path.',
      );
    }
    if (!request.hasStoredSession) throw new SessionError('SESSION_REQUIRED', 'This needs a session. Sign in first.');
    return true;
  }
}
