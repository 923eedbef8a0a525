import { All, Controller, Req } from '@nestjs/common';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { CounterController } from '../support/counter.controller.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

@Controller()
class HasSessionController {
  @All('*')
  any(@Req() request: { session?: object }): { session: boolean } {
    return { session: request.session !== undefined };
  }
}

describe.each(PLATFORMS)('exclude on %s', (platform) => {
  afterEach(closeApps);

  const start = (exclude: string[], store = new ProbedStore()): Promise<RunningApp> =>
    startApp(platform, { controllers: [CounterController, HasSessionController], session: { exclude, store } });
  const hasSession = async (app: RunningApp, path: string): Promise<boolean> =>
    ((await call(app.url, path)).json() as { session: boolean }).session;

  it.each(['/foo', '/foo/', '/foo/bar', '/foo?x=1', '/%66oo', '//foo', '/foo//bar', '/./foo'])(
    'P31: %s is below /foo',
    async (path) => {
      expect(await hasSession(await start(['/foo']), path)).toBe(false);
    },
  );

  it.each([
    '/foobar',
    '/fo',
    '/Foo',
    '/bar/foo',
    '/bar?/foo',
    '/foo%2Fbar',
    '/foo%2fbar',
    '/%2Ffoo',
    '/foo%5Cbar',
    '/foo/../bar',
    '/bar/../foo',
    '/bar/%2e%2e/foo',
    '/foo/%2e%2e/bar',
    '/foo%00',
    '/foo;x=1',
  ])('P31: %s is not below /foo: in doubt there is a session', async (path) => {
    expect(await hasSession(await start(['/foo']), path)).toBe(true);
  });

  it('a prefix of several segments is matched as a whole', async () => {
    const app = await start(['/api/public', '/health/']);
    for (const path of ['/api/public', '/api/public/x', '/health', '/health/db']) {
      expect([path, await hasSession(app, path)]).toEqual([path, false]);
    }
    for (const path of ['/api', '/api/publicity', '/public', '/healthy']) {
      expect([path, await hasSession(app, path)]).toEqual([path, true]);
    }
  });

  it('an excluded path costs no store call, even with a token', async () => {
    const store = new ProbedStore();
    const app = await start(['/plain'], store);
    const { token } = await call(app.url, '/views', { method: 'POST' });
    store.calls.length = 0;

    const answer = await call(app.url, '/plain', { token });

    expect([answer.status, answer.text]).toEqual([200, 'plain']);
    expect([store.calls, answer.headers['vary']]).toEqual([[], undefined]);
  });

  it('a handler that wants the session of an excluded path gets a 500 that stores nothing', async () => {
    const store = new ProbedStore();
    const app = await start(['/views'], store);
    expect((await call(app.url, '/views', { method: 'POST' })).status).toBe(500);
    expect(store.calls).toEqual([]);
  });

  it('a global prefix is part of the path', async () => {
    const app = await startApp(platform, {
      controllers: [HasSessionController],
      session: { exclude: ['/api/health'] },
      prepare: (nest) => nest.setGlobalPrefix('api'),
    });
    expect(await hasSession(app, '/api/health')).toBe(false);
    expect(await hasSession(app, '/api/users')).toBe(true);
  });

  it.each([
    ['a string', '/health'],
    ['no leading slash', ['health']],
    ['an expression', [/health/]],
    ['empty', ['']],
  ])('a wrong list fails at boot, by name: %s', async (_title, exclude) => {
    await expect(startApp(platform, { controllers: [], session: { exclude: exclude as never } })).rejects.toMatchObject(
      { code: 'INVALID_OPTION', message: expect.stringContaining('exclude') },
    );
  });
});
