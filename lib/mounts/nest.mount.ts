import { HttpException } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import type { AbstractHttpAdapter, ExternalContextCreator } from '@nestjs/core';
import type { SessionEngine } from '../session.engine.js';
import { SessionConfigError } from '../session.errors.js';
import type { Platform } from '../session.request.js';
import { connectMiddleware } from './connect.mount.js';
import { mountOnFastify } from './fastify.mount.js';

/** Marks an adapter's instance that has a session layer already. */
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
  hasModuleMiddleware: boolean,
): void {
  const instance = adapter.getInstance<Record<symbol, unknown>>();
  if (instance[MOUNTED] === true) {
    engine.events.emit({
      type: 'store_notice',
      reason: 'SessionModule.forRoot() is imported twice; requests use the sessions of the one that came first.',
    });
    return;
  }
  instance[MOUNTED] = true;

  const fail = exceptionLayer(adapter, creator);
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
function exceptionLayer(adapter: AbstractHttpAdapter, creator: ExternalContextCreator): Platform['fail'] {
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
    const raised: unknown = raise(request, response, () => undefined, error);
    Promise.resolve(raised).catch((unhandled: unknown) => {
      const raw = rawOf(response);
      // Nest also comes here when a filter handled the error and returned nothing.
      if (raw.headersSent || raw.writableEnded) return;
      const [body, status] =
        unhandled instanceof HttpException
          ? [unhandled.getResponse(), unhandled.getStatus()]
          : [{ statusCode: 500, message: 'Internal server error' }, 500];
      adapter.reply(response, body, status);
    });
  };
}

function rawOf(response: unknown): ServerResponse {
  const { raw } = response as { raw?: ServerResponse };
  return raw ?? (response as ServerResponse);
}
