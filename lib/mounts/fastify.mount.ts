import type { IncomingMessage, ServerResponse } from 'node:http';
import { addHeadersTo, isRepresentation } from '../answer/answer-headers.js';
import type { SessionEngine } from '../session.engine.js';
import { SessionConfigError } from '../session.errors.js';
import { connectMiddleware, ENTRANCE, type ConnectMiddleware, type EnteringRequest } from './connect.mount.js';
import { ReplyHeaders, type ReplyWithHeaders } from './reply-headers.js';
import { partOf, REQUEST, SessionRequest, type Platform, type RequestWithSession } from '../session.request.js';

/** What this mount uses of Fastify, which is not imported. */
interface FastifyRequest {
  readonly raw: IncomingMessage;
  readonly protocol: string;
}

interface FastifyReply extends ReplyWithHeaders {
  readonly raw: ServerResponse;
}

type OnRequest = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void;

/** What this mount uses of Nest's adapter. */
export interface FastifyAdapter {
  getInstance(): FastifyInstance;
  use(middleware: ConnectMiddleware): unknown;
  /** Runs ahead of all other hooks; there is one. */
  setOnRequestHook(hook: OnRequest): void;
  readonly onRequestHook?: OnRequest;
}

interface FastifyInstance {
  hasRequestDecorator(name: string): boolean;
  decorateRequest(name: string, property: { getter(): unknown; setter(value: unknown): void }): unknown;
  addHook(name: 'onRequest', hook: OnRequest): unknown;
}

/**
 * Mounts the session layer on Fastify's own hooks, which cost nothing measurable; a connect
 * middleware costs several microseconds a request there.
 *
 * @throws SessionConfigError `CONFLICTING_PLUGIN` when another plugin has `request.session`
 */
export function mountOnFastify(
  adapter: FastifyAdapter,
  engine: SessionEngine,
  fail: Platform['fail'],
  hasModuleMiddleware: boolean,
): void {
  const fastify = adapter.getInstance();
  const { excludes, name } = engine.options;
  // Of named sessions nothing stands on the request.
  if (name === undefined) decorateRequest(fastify);

  const platform: Platform = {
    isSecure: (request) => (request as FastifyRequest).protocol === 'https',
    // Put where Fastify keeps its headers it costs little; its head would have to be copied otherwise (17 µs).
    addHeaders(response, changes) {
      addHeadersTo(new ReplyHeaders(response as FastifyReply), changes);
    },
    fail(error, request, response) {
      reopen(response as FastifyReply);
      fail(error, request, response);
    },
  };
  const enter: OnRequest = (request, reply, done) => {
    const raw: RequestWithSession = request.raw;
    const earlier = partOf(raw, name);
    if (earlier !== undefined || excludes?.(raw.url ?? '/') === true) {
      if (earlier !== undefined) engine.stepAside(earlier.engine);
      done();
      return;
    }
    let found: void | Promise<void>;
    try {
      found = new SessionRequest(engine, raw, reply.raw, platform, request, reply).begin();
    } catch (error) {
      // Fastify would ask the error handler of the route, and that of Mercurius answers with 200.
      // And nobody else would close the socket of a WebSocket that is refused.
      if (raw.headers.upgrade !== undefined) reply.raw.once('finish', () => raw.socket.destroySoon());
      fail(error, request, reply);
      return;
    }
    if (found === undefined) done();
    else
      found.then(
        () => {
          done();
        },
        (error: unknown) => {
          done(error as Error);
        },
      );
  };
  fastify.addHook('onRequest', enter);
  if (hasModuleMiddleware) mountAheadOfMiddleware(adapter, engine, platform);
}

function decorateRequest(fastify: FastifyInstance): void {
  if (fastify.hasRequestDecorator('session')) {
    throw new SessionConfigError(
      'CONFLICTING_PLUGIN',
      'request.session is taken by another Fastify plugin (@fastify/session, @fastify/secure-session) or a second ' +
        'SessionModule.forRoot(): remove one of the two.',
    );
  }
  fastify.decorateRequest('session', {
    getter(this: FastifyRequest) {
      return (this.raw as RequestWithSession)[REQUEST]?.session;
    },
    setter(this: FastifyRequest, value: unknown) {
      const request = (this.raw as RequestWithSession)[REQUEST];
      if (request !== undefined) request.session = value;
    },
  });
}

/**
 * Module middleware runs ahead of hooks added by now, and sees Node's request only. So the session
 * comes by a middleware too, to which the hook that Nest runs first tells whose request it is.
 */
function mountAheadOfMiddleware(adapter: FastifyAdapter, engine: SessionEngine, platform: Platform): void {
  const { onRequestHook: earlier } = adapter;
  adapter.setOnRequestHook((request, reply, done) => {
    (request.raw as EnteringRequest)[ENTRANCE] = { platform, request, response: reply };
    if (earlier === undefined) done();
    else earlier(request, reply, done);
  });
  adapter.use(connectMiddleware(engine));
}

/** Makes a reply whose answer was dropped fit for another one. */
function reopen(reply: FastifyReply): void {
  const hijacked = Object.getOwnPropertySymbols(reply).find(
    ({ description }) => description === 'fastify.reply.hijacked',
  );
  if (hijacked !== undefined) (reply as unknown as Record<symbol, boolean>)[hijacked] = false;
  for (const name of Object.keys(reply.getHeaders())) if (isRepresentation(name)) reply.removeHeader(name);
  // The response itself says so by now, but what the reply holds would overwrite that.
  reply.header('cache-control', 'no-store');
}
