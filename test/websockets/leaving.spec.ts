import { once } from 'node:events';
import { jest } from '@jest/globals';
import { UseInterceptors, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { SubscribeMessage, WebSocketGateway, WebSocketServer } from '@nestjs/websockets';
import { SessionService } from 'nestjs-token-session';
import { Observable } from 'rxjs';
import { io, type Socket } from 'socket.io-client';
import { WebSocket } from 'ws';
import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore } from '../support/stores.js';
import { closeSockets, SOCKETS } from './support/clients.js';
import { CounterGateway } from './support/counter.gateway.js';
import { HeldGateway } from './support/held.gateway.js';
import { startSocketApp } from './support/socket-app.js';

class PassingInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle();
  }
}

/** Streams that never say a thing. */
@WebSocketGateway()
class SilentGateway {
  readonly followed = new Barrier();
  readonly unfollowed = new Barrier();
  readonly left = new Barrier();
  private readonly silence = new Observable<never>(() => {
    void this.followed.pass();
    return () => void this.unfollowed.pass();
  });

  handleDisconnect(): void {
    void this.left.pass();
  }

  @SubscribeMessage('follow')
  follow(): Observable<never> {
    return this.silence;
  }

  @SubscribeMessage('follow-intercepted')
  @UseInterceptors(PassingInterceptor)
  followIntercepted(): Observable<never> {
    return this.silence;
  }
}

describe.each(SOCKETS)('a client that leaves, on %s', (kind) => {
  failOnUnhandledRejections();
  afterEach(() => {
    jest.restoreAllMocks();
  });
  afterEach(closeSockets);
  afterEach(closeApps);

  it.each(['hold', 'hold-intercepted'])(
    'L85: what a handler changes that still runs is stored when it ends: %s',
    async (event) => {
      const store = new ProbedStore();
      const { connect, sessions, get } = await startSocketApp('express', kind, {
        gateways: [HeldGateway],
        session: { store },
      });
      const stored = await sessions.anonymous();
      const socket = await connect({ headers: stored.headers });
      const { before } = get(HeldGateway);
      socket.send(event, { id: 0, value: { late: true } });
      await before.arrived;
      socket.close();
      await socket.closed;
      const storing = new Barrier();
      store.before = (operation) => (operation === 'update' ? storing.pass() : undefined);
      before.open();
      await storing.arrived;
      storing.open();
      // In turn after the update, which was called before.
      await get(SessionService).load(stored.token);
      expect((await sessions.stored(stored))?.data).toMatchObject({ late: true });
    },
  );

  it.each(['follow', 'follow-intercepted'])(
    'a stream that never said a thing is left behind for 30 s: %s',
    async (event) => {
      const later: (() => void)[] = [];
      const { setTimeout: begin } = globalThis;
      jest.spyOn(globalThis, 'setTimeout').mockImplementation((act: () => void, ms?: number) => {
        if (ms === 30_000 && new Error().stack?.includes('committed-handlers') === true) later.push(act);
        return begin(act, ms);
      });
      const { connect, sessions, get } = await startSocketApp('express', kind, { gateways: [SilentGateway] });
      const socket = await connect({ headers: (await sessions.anonymous()).headers });
      const { followed, unfollowed, left } = get(SilentGateway);
      socket.send(event, { id: 0 });
      await followed.arrived;
      socket.close();
      await left.arrived;
      expect(later).toHaveLength(1);
      later[0]?.();
      await unfollowed.arrived;
    },
  );
});

describe('a client that leaves, on ws', () => {
  failOnUnhandledRejections();
  afterEach(closeSockets);
  afterEach(closeApps);

  // socket.io drops such messages itself.
  it('a message that was sent just before is served', async () => {
    const { connect, sessions, get } = await startSocketApp('express', 'ws', { gateways: [HeldGateway] });
    const socket = await connect({ headers: (await sessions.anonymous()).headers });
    const { before } = get(HeldGateway);
    socket.send('hold', { id: 0, value: {} });
    socket.close();
    await before.arrived;
    before.open();
  });
});

describe('a client that does not leave, on ws', () => {
  afterEach(closeApps);

  it('law 6: when its session has ended it may send on, and that costs the store nothing', async () => {
    const store = new ProbedStore();
    const { sessions, url, get } = await startSocketApp('express', 'ws', {
      gateways: [HeldGateway],
      session: { store },
    });
    const { token, headers } = await sessions.signedIn('ada');
    const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers });
    await once(socket, 'open');
    // It does not see the close.
    socket.pause();
    await call(url, '/session', { token, method: 'DELETE' });
    store.calls.length = 0;
    const sent = Array.from({ length: 50 }, (_, id) => JSON.stringify({ event: 'count', data: { id } }));
    await Promise.all(sent.map((text) => new Promise((resolve) => socket.send(text, resolve))));
    // It reads what came before, and the close of its own.
    socket.close();
    const closed = once(socket, 'close');
    socket.resume();
    await closed;
    expect(store.calls).toEqual([]);
    expect(get(HeldGateway).served).toBe(0);
  });
});

describe('a connection that socket.io recovers', () => {
  failOnUnhandledRejections();
  afterEach(closeApps);

  @WebSocketGateway({ connectionStateRecovery: {} })
  class RecoveringGateway extends CounterGateway {
    readonly left = new Barrier();
    @WebSocketServer() server!: { emit(event: string, value: string): void };

    handleDisconnect(): void {
      void this.left.pass();
    }
  }

  const open: Socket[] = [];
  afterEach(() => {
    for (const socket of open.splice(0)) socket.disconnect();
  });

  const next = (socket: Socket, event: string): Promise<unknown> =>
    new Promise((resolve) => {
      socket.once(event, resolve);
    });

  async function start() {
    const app = await startSocketApp('express', 'socket.io', { gateways: [RecoveringGateway] });
    const stored = await app.sessions.signedIn('ada');
    const socket = io(app.url, {
      extraHeaders: stored.headers,
      transports: ['websocket'],
      forceNew: true,
      reconnectionDelay: 10,
    });
    open.push(socket);
    await next(socket, 'connect');
    // An event from the server, or there would be nothing to recover.
    socket.emit('stream', { id: 1 });
    await next(socket, 'second');
    return { ...app, stored, socket };
  }

  it('has its session, although socket.io asks nobody', async () => {
    const { socket } = await start();
    socket.io.engine.close();
    await next(socket, 'connect');
    expect(socket.recovered).toBe(true);
    expect(await socket.emitWithAck('who', { id: 2 })).toEqual({ id: 2, value: 'ada' });
  });

  it('law 6: begins anew when the session has ended meanwhile: what was said in its rooms is not for strangers', async () => {
    const { socket, url, stored, get } = await start();
    const heard: string[] = [];
    socket.onAny((event: string) => heard.push(event));
    socket.io.reconnection(false);
    socket.io.engine.close();
    await get(RecoveringGateway).left.arrived;
    await call(url, '/session', { token: stored.token, method: 'DELETE' });
    get(RecoveringGateway).server.emit('secret', 'after the logout');
    socket.connect();
    await next(socket, 'connect');
    expect(socket.recovered).toBe(false);
    expect(await socket.emitWithAck('who', { id: 2 })).toEqual({ id: 2, value: null });
    expect(heard).toEqual([]);
  });
});
