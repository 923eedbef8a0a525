import { jest } from '@jest/globals';
import * as crypto from 'node:crypto';

/** What the random source gives next; undefined: what it really gives. */
let random: (() => Buffer) | undefined;
jest.unstable_mockModule('node:crypto', () => ({
  ...crypto,
  randomBytes: (size: number) => random?.() ?? crypto.randomBytes(size),
}));
const { MemoryStore, SessionService } = await import('nestjs-token-session');
const { createToken } = await import('../../lib/session-token.js');
const { closeApps, startApp } = await import('../support/app.js');
const { CARRIERS } = await import('../support/carriers.js');
const { call } = await import('../support/client.js');
const { CounterController } = await import('../support/counter.controller.js');
const { PLATFORMS } = await import('../support/platforms.js');
const { SimpleMapStore, ProbedStore } = await import('../support/stores.js');

describe.each(PLATFORMS)('the random source of tokens, on %s (ASVS 7.2.3)', (platform) => {
  afterEach(async () => {
    random = undefined;
    jest.restoreAllMocks();
    await closeApps();
  });

  it('Math.random has no part in it', async () => {
    const app = await startApp(platform, { controllers: [CounterController] });
    jest.spyOn(Math, 'random').mockReturnValue(0.25);
    const tokens = new Set<string | undefined>();
    for (let count = 0; count < 20; count++) tokens.add((await call(app.url, '/views', { method: 'POST' })).token);
    expect(tokens.size).toBe(20);
  });

  it.each(CARRIERS.map((carrier) => [carrier.name, carrier] as const))(
    'law 2: if it fails, the request fails: no session, no token: %s',
    async (_name, { transport, send, received }) => {
      const app = await startApp(platform, { controllers: [CounterController], session: { transport: transport() } });
      const token = received(await call(app.url, '/views', { method: 'POST' })) as string;
      random = () => {
        throw new Error('no entropy');
      };

      const begun = await call(app.url, '/views', { method: 'POST' });
      const renewed = await call(app.url, '/renew', { method: 'POST', headers: send(token) });

      expect([begun.status, received(begun)]).toEqual([500, undefined]);
      expect([renewed.status, received(renewed)]).toEqual([500, undefined]);
      expect(await app.get(SessionService).count()).toBe(1);
      // What needs no new token goes on, and so does the session that could not be renewed.
      expect((await call(app.url, '/views', { headers: send(token) })).json()).toEqual({ views: 1 });
    },
  );

  it.each([
    ['memory store', () => new MemoryStore()],
    ['simple store', () => new SimpleMapStore()],
  ] as const)('a forced duplicate id is tried again, and the first session untouched: %s', async (_name, store) => {
    const app = await startApp(platform, { controllers: [CounterController], session: { store: store() } });
    const same = crypto.randomBytes(32);
    random = () => same;
    const first = await call(app.url, '/views', { method: 'POST' });
    expect(first.token).toBe(same.toString('base64url'));

    let calls = 0;
    random = () => (calls++ === 0 ? same : crypto.randomBytes(32));
    const second = await call(app.url, '/views', { method: 'POST' });

    expect(second.status).toBe(201);
    expect(second.token).toMatch(/^[\w-]{43}$/);
    expect(second.token).not.toBe(first.token);
    expect(calls).toBe(2);
    await call(app.url, '/views', { method: 'POST', token: second.token });
    expect((await call(app.url, '/views', { token: first.token })).json()).toEqual({ views: 1 });
  });

  it('a random source that always gives the same is a 503 in a bounded number of tries', async () => {
    const store = new ProbedStore();
    const app = await startApp(platform, { controllers: [CounterController], session: { store } });
    const same = crypto.randomBytes(32);
    random = () => same;
    const first = await call(app.url, '/views', { method: 'POST' });
    store.calls.length = 0;

    const second = await call(app.url, '/views', { method: 'POST' });

    expect([second.status, second.token]).toEqual([503, undefined]);
    expect(second.json()).toMatchObject({ code: 'SESSION_CONFLICT' });
    expect(store.calls.filter((operation) => operation === 'create').length).toBeLessThan(10);
    expect((await call(app.url, '/views', { token: first.token })).json()).toEqual({ views: 1 });
  });
});

it('law 2: that the random source failed is said by a code of its own, with what the system said as the cause', () => {
  const cause = new Error('no entropy');
  random = () => {
    throw cause;
  };
  expect(createToken).toThrow(
    expect.objectContaining({
      name: 'SessionUsageError',
      code: 'RANDOM_UNAVAILABLE',
      message: expect.stringContaining('random source'),
      cause,
    }) as Error,
  );
  random = undefined;
});
