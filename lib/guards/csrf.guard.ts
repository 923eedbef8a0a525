import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { graphqlRequestIn, graphqlScopeIn } from '../scopes/graphql.scope.js';
import { sessionRequestsOf } from '../session.request.js';

/** Where a handler or controller names the session layers whose requests `CsrfGuard` lets through to it. */
export const CSRF_EXEMPT = 'nestjs-token-session:csrf-exempt';

/** Names of session layers; undefined is the default layer. */
export type CsrfExemptions = readonly (string | undefined)[];

/**
 * Refuses unsafe requests from other sites at the handler, where `@CsrfExempt()` can let some
 * through; of all session layers. Register it as a global guard together with `cookie({ csrf: { at: 'handler' } })`.
 */
@Injectable()
export class CsrfGuard implements CanActivate {
  private readonly reflector = new Reflector();

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (context.getType<string>() === 'graphql') {
      // One document may name many resolvers: to exempt one would be to exempt those beside it.
      const scope = await graphqlScopeIn(context, 'CsrfGuard');
      const requests = sessionRequestsOf(graphqlRequestIn(context, 'CsrfGuard'));
      const refusal = scope?.refusal ?? requests.find((request) => request.refusal !== undefined)?.refusal;
      if (refusal !== undefined) throw refusal;
      return true;
    }
    if (context.getType() !== 'http') return true;
    const targets = [context.getHandler(), context.getClass()];
    const exemptions = this.reflector.getAll<(CsrfExemptions | undefined)[]>(CSRF_EXEMPT, targets);
    for (const request of sessionRequestsOf(context.switchToHttp().getRequest())) {
      const { name } = request.engine.options;
      if (exemptions.some((names) => names?.includes(name))) await request.exemptFromCsrf();
      else if (request.refusal !== undefined) throw request.refusal;
    }
    return true;
  }
}
