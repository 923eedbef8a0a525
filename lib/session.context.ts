import type { ExecutionContext } from '@nestjs/common';
import { SessionUsageError } from './session.errors.js';
import { sessionRequestOf, type SessionRequest } from './session.request.js';

/**
 * The session layer's part of the request that a handler, guard or decorator is about.
 *
 * @throws SessionUsageError `NOT_HTTP`, `NOT_MOUNTED`
 */
export function sessionRequestIn(context: ExecutionContext, who: string): SessionRequest {
  if (context.getType() !== 'http') {
    throw new SessionUsageError(
      'NOT_HTTP',
      `${who} works in HTTP handlers; in a ${context.getType()} handler take SessionService.load(token).`,
    );
  }
  const request = sessionRequestOf(context.switchToHttp().getRequest());
  if (request !== undefined) return request;
  throw new SessionUsageError(
    'NOT_MOUNTED',
    `${who} found no session layer on this request: import SessionModule.forRoot(), and see that \`exclude\` does not ` +
      'name this path.',
  );
}
