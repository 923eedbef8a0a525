import { Controller, Get, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import connect from 'connect';
import { MemoryStore, session, type SessionOptions } from 'nestjs-token-session';
import { TestClock, testSessions } from 'nestjs-token-session/testing';
import { createServer } from 'node:http';
import request from 'supertest';
import { CLIENTS, closeShops, openShop } from './shop.js';

const MINUTE = 60_000;

afterEach(closeShops);

describe.each(CLIENTS)('sessions of a test, by %s', (_name, platform, send) => {
  it('a signed-in session with data, level and label', async () => {
    const app = await openShop(platform);
    const sessions = testSessions(app);
    const ada = await sessions.signedIn('ada', { data: { cart: ['tea'] }, level: 2, label: 'phone' });
    expect((await send(app, 'GET', '/me', ada.headers)).body).toEqual({ user: 'ada' });
    expect((await send(app, 'GET', '/cart', ada.headers)).body).toEqual(['tea']);
    expect((await send(app, 'GET', '/vault', ada.headers)).status).toBe(200);
    expect(await sessions.stored(ada)).toMatchObject({
      userId: 'ada',
      level: 2,
      label: 'phone',
      data: { cart: ['tea'] },
    });
    const weak = await sessions.signedIn('ada');
    expect((await send(app, 'GET', '/vault', weak.headers)).status).toBe(401);
  });

  it('an anonymous session', async () => {
    const app = await openShop(platform);
    const sessions = testSessions(app);
    const guest = await sessions.anonymous({ cart: ['tea'] });
    expect((await send(app, 'POST', '/cart', guest.headers, { item: 'milk' })).body).toEqual(['tea', 'milk']);
    expect((await send(app, 'GET', '/me', guest.headers)).status).toBe(401);
    const empty = await sessions.anonymous();
    expect((await send(app, 'GET', '/cart', empty.headers)).body).toEqual([]);
    expect(await sessions.stored(empty)).toMatchObject({ data: {}, userId: undefined });
  });

  it('what is stored: by id, token, headers; undefined once it has ended', async () => {
    const clock = new TestClock();
    const app = await openShop(platform, { clock: clock.now });
    const sessions = testSessions(app);
    const ada = await sessions.signedIn('ada', { data: { theme: 'dark' }, idleTimeout: 10 * MINUTE });
    const startedAt = clock.now();
    clock.advance(5 * MINUTE);
    await send(app, 'POST', '/theme', ada.headers, { theme: 'light' });
    const stored = {
      id: ada.id,
      data: { theme: 'light' },
      userId: 'ada',
      startedAt,
      usedAt: clock.now(),
      idleExpiresAt: clock.now() + 10 * MINUTE,
      authenticatedAt: startedAt,
    };
    for (const which of [ada, ada.id, ada.token, ada.headers])
      expect(await sessions.stored(which)).toMatchObject(stored);
    clock.advance(10 * MINUTE);
    for (const which of [ada, ada.id, ada.token, ada.headers, 'nonsense', {}, { 'X-Auth-Token': 'nonsense' }]) {
      expect(await sessions.stored(which)).toBeUndefined();
    }
  });

  it('law 7: the session of an answer goes on; a replaced and a destroyed one are not stored', async () => {
    const app = await openShop(platform);
    const sessions = testSessions(app);
    const first = await send(app, 'POST', '/cart', {}, { item: 'tea' });
    const guest = sessions.of(first);
    expect(sessions.cleared(first)).toBe(false);
    const login = await send(app, 'POST', '/login', guest?.headers, { user: 'ada' });
    const ada = sessions.of(login);
    expect(ada?.token).not.toBe(guest?.token);
    expect(await sessions.stored(guest ?? '')).toBeUndefined();
    const me = await send(app, 'GET', '/me', ada?.headers);
    expect(me.body).toEqual({ user: 'ada' });
    expect([sessions.of(me), sessions.cleared(me)]).toEqual([undefined, false]);
    const logout = await send(app, 'POST', '/logout', ada?.headers);
    expect([sessions.of(logout), sessions.cleared(logout)]).toEqual([undefined, true]);
    expect(await sessions.stored(ada ?? '')).toBeUndefined();
  });

  it('ASVS 7.1.2: rules of the application hold for them: maxPerUser, limits, data', async () => {
    const userIdOf: SessionOptions['userIdOf'] = ({ user }) => user as string | undefined;
    const app = await openShop(platform, { maxPerUser: 1, onMaxPerUser: 'reject', maxBytes: 100, userIdOf });
    const sessions = testSessions(app);
    await sessions.signedIn('ada');
    await expect(sessions.signedIn('ada')).rejects.toMatchObject({ code: 'TOO_MANY_SESSIONS' });
    await expect(sessions.anonymous({ note: 'x'.repeat(200) })).rejects.toMatchObject({ code: 'DATA_TOO_LARGE' });
    await expect(sessions.anonymous({ at: new Date() })).rejects.toMatchObject({ code: 'DATA_NOT_STORABLE' });
    await expect(sessions.signedIn('bob', { data: { id: 1 } })).rejects.toMatchObject({ code: 'RESERVED_NAME' });
    await expect(sessions.signedIn('')).rejects.toMatchObject({ code: 'INVALID_USER_ID' });
    await expect(sessions.signedIn('bob', { levle: 2 } as object)).rejects.toMatchObject({
      code: 'INVALID_LOGIN_OPTION',
    });
    const byData = await sessions.anonymous({ user: 'bob' });
    expect((await send(app, 'GET', '/me', byData.headers)).body).toEqual({ user: 'bob' });
  });

  it('ASVS 7.2.3: two sessions have two tokens, of full length', async () => {
    const sessions = testSessions(await openShop(platform));
    const [one, two] = [await sessions.signedIn('ada'), await sessions.signedIn('ada')];
    expect(one.token).not.toBe(two.token);
    expect(one.token).toMatch(/^[\w-]{43}$/);
  });
});

describe('sessions without Nest', () => {
  it('of the plain middleware', async () => {
    const sessionMiddleware = session({ store: new MemoryStore() });
    const app = connect()
      .use(sessionMiddleware)
      .use((req, res) => {
        const body = JSON.stringify((req as unknown as { session: object }).session);
        res.end(body);
      });
    const sessions = testSessions(sessionMiddleware);
    const { headers } = await sessions.signedIn('ada', { data: { theme: 'dark' } });
    const answer = await request(createServer(app)).get('/').set(headers);
    expect(JSON.parse(answer.text)).toEqual({ theme: 'dark' });
    await sessionMiddleware.close();
  });
});

describe('what is given by mistake is refused with the remedy', () => {
  it('data in place of options', async () => {
    const sessions = testSessions(await openShop('express'));
    const message = /signedIn has no option cart; it has data, via, .*label.* What the session holds goes into data/;
    await expect(sessions.signedIn('ada', { cart: [1] } as object)).rejects.toThrow(message);
  });

  it.each<[unknown, RegExp]>([
    [undefined, /takes the application, .*; got undefined/],
    [null, /takes the application, .*; got null/],
    [{}, /takes the application, .*; got an object/],
    [Promise.resolve(), /takes the application, .*; got a promise: await it/],
  ])('%p in place of an application', (app, message) => {
    expect(() => testSessions(app as never)).toThrow(message);
  });

  it('a request in place of its answer', async () => {
    const app = await openShop('express');
    const sessions = testSessions(app);
    const waiting = request(app.getHttpServer() as never).get('/cart');
    const looks = [
      (answer: unknown) => sessions.of(answer as never),
      (answer: unknown) => sessions.cleared(answer as never),
    ];
    for (const look of looks) {
      expect(() => look(waiting)).toThrow(/takes an answer, .*; got a promise: await the request/);
      expect(() => look(undefined)).toThrow(/takes an answer, .*; got undefined/);
    }
  });
});

describe('the clock of a test', () => {
  it('goes on by ms or text, and back by ms', () => {
    const clock = new TestClock();
    const start = clock.now();
    clock.advance('30m');
    expect(clock.now()).toBe(start + 30 * MINUTE);
    clock.advance(-MINUTE);
    expect(clock.now()).toBe(start + 29 * MINUTE);
  });

  it.each([['soon'], ['-1h'], [''], [Number.NaN], [undefined]])('refuses %p', (time) => {
    const clock = new TestClock();
    const start = clock.now();
    expect(() => clock.advance(time as never)).toThrow(/advance takes a number of ms, or text such as '30m'.*; got /);
    expect(clock.now()).toBe(start);
  });
});

describe('an application without sessions', () => {
  it('is refused with the remedy', async () => {
    @Controller()
    class NothingController {
      @Get()
      nothing(): string {
        return '';
      }
    }
    @Module({ controllers: [NothingController] })
    class NothingModule {}
    const testing = await Test.createTestingModule({ imports: [NothingModule] }).compile();
    expect(() => testSessions(testing)).toThrow(/has no sessions: import SessionModule\.forRoot\(\)/);
  });
});
