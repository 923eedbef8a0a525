import { InstalledApp } from './support/app.js';
import { itServesSessions } from './support/behaviour.js';

describe('an application on the oldest Nest that the peer range admits', () => {
  let app: InstalledApp;

  beforeAll(async () => {
    app = await InstalledApp.install('nest11-commonjs', '11.1.16');
    await app.node('compile-swc.mjs', 'commonjs');
  });

  afterAll(() => app.remove());

  for (const adapter of ['express', 'fastify']) {
    itServesSessions(() => app, 'dist-swc/main.js', adapter);
  }

  it('serves sockets, health checks and several sessions, and is traced', async () => {
    expect(await app.node('dist-swc/ecosystem.js')).toContain('the ecosystem works');
  });
});
