import 'reflect-metadata';
import * as source from 'nestjs-token-session';
import { InstalledApp } from './support/app.js';
import { RedisServer, stopServers } from '../support/redis/redis-server.js';
import { itServesSessions } from './support/behaviour.js';

describe('an ES module application on Nest 12', () => {
  let app: InstalledApp;
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await RedisServer.start();
    app = await InstalledApp.install('nest12-esm');
    await Promise.all([
      app.command('typescript', 'tsc', '-p', 'tsconfig.json'),
      app.command('typescript', 'tsc', '-p', 'tsconfig.isolated.json'),
      app.node('compile-swc.mjs', 'es6'),
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

  describe('with the ESM and the CommonJS copy of the package in one process', () => {
    afterEach(() => app.stop());

    it('lets the copy of a plugin save, read and end a session of the other copy', async () => {
      const url = await app.start('both-copies.mjs', 'express');
      const first = await fetch(`${url}/views`);
      const headers = { 'X-Auth-Token': first.headers.get('X-Auth-Token') ?? '' };
      const get = async (path: string): Promise<unknown> => (await fetch(`${url}/${path}`, { headers })).json();

      expect(await get('pluginSave')).toEqual({ token: headers['X-Auth-Token'] });
      expect(await get('pluginRead')).toEqual({ keys: ['views', 'plugin'], plugin: true });
      expect(await get('views')).toEqual({ views: 2 });
      expect(await get('pluginDestroy')).toEqual({});
      expect(await get('views')).toEqual({ views: 1 });
    });

    it('exports from both the names of the source, which lib/index.spec.ts lists', async () => {
      const names = async (type: string, load: string): Promise<unknown> =>
        JSON.parse(
          await app.node(
            `--input-type=${type}`,
            '--eval',
            `${load}.then((all) => console.log(JSON.stringify(Object.keys(all).sort())))`,
          ),
        );
      const esm = await names('module', "import('nestjs-token-session')");
      const cjs = await names('commonjs', "Promise.resolve(require('nestjs-token-session'))");
      expect(esm).toEqual(Object.keys(source).sort());
      expect(cjs).toEqual(esm);
    });
  });
});
