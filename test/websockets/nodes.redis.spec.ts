import { RedisStore } from 'nestjs-token-session/redis';
import { createClient } from 'redis';
import { closeApps } from '../support/app.js';
import { call } from '../support/client.js';
import { RedisServer } from '../support/redis/redis-server.js';
import { closeSockets, SOCKETS } from './support/clients.js';
import { CounterGateway } from './support/counter.gateway.js';
import { startSocketApp, type SocketApp } from './support/socket-app.js';

describe.each(SOCKETS)('sockets on two nodes with one Redis, on %s', (kind) => {
  let server: RedisServer;
  const clients: { close(): Promise<void> }[] = [];

  beforeAll(async () => {
    server = await RedisServer.start();
  });

  afterEach(async () => {
    closeSockets();
    await closeApps();
    await Promise.all(clients.splice(0).map((client) => client.close()));
  });

  afterAll(() => server.stop());

  async function startNode(): Promise<SocketApp> {
    const client = createClient({ url: server.url });
    await client.connect();
    clients.push(client);
    return startSocketApp('express', kind, {
      gateways: [CounterGateway],
      session: { store: new RedisStore({ client }) },
    });
  }

  it('ASVS 7.4.1: a logout on one closes the sockets on the other, and what they change is one session', async () => {
    const [one, other] = [await startNode(), await startNode()];
    const ada = await one.sessions.signedIn('ada');
    const here = await one.connect({ headers: ada.headers });
    const there = await other.connect({ headers: ada.headers });
    await Promise.all([here, there].flatMap((socket) => [socket.call('update'), socket.call('update')]));
    expect(await there.call('read')).toBe(4);
    await call(one.url, '/session', { token: ada.token, method: 'DELETE' });
    expect(await Promise.all([here.closed, there.closed])).toEqual(['SESSION_ENDED', 'SESSION_ENDED']);
  });
});
