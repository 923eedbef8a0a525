import type { ExecutionContext } from '@nestjs/common';
import type { SessionEngine } from './session.engine.js';
import { SessionUsageError, type SessionError } from './session.errors.js';
import type { SessionIdentity } from './session.identity.js';
import { graphqlScopeIn } from './scopes/graphql.scope.js';
import { sessionRequestOf } from './session.request.js';
import type { TokenSession } from './session.js';
import { isPromise } from './stores/awaitable.js';
import type { Awaitable } from './stores/session-store.js';

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
 * The session layer's part of what a handler, guard or decorator is about; a promise only where no
 * HTTP request has brought it.
 *
 * @param name of the session layer; default the one without a name
 * @throws SessionUsageError `NOT_HTTP`, `NOT_MOUNTED`
 */
export function sessionScopeIn(
  context: ExecutionContext,
  who: string,
  name?: string,
): SessionScope | Promise<SessionScope> {
  const isGraphql = context.getType<string>() === 'graphql';
  const scope: Awaitable<SessionScope | undefined> = isGraphql
    ? graphqlScopeIn(context, who, name)
    : sessionRequestOf(carrierIn(context, who), name);
  if (isPromise(scope)) return Promise.resolve(scope).then((found) => found ?? notMounted(who, name));
  return scope ?? notMounted(who, name);
}

function notMounted(who: string, name: string | undefined): never {
  const [layer, module] =
    name === undefined
      ? ['session layer', 'SessionModule.forRoot()']
      : [`session layer '${name}'`, `SessionModule.forRoot(store, { name: '${name}' })`];
  throw new SessionUsageError(
    'NOT_MOUNTED',
    `${who} found no ${layer} on this request: import ${module}, and see that \`exclude\` does not name this path.`,
  );
}

/** Marks the argument that carries the session layer's part of a gateway's message. */
export const MESSAGE = Symbol.for('nestjs-token-session.message');

/** The object that carries the session layer's part: the request, for HTTP; for a gateway's handler its message. */
function carrierIn(context: ExecutionContext, who: string): unknown {
  if (context.getType() === 'http') {
    // switchToHttp() makes an object for it, but a context that a test makes up may have nothing else.
    return (context as Partial<ExecutionContext>).getArgByIndex?.(0) ?? context.switchToHttp().getRequest();
  }
  if (context.getType() === 'ws') {
    const message = context
      .getArgs<unknown[]>()
      .find((arg) => typeof arg === 'object' && arg !== null && MESSAGE in arg);
    if (message !== undefined) return message;
    throw new SessionUsageError(
      'NOT_HTTP',
      `${who} works in a ws handler with SessionSocketsModule.forRoot() of nestjs-token-session/websockets, which this ` +
        'application has to import, too; without it take SessionService.load(token).',
    );
  }
  throw new SessionUsageError(
    'NOT_HTTP',
    `${who} works in HTTP handlers; in a ${context.getType()} handler take SessionService.load(token).`,
  );
}
