import type { AbstractHttpAdapter } from '@nestjs/core';
import type { IncomingMessage } from 'node:http';
import type { TransportRequest } from '../transports/session-transport.js';

/** The request that opened a socket, as transports and bindings see it. */
export class HandshakeRequest implements TransportRequest {
  /**
   * With CONNECT as its method: what opens a socket acts, and is no safe request, although it came by GET
   * (RFC 6455, 10.2; over HTTP/2 it is a CONNECT, RFC 8441).
   */
  readonly raw: IncomingMessage;
  readonly request: unknown;

  constructor(
    raw: IncomingMessage,
    /** What the client offered as its token by a way that only sockets have. */
    readonly offered: unknown,
    adapter: AbstractHttpAdapter | undefined,
  ) {
    this.raw = Object.create(raw, { method: { value: 'CONNECT' } }) as IncomingMessage;
    this.request = viewOf(raw, adapter) ?? this.raw;
  }

  get secure(): boolean {
    const { protocol } = this.request as { protocol?: string };
    return protocol === undefined
      ? (this.raw.socket as { encrypted?: boolean }).encrypted === true
      : protocol === 'https';
  }
}

/**
 * The request as the application's framework would see it if it came to it: what is told of a client behind proxies is
 * then the same as in its HTTP requests, by the same trust.
 */
function viewOf(raw: IncomingMessage, adapter: AbstractHttpAdapter | undefined): unknown {
  switch (adapter?.getType()) {
    case 'express':
      return expressView(raw, adapter.getInstance<ExpressApp>());
    case 'fastify':
      return fastifyView(raw, adapter.getInstance<object>());
    default:
      return undefined;
  }
}

interface ExpressApp {
  readonly request: object;
}

function expressView(raw: IncomingMessage, { request }: ExpressApp): unknown {
  const { headers, rawHeaders, socket, url, method } = raw;
  const own = { headers, rawHeaders, socket, connection: socket, url, originalUrl: url, method };
  return Object.create(
    request,
    Object.fromEntries(Object.entries(own).map(([name, value]) => [name, { value, writable: true, enumerable: true }])),
  );
}

/** Fastify's own class of requests, which knows whom to trust, and from which it says so. */
function fastifyView(raw: IncomingMessage, instance: object): unknown {
  const key = Object.getOwnPropertySymbols(instance).find(({ description }) => description === 'fastify.Request');
  const FastifyRequest = key && (Reflect.get(instance, key) as unknown);
  if (typeof FastifyRequest !== 'function') return undefined;
  return Reflect.construct(FastifyRequest, ['', {}, raw, {}, undefined, undefined]);
}
