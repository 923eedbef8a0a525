import { HttpException } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { AbstractHttpAdapter, ApplicationConfig, ExternalContextCreator } from '@nestjs/core';
import type { SessionEngine } from '../session.engine.js';
import { SessionConfigError } from '../session.errors.js';
import { mountOnServer } from '../scopes/handshake.scope.js';
import type { Platform } from '../session.request.js';
import { connectMiddleware } from './connect.mount.js';
import { mountOnFastify } from './fastify.mount.js';

/** How long an exception filter may take to answer, in ms, before the error is answered without it. */
const FILTER_DEADLINE = 5_000;

/** Where an adapter's instance has the names of the session layers that it has already. */
const MOUNTED = Symbol.for('nestjs-token-session.mounted');

/**
 * Mounts the session layer on Nest's platform, ahead of all module middleware.
 *
 * @param hasModuleMiddleware whether other modules configure middleware: on Fastify those run
 *   before its hooks that come later, so the session has to be there in their way too
 * @throws SessionConfigError `UNSUPPORTED_ADAPTER`, `CONFLICTING_PLUGIN`
 */
export function mountOnNest(
  adapter: AbstractHttpAdapter,
  engine: SessionEngine,
  creator: ExternalContextCreator,
  config: ApplicationConfig,
  hasModuleMiddleware: boolean,
): void {
  const { name } = engine.options;
  const instance = adapter.getInstance<{ [MOUNTED]?: Set<string | undefined> }>();
  const mounted = instance[MOUNTED] ?? new Set();
  instance[MOUNTED] = mounted;
  if (mounted.has(name)) {
    engine.events.emit({
      type: 'store_notice',
      reason:
        'SessionModule.forRoot() is imported twice; requests use the sessions of the one that came first. ' +
        'Remove one: SessionService can be injected everywhere.',
    });
    return;
  }
  mounted.add(name);
  mountOnServer(adapter, engine);

  const fail = exceptionLayer(adapter, creator, config);
  switch (adapter.getType()) {
    case 'express':
      adapter.use(connectMiddleware(engine, fail));
      break;
    case 'fastify':
      mountOnFastify(adapter, engine, fail, hasModuleMiddleware);
      break;
    default:
      throw new SessionConfigError(
        'UNSUPPORTED_ADAPTER',
        `SessionModule works on Express and Fastify; this application runs on ${adapter.getType()}.`,
      );
  }
}

/** Hands an error to the application's global exception filters, as Nest does with one of a handler. */
function exceptionLayer(
  adapter: AbstractHttpAdapter,
  creator: ExternalContextCreator,
  config: ApplicationConfig,
): Platform['fail'] {
  const handler = {
    raise: (_request: unknown, _response: unknown, _next: unknown, error: unknown): never => {
      throw error;
    },
  };
  const options = { guards: false, interceptors: false, filters: true };
  const raise = creator.create(
    handler,
    handler.raise,
    'raise',
    undefined,
    undefined,
    undefined,
    undefined,
    options,
    'http',
  );

  return (error, request, response) => {
    const answerByDefault = (cause: unknown): void => {
      const raw = rawOf(response);
      if (raw.headersSent || raw.writableEnded) return;
      const [body, status] =
        cause instanceof HttpException
          ? [cause.getResponse(), cause.getStatus()]
          : [{ statusCode: 500, message: 'Internal server error' }, 500];
      adapter.reply(response, body, status);
    };
    const raised: unknown = raise(request, response, () => undefined, error);
    Promise.resolve(raised).catch((unhandled: unknown) => {
      // Nest also comes here when a filter took the error and returned nothing: it answers when it likes.
      if (unhandled !== error || !hasFilterFor(error, config)) answerByDefault(unhandled);
    });
    // No client waits for ever for a filter that forgets to answer.
    const lastWord = setTimeout(answerByDefault, FILTER_DEADLINE, error);
    lastWord.unref();
    rawOf(response).once('close', () => {
      clearTimeout(lastWord);
    });
  };
}

/** Where Nest keeps what a filter catches; nothing means everything. */
const CATCHES = '__filterCatchExceptions__';

function hasFilterFor(error: unknown, config: ApplicationConfig): boolean {
  const requestScoped = config.getGlobalRequestFilters().map(({ metatype }) => metatype as object | null);
  return [...config.getGlobalFilters().map((filter) => filter.constructor), ...requestScoped].some((filter) => {
    const types = (filter === null ? undefined : Reflect.getMetadata(CATCHES, filter)) as
      (abstract new (...args: never[]) => unknown)[] | undefined;
    return types !== undefined && (types.length === 0 || types.some((type) => error instanceof type));
  });
}

function rawOf(response: unknown): ServerResponse {
  const { raw } = response as { raw?: ServerResponse };
  return raw ?? (response as ServerResponse);
}
