import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { sessionRequestOf } from '../session.request.js';

/** Marks a handler or controller that `CsrfGuard` lets everything through to. */
export const CSRF_EXEMPT = 'nestjs-token-session:csrf-exempt';

/**
 * Refuses unsafe requests from other sites at the handler, where `@CsrfExempt()` can let some
 * through. Register it as a global guard together with `cookie({ csrf: { at: 'handler' } })`.
 */
@Injectable()
export class CsrfGuard implements CanActivate {
  private readonly reflector = new Reflector();

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType() !== 'http') return true;
    const request = sessionRequestOf(context.switchToHttp().getRequest());
    if (request === undefined) return true;
    const targets = [context.getHandler(), context.getClass()];
    if (this.reflector.getAllAndOverride<boolean | undefined>(CSRF_EXEMPT, targets) === true) {
      await request.exemptFromCsrf();
    } else if (request.refusal !== undefined) {
      throw request.refusal;
    }
    return true;
  }
}
