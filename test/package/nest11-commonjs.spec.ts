import { InstalledApp } from './support/app.js';
import { RedisServer, stopServers } from '../support/redis/redis-server.js';
import { itServesSessions } from './support/behaviour.js';

describe('a CommonJS application on Nest 11', () => {
  let app: InstalledApp;
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await RedisServer.start();
    app = await InstalledApp.install('nest11-commonjs');
    await Promise.all([
      app.command('typescript', 'tsc', '-p', 'tsconfig.json'),
      app.command('typescript', 'tsc', '-p', 'tsconfig.isolated.json'),
      app.node('compile-swc.mjs', 'commonjs'),
    ]);
  });

  afterAll(async () => {
    await app.remove();
    await stopServers();
  });

  for (const compiled of ['dist-tsc', 'dist-isolated', 'dist-swc']) {
    for (const adapter of ['express', 'fastify']) {
      itServesSessions(() => app, `${compiled}/main.js`, adapter);
    }
  }
  itServesSessions(
    () => app,
    'dist-tsc/main.js',
    'fastify',
    () => redis.url,
  );

  it('is tested by Jest as Nest sets it up', async () => {
    const report = await app.command('jest', 'jest', '--ci', '--json', '--silent');
    expect(JSON.parse(report)).toMatchObject({ success: true, numPassedTests: 2 });
  });

  it.each(['dist-tsc', 'dist-swc'])(
    'has every entry point, with the drivers of an application: %s',
    async (compiled) => {
      expect(await app.node(`${compiled}/entry-points.js`)).toContain('every entry point works');
    },
  );

  it.each(['dist-tsc', 'dist-swc'])(
    'serves sockets, health checks and several sessions, and is traced: %s',
    async (compiled) => {
      expect(await app.node(`${compiled}/ecosystem.js`)).toContain('the ecosystem works');
    },
  );

  it('finds no fault in our declarations', async () => {
    expect(await app.declarationFaults('tsconfig.isolated.json')).toEqual([]);
  });
});
