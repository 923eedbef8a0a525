import { PostgresStore } from 'nestjs-token-session/postgres';
import { closeApps } from '../support/app.js';
import { call } from '../support/client.js';
import { endPools, poolOf } from '../support/postgres/pools.js';
import { migrate } from '../support/postgres/postgres-app.js';
import { PostgresServer, stopServers, type Address } from '../support/postgres/postgres-server.js';
import { until } from '../support/redis/until.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { closeSockets, SOCKETS } from './support/clients.js';
import { CounterGateway } from './support/counter.gateway.js';
import { startSocketApp, type SocketApp } from './support/socket-app.js';

describe.each(SOCKETS)('sockets on two nodes with one PostgreSQL, on %s', (kind) => {
  let server: PostgresServer;
  let database: Address;

  failOnUnhandledRejections();
  beforeAll(async () => {
    server = await PostgresServer.start();
  });
  beforeEach(async () => {
    database = await server.createDatabase();
    await migrate(database);
  });
  afterEach(async () => {
    closeSockets();
    await closeApps();
    await endPools();
  });
  afterAll(stopServers);

  function startNode(): Promise<SocketApp> {
    return startSocketApp('express', kind, {
      gateways: [CounterGateway],
      session: { store: new PostgresStore({ pool: poolOf(database) }) },
    });
  }

  /** How many connections wait for notifications. */
  async function listening(): Promise<number | undefined> {
    const [row] = await server.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM pg_stat_activity WHERE datname = '${database.database}' AND query LIKE 'LISTEN%'`,
    );
    return row?.count;
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

  it('L93: closing the application leaves no connection that listens', async () => {
    const node = await startNode();
    const { headers } = await node.sessions.signedIn('ada');
    const socket = await node.connect({ headers });
    await until('the store listens', async () => (await listening()) === 1);
    await node.close();
    await socket.closed;
    await until('it listens no more', async () => (await listening()) === 0);
  });
});
