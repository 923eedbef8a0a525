import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import expressSession from 'express-session';
import express, { type Express } from 'express';
import { header, MemoryStore, session, SessionError, type SessionLogger } from 'nestjs-token-session';
import { Barrier } from '../support/barrier.js';
import { call, type Answer } from '../support/client.js';
import { ProbedStore } from '../support/stores.js';

/** What the README says about express-session, seen on the real one; beside it the same on ours. */

interface Shop {
  cart?: string;
  theme?: string;
}

type ShopRequest = IncomingMessage & {
  session: Shop & { save(): Promise<unknown>; destroy(callback: (error: unknown) => void): unknown };
};

const silent: SessionLogger = { warn: () => undefined, error: () => undefined };
const servers: Server[] = [];

afterEach(async () => {
  await Promise.all(
    servers.splice(0).map(
      (server) =>
        new Promise((resolve) => {
          server.close(resolve);
        }),
    ),
  );
});

async function serve(app: RequestListener): Promise<string> {
  const server = createServer(app);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

/** The same shop on either layer: `/slow` waits at the barrier after its session was loaded. */
function shop(app: Express, barrier: Barrier): Express {
  const handle =
    (change: (req: ShopRequest) => unknown) =>
    async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
      await change(req as ShopRequest);
      res.end('done');
    };
  app.get(
    '/begin',
    handle((req) => (req.session.cart = 'empty')),
  );
  app.get('/read', (req, res) => {
    const { cart, theme } = (req as unknown as ShopRequest).session;
    res.end(JSON.stringify({ cart, theme }));
  });
  app.get(
    '/slow',
    handle(async (req) => {
      req.session.cart = 'apples';
      await barrier.pass();
    }),
  );
  app.get(
    '/fast',
    handle((req) => (req.session.theme = 'dark')),
  );
  app.get(
    '/logout',
    handle((req) => new Promise((resolve) => req.session.destroy(resolve))),
  );
  app.use((error: unknown, _req: unknown, res: express.Response, next: express.NextFunction) => {
    if (res.headersSent) next(error);
    else res.status(error instanceof SessionError ? error.getStatus() : 500).end('failed');
  });
  return app;
}

const PEER = {
  name: 'express-session',
  make(barrier: Barrier, store: expressSession.Store): Express {
    const app = express();
    app.use(expressSession({ secret: 'a secret of the test', resave: false, saveUninitialized: false, store }));
    return shop(app, barrier);
  },
  credentials: (answer: Answer) => ({ Cookie: answer.cookies[0]?.split(';')[0] ?? '' }),
};

const OURS = {
  make(barrier: Barrier, store: ProbedStore | MemoryStore): Express {
    const app = express();
    app.use(session({ store, transport: header(), logger: silent }) as express.RequestHandler);
    return shop(app, barrier);
  },
  credentials: (answer: Answer) => ({ 'X-Auth-Token': answer.token ?? '' }),
};

/** express-session's own memory store, which can be told to fail its saves. */
class PeerStore extends expressSession.MemoryStore {
  readonly calls: string[] = [];
  failing = false;

  override set(sid: string, data: expressSession.SessionData, callback?: (error?: unknown) => void): void {
    this.calls.push('set');
    if (this.failing) callback?.(new Error('disk full'));
    else super.set(sid, data, callback);
  }

  override touch(sid: string, data: expressSession.SessionData, callback?: () => void): void {
    this.calls.push('touch');
    super.touch(sid, data, callback);
  }
}

describe('two requests change different keys', () => {
  async function race(url: string, barrier: Barrier, credentials: (answer: Answer) => Record<string, string>) {
    const headers = credentials(await call(url, '/begin'));
    const slow = call(url, '/slow', { headers });
    await barrier.arrived;
    await call(url, '/fast', { headers });
    barrier.open();
    await slow;
    return (await call(url, '/read', { headers })).json();
  }

  it('express-session: the later save overwrites the earlier', async () => {
    const barrier = new Barrier();
    const url = await serve(PEER.make(barrier, new PeerStore()));
    expect(await race(url, barrier, PEER.credentials)).toEqual({ cart: 'apples' });
  });

  it('law 5: here both survive', async () => {
    const barrier = new Barrier();
    const url = await serve(OURS.make(barrier, new MemoryStore()));
    expect(await race(url, barrier, OURS.credentials)).toEqual({ cart: 'apples', theme: 'dark' });
  });
});

describe('a slow request ends after a logout', () => {
  async function race(url: string, barrier: Barrier, credentials: (answer: Answer) => Record<string, string>) {
    const headers = credentials(await call(url, '/begin'));
    const slow = call(url, '/slow', { headers });
    await barrier.arrived;
    await call(url, '/logout', { headers });
    barrier.open();
    return [(await slow).status, (await call(url, '/read', { headers })).json()];
  }

  it('express-session: its save brings the session back', async () => {
    const barrier = new Barrier();
    const url = await serve(PEER.make(barrier, new PeerStore()));
    expect(await race(url, barrier, PEER.credentials)).toEqual([200, { cart: 'apples' }]);
  });

  it('law 6: here it is refused', async () => {
    const barrier = new Barrier();
    const url = await serve(OURS.make(barrier, new MemoryStore()));
    expect(await race(url, barrier, OURS.credentials)).toEqual([401, {}]);
  });
});

describe('saving fails after the handler succeeded', () => {
  it('express-session: the answer is sent all the same', async () => {
    const store = new PeerStore();
    const url = await serve(PEER.make(new Barrier(), store));
    store.failing = true;
    expect((await call(url, '/begin')).status).toBe(200);
  });

  it('law 4: here it is a 503', async () => {
    const store = new ProbedStore();
    store.before = () => {
      throw new Error('disk full');
    };
    const url = await serve(OURS.make(new Barrier(), store));
    expect((await call(url, '/begin')).status).toBe(503);
  });
});

describe('what reaches the store', () => {
  it('express-session: a read-only request touches, and the store sees the id that the cookie holds', async () => {
    const store = new PeerStore();
    const url = await serve(PEER.make(new Barrier(), store));
    const headers = PEER.credentials(await call(url, '/begin'));
    store.calls.length = 0;
    await call(url, '/read', { headers });
    expect(store.calls).toEqual(['touch']);
    const ids = Object.keys((store as unknown as { sessions: object }).sessions);
    expect(decodeURIComponent(headers.Cookie)).toContain(ids[0]);
  });

  it('laws 2 and 3: here it reads once, and the store sees a hash', async () => {
    const ids: string[] = [];
    const store = new ProbedStore();
    store.before = (_operation, id) => ids.push(id);
    const url = await serve(OURS.make(new Barrier(), store));
    const headers = OURS.credentials(await call(url, '/begin'));
    store.calls.length = 0;
    await call(url, '/read', { headers });
    expect(store.calls).toEqual(['load']);
    expect(ids).not.toContain(headers['X-Auth-Token']);
  });
});
