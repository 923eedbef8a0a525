import { MemoryStore, SESSION_STORE, SessionModule, SessionService } from 'nestjs-token-session';
import { Test } from '@nestjs/testing';
import { FaultyStore, TestClock, testSessions } from 'nestjs-token-session/testing';
import { SILENT } from '../support/app.js';
import { CLIENTS, closeShops, openShop } from './shop.js';

const MINUTE = 60_000;

afterEach(closeShops);

describe.each(CLIENTS)('an application on a FaultyStore, by %s', (_name, platform, send) => {
  it('law 9: a store that is away is 503, and nobody is signed out', async () => {
    const store = new FaultyStore();
    const app = await openShop(platform, { store });
    const ada = await testSessions(app).signedIn('ada');
    store.fail();
    const answer = await send(app, 'GET', '/me', ada.headers);
    expect(answer).toMatchObject({ status: 503, body: { code: 'STORE_UNAVAILABLE' } });
    expect(answer.headers).not.toHaveProperty('x-auth-token');
    // Without a token nothing is asked of the store.
    expect((await send(app, 'GET', '/cart')).status).toBe(200);
    store.recover();
    expect((await send(app, 'GET', '/me', ada.headers)).status).toBe(200);
  });

  it('law 9: a store that hangs is 503 after storeTimeout', async () => {
    const store = new FaultyStore();
    const app = await openShop(platform, { store, storeTimeout: 20 });
    const ada = await testSessions(app).signedIn('ada');
    store.hang('load', { once: true });
    expect((await send(app, 'GET', '/me', ada.headers)).status).toBe(503);
    expect((await send(app, 'GET', '/me', ada.headers)).status).toBe(200);
  });

  it('law 4: what was not stored is not acknowledged; no token for a session that was not stored', async () => {
    const store = new FaultyStore();
    const app = await openShop(platform, { store });
    store.fail('create', { once: true });
    const answer = await send(app, 'POST', '/cart', {}, { item: 'tea' });
    expect(answer.status).toBe(503);
    expect(answer.headers).not.toHaveProperty('x-auth-token');
    store.loseReply('create', { once: true });
    const unknown = await send(app, 'POST', '/cart', {}, { item: 'tea' });
    expect(unknown).toMatchObject({ status: 503, body: { code: 'OUTCOME_UNKNOWN' } });
    expect(unknown.headers).not.toHaveProperty('x-auth-token');
  });

  it('law 5, R62: two requests that change different keys at the same time', async () => {
    const store = new FaultyStore();
    const app = await openShop(platform, { store });
    const sessions = testSessions(app);
    const { headers, id } = await sessions.anonymous();
    const held = store.hold('update');
    const slow = send(app, 'POST', '/theme', headers, { theme: 'dark' });
    await held.arrived;
    await send(app, 'POST', '/cart', headers, { item: 'tea' });
    held.release();
    expect((await slow).status).toBe(201);
    expect((await sessions.stored(id))?.data).toEqual({ theme: 'dark', cart: ['tea'] });
  });

  it('law 6, R58: a slow request across a logout brings nothing back', async () => {
    const store = new FaultyStore();
    const app = await openShop(platform, { store });
    const sessions = testSessions(app);
    const ada = await sessions.signedIn('ada');
    const held = store.hold('update');
    const slow = send(app, 'POST', '/cart', ada.headers, { item: 'tea' });
    await held.arrived;
    expect((await send(app, 'POST', '/logout', ada.headers)).status).toBe(201);
    held.release();
    expect(await slow).toMatchObject({ status: 401, body: { code: 'SESSION_ENDED' } });
    expect(await sessions.stored(ada)).toBeUndefined();
  });

  it('F77: a failed logout is reported', async () => {
    const store = new FaultyStore();
    const app = await openShop(platform, { store });
    const ada = await testSessions(app).signedIn('ada');
    store.fail('destroy', { once: true });
    expect((await send(app, 'POST', '/logout', ada.headers)).status).toBe(503);
  });

  it('law 3: what a request costs is seen in calls', async () => {
    const store = new FaultyStore();
    const app = await openShop(platform, { store });
    const ada = await testSessions(app).signedIn('ada');
    store.calls.length = 0;
    await send(app, 'GET', '/cart');
    expect(store.calls).toEqual([]);
    await send(app, 'GET', '/me', ada.headers);
    await send(app, 'POST', '/cart', ada.headers, { item: 'tea' });
    expect(store.calls).toEqual(['load', 'load', 'update']);
  });

  it('law 8: a clock that the test moves ends sessions', async () => {
    const clock = new TestClock();
    const app = await openShop(platform, { clock: clock.now, idleTimeout: '30m', store: new FaultyStore() });
    const ada = await testSessions(app).signedIn('ada');
    clock.advance(30 * MINUTE - 1);
    expect((await send(app, 'GET', '/me', ada.headers)).status).toBe(200);
    clock.advance(30 * MINUTE);
    expect((await send(app, 'GET', '/me', ada.headers)).status).toBe(401);
  });
});

describe('overrideProvider(SESSION_STORE)', () => {
  it('takes a FaultyStore in place of the store of the application', async () => {
    const store = new FaultyStore();
    const testing = await Test.createTestingModule({
      imports: [SessionModule.forRoot(new MemoryStore(), { logger: SILENT })],
    })
      .overrideProvider(SESSION_STORE)
      .useValue(store)
      .compile();
    await testing.init();
    store.fail('count');
    await expect(testing.get(SessionService).count()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await testSessions(testing).signedIn('ada');
    expect(store.calls).toContain('users.add');
    await testing.close();
  });
});
