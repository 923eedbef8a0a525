import connect from 'connect';
import express from 'express';
import {
  MemoryStore,
  session,
  SessionConfigError,
  type Session,
  type SessionEvent,
  type SessionMiddleware,
  type SessionOptions,
} from 'nestjs-token-session';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SILENT } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore } from '../support/stores.js';

type Request = IncomingMessage & { session: Session<{ views: number; user: { name: string } }> };
type Next = (error?: unknown) => void;
type Handler = (request: Request, response: ServerResponse, next: Next) => void;

/** The view counter of the README that this package started from, word for word but for types. */
/* eslint-disable no-var, @typescript-eslint/restrict-plus-operands -- as it stands there */
const viewCounter: Handler = function (req, res, _next) {
  var sess = req.session;
  if (sess.views) {
    res.setHeader('Content-Type', 'text/html');
    res.write('<p>views: ' + sess.views + '</p>');
    res.end();
    sess.views++;
  } else {
    sess.views = 1;
    res.end('welcome to the session demo. refresh!');
  }
};
/* eslint-enable no-var, @typescript-eslint/restrict-plus-operands */

const FRAMEWORKS = {
  connect: (...handlers: unknown[]) => {
    const app = connect();
    for (const handler of handlers) app.use(handler as connect.NextHandleFunction);
    return app as RequestListener;
  },
  express: (...handlers: unknown[]) => {
    const app = express();
    for (const handler of handlers) app.use(handler as express.RequestHandler);
    return app as RequestListener;
  },
};

describe.each(Object.keys(FRAMEWORKS) as (keyof typeof FRAMEWORKS)[])('session() on %s', (framework) => {
  const started: { server: Server; middleware: SessionMiddleware }[] = [];

  async function start(options: SessionOptions, ...handlers: unknown[]) {
    const middleware = session({ logger: SILENT, ...options });
    const server = createServer(FRAMEWORKS[framework](middleware, ...handlers));
    started.push({ server, middleware });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { middleware, url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}` };
  }

  afterEach(async () => {
    for (const { server, middleware } of started.splice(0)) {
      await new Promise((resolve) => server.close(resolve));
      await middleware.close();
    }
  });

  it("the seed's view counter runs unchanged, and counts every view", async () => {
    const { url } = await start({}, viewCounter);
    const first = await call(url, '/');
    expect(first.text).toBe('welcome to the session demo. refresh!');
    expect(first.token).toMatch(/^[\w-]{43}$/);
    for (let views = 1; views <= 3; views++) {
      const next = await call(url, '/', { token: first.token });
      expect([next.text, next.headers['content-type']]).toEqual([`<p>views: ${views}</p>`, 'text/html']);
    }
  });

  it("the seed's methods take callbacks: save, reload, touch, destroy", async () => {
    const log: unknown[] = [];
    const handler: Handler = (req, res) => {
      req.session.views = 5;
      void req.session.save((saved) => {
        void req.session.touch((touched) => {
          void req.session.reload((reloaded) => {
            log.push(saved, touched, reloaded, req.session.views);
            void req.session.destroy((destroyed) => {
              log.push(destroyed, req.session);
              res.end('done');
            });
          });
        });
      });
    };
    const { url, middleware } = await start({}, handler);
    expect((await call(url, '/')).text).toBe('done');
    expect(log).toEqual([null, null, null, 5, null, undefined]);
    expect(await middleware.service.count()).toBe(0);
  });

  it('the constructors stand where the seed has them', () => {
    expect(session.MemoryStore).toBe(MemoryStore);
    expect(typeof session.Store).toBe('function');
    expect(typeof session.TokenSession).toBe('function');
  });

  it('law 4: nothing leaves before the store has confirmed; an error goes to the error handler', async () => {
    const store = new ProbedStore();
    const barrier = new Barrier();
    store.before = () => barrier.pass();
    const plain: Handler = (req, res, next) => {
      if (req.url === '/plain') res.end('plain');
      else next();
    };
    const onError = (error: { status?: number; code?: string }, _req: Request, res: ServerResponse, _next: Next) => {
      res.statusCode = error.status ?? 500;
      res.end(JSON.stringify({ code: error.code }));
    };
    const { url } = await start({ store }, plain, viewCounter, onError);
    let answered = false;
    const held = call(url, '/').then((answer) => {
      answered = true;
      return answer;
    });
    await barrier.arrived;
    await call(url, '/plain');
    expect(answered).toBe(false);
    barrier.open();
    expect((await held).status).toBe(200);

    store.before = () => {
      throw new Error('down');
    };
    const failed = await call(url, '/');
    expect([failed.status, failed.json(), failed.token]).toEqual([503, { code: 'STORE_UNAVAILABLE' }, undefined]);
  });

  it("law 4: without an error handler the framework's own one answers 503", async () => {
    const store = new ProbedStore();
    store.before = () => {
      throw new Error('down');
    };
    const { url } = await start({ store }, viewCounter);
    const failed = await call(url, '/');
    expect([failed.status, failed.token]).toEqual([503, undefined]);
    expect(failed.text).not.toContain('welcome');
  });

  it('law 10: mounted twice it is one session, one load, one commit', async () => {
    const store = new ProbedStore();
    const second = session({ store, logger: SILENT });
    const { url } = await start({ store }, second, viewCounter);
    const { token } = await call(url, '/');
    await call(url, '/', { token });
    expect(store.calls).toEqual(['create', 'load', 'update']);
    await second.close();
  });
});

describe('session() by itself', () => {
  failOnUnhandledRejections();

  it('S55, law 12: a store that can never work as it is: its reason is told at once, and ends no process', async () => {
    const reason = 'The table sessions is missing.';
    const attach = (): Promise<void> => Promise.reject(new SessionConfigError('INVALID_OPTION', reason));
    const lines: string[] = [];
    const log = (line: string): void => void lines.push(line);
    const store = Object.assign(new MemoryStore(), { attach });
    const { service, close } = session({ store, logger: { warn: log, error: log } });
    const events: SessionEvent[] = [];
    service.events$.subscribe((event) => events.push(event));
    await new Promise(setImmediate);
    expect(events).toEqual([{ type: 'store_notice', reason }]);
    expect(lines).toEqual([expect.stringContaining(reason)]);
    await close();
  });

  it('close() releases what the store itself opened, once', async () => {
    let closed = 0;
    const store = Object.assign(new MemoryStore(), {
      close: () => {
        closed++;
      },
    });
    const { close } = session({ store, logger: SILENT });
    await Promise.all([close(), close()]);
    expect(closed).toBe(1);
  });
});
