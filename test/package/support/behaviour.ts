import type { InstalledApp } from './app.js';

const token = 'X-Auth-Token';

/** What an installed application has to do, whatever compiled it. */
export function itServesSessions(app: () => InstalledApp, main: string, adapter: string, redis?: () => string): void {
  describe(`${main} on ${adapter}${redis ? ', with Redis' : ''}`, () => {
    let url: string;

    beforeAll(async () => {
      url = await app().start(main, adapter, redis && { REDIS_URL: redis() });
    });

    afterAll(async () => {
      expect(await app().stop()).toEqual([0]);
    });

    const get = (path: string, held?: string): Promise<Response> =>
      fetch(url + path, { headers: held ? { [token]: held } : {} });

    const post = (path: string, body: unknown, held?: string): Promise<Response> =>
      fetch(url + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(held ? { [token]: held } : {}) },
        body: JSON.stringify(body),
      });

    it('counts in the session that the token names', async () => {
      const first = await get('/views');
      expect([first.status, await first.json()]).toEqual([200, { views: 1 }]);
      const held = first.headers.get(token) ?? '';
      expect(held).toMatch(/^[\w-]{43}$/);

      const second = await get('/views', held);
      expect([second.status, await second.json()]).toEqual([200, { views: 2 }]);
      expect(second.headers.get(token)).toBeNull();
    });

    it('gives one value of the session, through a pipe', async () => {
      const before = await get('/theme');
      expect([before.status, await before.json()]).toEqual([200, { theme: 'light' }]);
      expect(before.headers.get(token)).toBeNull();

      const chosen = await post('/theme', { theme: 'dark' });
      expect(chosen.status).toBe(201);
      const after = await get('/theme', chosen.headers.get(token) ?? '');
      expect(await after.json()).toEqual({ theme: 'dark' });
    });

    it('stands beside a ValidationPipe that validates and transforms custom decorators', async () => {
      const refused = await post('/theme', { theme: 42 });
      expect(refused.status).toBe(400);
      expect(refused.headers.get(token)).toBeNull();
    });

    it('injects SessionService, which tells about a session and ends it', async () => {
      const held = (await get('/views')).headers.get(token) ?? '';
      const info = await get('/info', held);
      expect(await info.json()).toEqual({ sameToken: true, id: expect.any(String) });

      expect((await post('/logout', {}, held)).status).toBe(201);
      expect(await (await get('/views', held)).json()).toEqual({ views: 1 });
    });
  });
}
