import { Injectable, Scope, type INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { Session, SessionGuard, SessionModule, UserId } from 'nestjs-token-session';
import { testSessions } from 'nestjs-token-session/testing';
import { SessionSocketsModule } from 'nestjs-token-session/websockets';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { closeSockets, connectSocket, SOCKETS, type SocketKind } from './support/clients.js';
import { CounterGateway, type Call } from './support/counter.gateway.js';
import { startSocketApp } from './support/socket-app.js';

/** A gateway beside the counter, on the same server, in a namespace, on a port of its own. */
function whoGateway(where: object | number = {}) {
  @WebSocketGateway(where as object)
  class WhoGateway {
    @SubscribeMessage('me')
    me(@UserId() userId: string | undefined, @MessageBody() { id }: Call) {
      return { id, value: userId ?? null };
    }
  }
  return WhoGateway;
}

const adapterOf = (kind: SocketKind, app: INestApplication) =>
  kind === 'ws' ? new WsAdapter(app) : new IoAdapter(app);

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe.each(SOCKETS)('SessionSocketsModule on %s', (kind) => {
  failOnUnhandledRejections();
  afterEach(closeSockets);
  afterEach(closeApps);

  it('serves several gateways of one server with one session', async () => {
    const { connect, sessions } = await startSocketApp('express', kind, { gateways: [CounterGateway, whoGateway()] });
    const socket = await connect({ headers: (await sessions.signedIn('ada')).headers });
    expect(await socket.call('me')).toBe('ada');
    expect(await socket.call('views')).toBe(1);
  });

  it('serves a gateway on a port of its own', async () => {
    const port = await freePort();
    const { sessions } = await startSocketApp('express', kind, { gateways: [CounterGateway, whoGateway(port)] });
    const { headers } = await sessions.signedIn('ada');
    const socket = await connectSocket(kind, `http://127.0.0.1:${String(port)}`, { headers });
    expect(await socket.call('me')).toBe('ada');
  });

  it('works with an adapter of the application’s own', async () => {
    const seen: unknown[] = [];
    class OwnIoAdapter extends IoAdapter {
      override createIOServer(port: number, options?: object): ReturnType<IoAdapter['createIOServer']> {
        seen.push(port);
        return super.createIOServer(port, options as never);
      }
    }
    class OwnWsAdapter extends WsAdapter {
      override create(port: number, options: never): unknown {
        seen.push(port);
        return super.create(port, options);
      }
    }
    const { connect, sessions } = await startSocketApp('express', kind, {
      gateways: [CounterGateway],
      adapter: (app) => (kind === 'ws' ? new OwnWsAdapter(app) : new OwnIoAdapter(app)),
    });
    const socket = await connect({ headers: (await sessions.signedIn('ada')).headers });
    expect(await socket.call('who')).toBe('ada');
    expect(seen).toEqual([0]);
  });

  it('serves gateways that are made for each client', async () => {
    @WebSocketGateway()
    @Injectable({ scope: Scope.REQUEST })
    class ScopedGateway {
      @SubscribeMessage('count')
      count(@Session() session: { n?: number }, @MessageBody() { id }: Call) {
        session.n = (session.n ?? 0) + 1;
        return { id, value: session.n };
      }
    }
    const { connect, sessions } = await startSocketApp('express', kind, { gateways: [ScopedGateway] });
    const stored = await sessions.anonymous();
    const socket = await connect({ headers: stored.headers });
    expect(await socket.call('count')).toBe(1);
    expect((await sessions.stored(stored))?.data).toEqual({ n: 1 });
  });

  it('may be imported before SessionModule, which forRootAsync may make', async () => {
    const running = await startApp('fastify', {
      controllers: [],
      providers: [CounterGateway],
      imports: [
        SessionSocketsModule.forRoot(),
        SessionModule.forRootAsync({ useFactory: () => Promise.resolve({ logger: SILENT }) }),
      ],
      prepare: (app) => app.useWebSocketAdapter(adapterOf(kind, app)),
    });
    const { headers } = await testSessions(running.app).signedIn('ada');
    expect(await (await connectSocket(kind, running.url, { headers })).call('who')).toBe('ada');
  });

  it('lets SessionGuard guard all handlers, of controllers and gateways', async () => {
    const { connect, sessions, url } = await startSocketApp('express', kind, {
      gateways: [CounterGateway],
      prepare: (app) => app.useGlobalGuards(new SessionGuard()),
    });
    await expect((await connect()).call('plain')).rejects.toMatchObject({ payload: { code: 'SESSION_REQUIRED' } });
    const { headers } = await sessions.anonymous();
    expect(await (await connect({ headers })).call('plain', 1)).toBe(1);
    expect((await fetch(`${url}/plain`)).status).toBe(401);
  });

  it('without it a handler is told what to import', async () => {
    const running = await startApp('express', {
      controllers: [],
      providers: [CounterGateway],
      prepare: (app) => app.useWebSocketAdapter(adapterOf(kind, app)),
    });
    const socket = await connectSocket(kind, running.url);
    await expect(socket.call('who')).rejects.toThrow('Internal server error');
    expect(await socket.call('plain', 1)).toBe(1);
  });
});

describe('SessionSocketsModule', () => {
  failOnUnhandledRejections();
  afterEach(closeSockets);
  afterEach(closeApps);

  it("serves Nest's own socket.io adapter, namespaces, and clients that begin by polling", async () => {
    const running = await startApp('express', {
      controllers: [],
      providers: [CounterGateway, whoGateway({ namespace: 'private' }), whoGateway({ namespace: /^\/room-\d+$/ })],
      imports: [SessionModule.forRoot({ logger: SILENT }), SessionSocketsModule.forRoot()],
    });
    const { headers, token } = await testSessions(running.app).signedIn('ada');
    const ways = [
      { headers },
      { headers, namespace: '/private' },
      { headers, namespace: '/room-7' },
      { offered: token, namespace: '/private', transports: ['polling'] },
      { headers, transports: ['polling', 'websocket'] },
    ];
    for (const way of ways) {
      const socket = await connectSocket('socket.io', running.url, way);
      expect(await socket.call(way.namespace === undefined ? 'who' : 'me')).toBe('ada');
    }
  });

  it('ws: keeps the verifyClient and handleProtocols of the application', async () => {
    const verified: string[] = [];
    const options = {
      verifyClient: ({ req }: { req: { headers: Record<string, string | undefined> } }) => {
        verified.push(req.headers['x-pass'] ?? 'none');
        return req.headers['x-pass'] === 'yes';
      },
      handleProtocols: (protocols: Set<string>) => [...protocols].at(-1) ?? false,
    };
    const { connect, sessions } = await startSocketApp('express', 'ws', {
      gateways: [whoGateway(options)],
    });
    const { token } = await sessions.signedIn('ada');
    await expect(connect({ offered: token })).rejects.toThrow();
    const socket = await connect({ offered: token, headers: { 'X-Pass': 'yes' } });
    expect(await socket.call('me')).toBe('ada');
    expect(socket.protocol).toBe('chat');
    expect(verified).toEqual(['none', 'yes']);
  });

  it("ws: serves Node's own WebSocket and paths", async () => {
    const { sessions, url } = await startSocketApp('express', 'ws', { gateways: [whoGateway({ path: '/live' })] });
    const { token } = await sessions.signedIn('ada');
    // A global from Node 22 on; that of undici is the same.
    const NodeWebSocket = (globalThis as { WebSocket?: typeof WebSocket }).WebSocket;
    const socket =
      NodeWebSocket === undefined
        ? new (await import('ws')).WebSocket(`${url.replace('http', 'ws')}/live`, ['chat', `session-token.${token}`])
        : new NodeWebSocket(`${url.replace('http', 'ws')}/live`, ['chat', `session-token.${token}`]);
    const answer = new Promise((resolve) => {
      socket.onmessage = ({ data }: { data: unknown }) => {
        resolve(JSON.parse(String(data)));
      };
    });
    await new Promise((resolve) => {
      socket.onopen = resolve;
    });
    socket.send(JSON.stringify({ event: 'me', data: { id: 1 } }));
    expect(await answer).toEqual({ id: 1, value: 'ada' });
    socket.close();
  });

  it('refuses at boot what it does not take', async () => {
    for (const options of [{ anonymous: 'maybe' }, { anonymus: 'allow' }, null, 'refuse'] as never[]) {
      expect(() => SessionSocketsModule.forRoot(options)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    }
  });

  it('refuses at boot a WebSocket server that it does not know, and an application without SessionModule', async () => {
    class StrangeAdapter extends WsAdapter {
      override create(): unknown {
        return { on: () => undefined };
      }
    }
    const strange = startSocketApp('express', 'ws', {
      gateways: [CounterGateway],
      adapter: (app) => new StrangeAdapter(app),
    });
    await expect(strange).rejects.toMatchObject({ name: 'SessionConfigError', code: 'UNSUPPORTED_ADAPTER' });
    const alone = startApp('express', {
      controllers: [],
      providers: [whoGateway()],
      imports: [SessionSocketsModule.forRoot()],
    });
    await expect(alone).rejects.toMatchObject({ name: 'SessionConfigError', code: 'INVALID_OPTION' });
  });
});
