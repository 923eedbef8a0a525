import { RedisStore } from 'nestjs-token-session/redis';
import { closeApps } from '../support/app.js';
import { closeClients } from '../support/redis/clients.js';
import { PLACES } from '../support/redis/redis-app.js';
import { RedisServer, stopServers } from '../support/redis/redis-server.js';
import { until } from '../support/redis/until.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { HealthApp, statusOf, type Health } from './support/health-app.js';

failOnUnhandledRejections();
afterEach(async () => {
  await closeApps();
  await closeClients();
});
afterAll(stopServers);

const hasStatus = (status: string) => (health: Health) => health.sessions['status'] === status && health;

describe.each(PLACES)('the health check of sessions in Redis, $name on $platform', ({ platform, connect }) => {
  it.each([false, true])('F67, F68: follows the server; with a near cache: %s', async (nearCache) => {
    const server = await RedisServer.start();
    const { client } = await connect(server.url);
    const app = await HealthApp.start(platform, { store: new RedisStore({ client, nearCache }), storeTimeout: 400 });
    expect(statusOf(await app.ready())).toEqual([200, { status: 'up' }]);
    expect(await server.cli('DBSIZE')).toBe('0');

    server.pause();
    expect(statusOf(await app.ready({ timeout: 50 }))).toEqual([
      503,
      { status: 'down', code: 'STORE_UNAVAILABLE', message: 'The session store gave no answer within 50 ms.' },
    ]);
    server.resume();
    await until('up after the pause', async () => hasStatus('up')(await app.ready()));

    await server.kill();
    const down = await until('down', async () => hasStatus('down')(await app.ready()));
    expect(down).toMatchObject({ httpStatus: 503, sessions: { code: 'STORE_UNAVAILABLE' } });
    expect((await app.ask('ready')).text).not.toContain(String(server.port));
    expect((await app.ask('live')).status).toBe(200);

    await server.restart();
    await until('up after the restart', async () => hasStatus('up')(await app.ready()));
  });
});
