import express, { type Express } from 'express';
import { session, type Session } from 'nestjs-token-session';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SILENT } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, Connection } from '../support/client.js';
import { ProbedStore } from '../support/stores.js';

type Request = IncomingMessage & { session: Session<{ views: number }> };
type Next = (error?: unknown) => void;
type Handler = (request: Request, response: ServerResponse, next: Next) => void;

const count: Handler = (request, _response, next) => {
  request.session.views = (request.session.views ?? 0) + 1;
  next();
};
const answer: Handler = (request, response) => {
  response.setHeader('Content-Type', 'text/plain');
  response.write('views: ');
  response.end(String(request.session.views));
};

function appOf(...handlers: unknown[]): Express {
  const app = express();
  for (const handler of handlers) app.use(handler as express.RequestHandler);
  return app;
}

/** What an application is made of. Express changes the response's prototype for each application that it comes to. */
const FORMS: Record<string, (layer: unknown) => unknown[]> = {
  'the application itself': (layer) => [layer, count, answer],
  'one mounted in it': (layer) => [layer, count, appOf(answer)],
  'one that a middleware calls': (layer) => {
    const other = appOf(answer);
    const callIt: express.RequestHandler = (request, response, next) => {
      other(request, response, next);
    };
    return [layer, count, callIt];
  },
  'the one in which that of the session layer is mounted': (layer) => [appOf(layer, count), answer],
  'one mounted beside that of the session layer': (layer) => [appOf(layer, count), appOf(answer)],
};

describe.each(Object.keys(FORMS))('an answer of several Express applications, given by %s', (form) => {
  const store = new ProbedStore();
  const layer = session({ store, logger: SILENT });
  let server: Server;
  let url: string;

  beforeAll(async () => {
    const plain: Handler = (request, response, next) => {
      if (request.url === '/plain') response.end();
      else next();
    };
    type Fault = { status: number; code: string };
    const onError = (error: Fault, _request: Request, response: ServerResponse, _next: Next) => {
      response.statusCode = error.status;
      response.end(error.code);
    };
    server = createServer(appOf(plain, ...(FORMS[form]?.(layer) ?? []), onError));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  });
  beforeEach(() => {
    store.before = undefined;
  });
  afterAll(async () => {
    await new Promise((resolve) => server.close(resolve));
    await layer.close();
  });

  it('with the token, and the session goes on', async () => {
    const first = await call(url, '/');
    expect([first.status, first.text]).toEqual([200, 'views: 1']);
    expect((await call(url, '/', { token: first.token })).text).toBe('views: 2');
  });

  it('law 4: nothing of it leaves before the store has confirmed', async () => {
    const barrier = new Barrier();
    store.before = () => barrier.pass();
    const connection = new Connection(url);
    const held = connection.call('/');
    await barrier.arrived;
    await call(url, '/plain');
    const early = connection.received;
    barrier.open();
    expect((await held).text).toBe('views: 1');
    expect(early).toBe(0);
    connection.close();
  });

  it('law 4: a failed commit is the error of the error handler', async () => {
    store.before = () => {
      throw new Error('down');
    };
    const failed = await call(url, '/');
    expect([failed.status, failed.text, failed.token]).toEqual([503, 'STORE_UNAVAILABLE', undefined]);
  });
});
