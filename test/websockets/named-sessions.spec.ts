import { MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  getSessionServiceToken,
  header,
  RequireLogin,
  Session,
  SessionModule,
  SessionService,
  UserId,
} from 'nestjs-token-session';
import { SessionSocketsModule, SocketSessions } from 'nestjs-token-session/websockets';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { closeSockets, connectSocket, SOCKETS } from './support/clients.js';
import type { Call } from './support/counter.gateway.js';

@WebSocketGateway()
class BothGateway {
  constructor(private readonly sockets: SocketSessions) {}

  @SubscribeMessage('who')
  who(@UserId() shop: string, @UserId({ name: 'admin' }) admin: string, @MessageBody() { id }: Call) {
    return { id, value: [shop, admin] };
  }

  @SubscribeMessage('both')
  both(
    @Session() shop: Session<{ n: number }>,
    @Session({ name: 'admin' }) admin: Session<{ n: number }>,
    @MessageBody() { id }: Call,
  ) {
    shop.n = (shop.n ?? 0) + 1;
    admin.n = (admin.n ?? 10) + 1;
    return { id, value: [shop.n, admin.n] };
  }

  @SubscribeMessage('admins')
  @RequireLogin({ name: 'admin' })
  admins(@MessageBody() { id }: Call) {
    return { id, value: 'admins' };
  }
}

describe.each(SOCKETS)('several session layers in a gateway on %s', (kind) => {
  failOnUnhandledRejections();
  afterEach(closeSockets);
  afterEach(closeApps);

  it('each has its own session, its commit and its guard; the end of either closes the socket', async () => {
    const running = await startApp('express', {
      controllers: [],
      providers: [BothGateway],
      imports: [
        SessionModule.forRoot({ name: 'admin', transport: header('X-Admin-Token'), logger: SILENT }),
        SessionModule.forRoot({ logger: SILENT }),
        SessionSocketsModule.forRoot(),
      ],
      prepare: (app) => app.useWebSocketAdapter(kind === 'ws' ? new WsAdapter(app) : new IoAdapter(app)),
    });
    const { testSessions } = await import('nestjs-token-session/testing');
    const shop = await testSessions(running.app).signedIn('ada');
    const admins: SessionService = running.app.get(getSessionServiceToken('admin'), { strict: false });
    const admin = await testSessions(running.app, { name: 'admin' }).signedIn('root');
    const socket = await connectSocket(kind, running.url, { headers: { ...shop.headers, ...admin.headers } });
    expect(await socket.call('who')).toEqual(['ada', 'root']);
    expect(await socket.call('both')).toEqual([1, 11]);
    expect(await socket.call('both')).toEqual([2, 12]);
    expect(await socket.call('admins')).toBe('admins');
    const customer = await connectSocket(kind, running.url, { offered: shop.token });
    await expect(customer.call('admins')).rejects.toMatchObject({ payload: { code: 'LOGIN_REQUIRED' } });
    await admins.destroyAll('root');
    expect(await socket.closed).toBe('SESSION_ENDED');
    expect(await customer.call('who')).toEqual(['ada', null]);
  });
});
