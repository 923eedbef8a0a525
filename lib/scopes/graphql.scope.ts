import type { ExecutionContext } from '@nestjs/common';
import { SessionUsageError } from '../session.errors.js';
import { sessionRequestOf, type SessionRequest } from '../session.request.js';
import { connectionRequest, HandshakeScope } from './handshake.scope.js';

/** Where drivers have the request in the context that resolvers share. */
interface ResolverContext {
  /** By Nest, with every driver; for an operation of graphql-ws that one's own context stands here. */
  readonly req?: unknown;
  /** By Mercurius for an operation that came by a WebSocket. */
  readonly request?: unknown;
  /** By Mercurius: what answers this very request. */
  readonly reply?: { readonly request?: unknown };
  /** By Mercurius: what the client sent when it opened the connection. */
  readonly _connectionInit?: unknown;
}

/** What graphql-ws knows of an operation. */
interface SocketContext {
  readonly extra?: { readonly request?: unknown };
  readonly connectionParams?: unknown;
}

/** What GraphQL.js tells resolvers of the operation, as far as it is used here. */
interface ResolveInfo {
  readonly variableValues?: object;
  readonly operation?: { readonly operation?: string };
  readonly path?: { readonly prev?: unknown };
}

/** A request, or the one that opened a WebSocket with what the client said then. */
interface Origin {
  readonly request: object;
  readonly params?: unknown;
}

type Loading = Promise<HandshakeScope | undefined>;

/** What resolvers of one execution share, by session layer: for a subscription its start is one, and each of its events. */
const EXECUTIONS = new WeakMap<object, Map<string | undefined, Loading>>();

/**
 * The session layer's part of what a resolver is about: the HTTP request's, or the session of a
 * WebSocket's handshake, loaded once for each execution.
 *
 * @param name of the session layer; default the one without a name
 * @throws SessionUsageError `NOT_MOUNTED` when the GraphQL context has no request, `NOT_SUPPORTED` when it has another's
 */
export function graphqlScopeIn(
  context: ExecutionContext,
  who: string,
  name?: string,
): SessionRequest | Loading | undefined {
  const [resolverContext, info] = sharedArguments(context);
  const origin = originIn(resolverContext, who);
  if (origin === undefined) {
    throw new SessionUsageError(
      'NOT_MOUNTED',
      `${who} found no request in the GraphQL context, where \`req\` has to be the HTTP request: leave it to Nest, as in ` +
        '`context: () => ({ … })`, or put it there, as in `context: ({ req }) => ({ req, … })`.',
    );
  }
  const { request, params } = origin;
  const handshake = connectionRequest(request);
  if (handshake === undefined) return sessionRequestOf(request, name);
  const shared = sharedBy((info as ResolveInfo | undefined)?.variableValues);
  const scope = shared?.get(name) ?? HandshakeScope.of(handshake, params, name, !isEvent(info));
  shared?.set(name, scope);
  return scope;
}

/** The request behind a resolver, where its context has one. */
export function graphqlRequestIn(context: ExecutionContext, who: string): object | undefined {
  return originIn(sharedArguments(context)[0], who)?.request;
}

/** Whether something happened on the server's side, of which a subscription tells: its fields below the first. */
function isEvent(info: unknown): boolean {
  const { operation, path } = (info ?? {}) as ResolveInfo;
  return operation?.operation === 'subscription' && path?.prev !== undefined;
}

/** @param execution what GraphQL.js makes anew for each: the values of its variables */
function sharedBy(execution: object | undefined): Map<string | undefined, Loading> | undefined {
  if (execution === undefined) return undefined;
  const shared = EXECUTIONS.get(execution) ?? new Map<string | undefined, Loading>();
  EXECUTIONS.set(execution, shared);
  return shared;
}

/** What resolvers get besides their own: the context, and what is known of the operation. */
function sharedArguments(context: ExecutionContext): unknown[] {
  const args = context.getArgs<unknown[]>();
  // A federation's reference resolver has no arguments of the query, and so one less.
  return args.slice(args.length === 3 ? 1 : 2);
}

function originIn(context: unknown, who: string): Origin | undefined {
  if (!isObject(context)) return undefined;
  const { req, request, reply, _connectionInit } = context as ResolverContext;
  for (const place of [context, req]) {
    const { extra, connectionParams } = (isObject(place) ? place : {}) as SocketContext;
    if (isObject(extra?.request)) return { request: extra.request, params: connectionParams };
  }
  const found = [req, request].find((candidate) => isObject(candidate) && 'headers' in candidate);
  if (!isObject(found)) return undefined;
  // @nestjs/mercurius keeps the first request for ever in an object of the application; another's session must not show.
  if (isObject(reply?.request) && rawOf(reply.request) !== rawOf(found)) {
    throw new SessionUsageError(
      'NOT_SUPPORTED',
      `${who} found the request of another client in the GraphQL context, which is one object for all requests: make it ` +
        'anew for each, by a function such as `context: () => ({ … })`.',
    );
  }
  return { request: found, params: _connectionInit };
}

function rawOf(request: object): unknown {
  return (request as { raw?: unknown }).raw ?? request;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
