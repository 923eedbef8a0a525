import { SessionService } from 'nestjs-token-session';
import { TestClock } from '../support/clock.js';
import { closeApps } from '../support/app.js';
import { call } from '../support/client.js';
import { PLATFORMS } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { closeSockets, HandlerFailed, SOCKETS } from './support/clients.js';
import { CounterGateway } from './support/counter.gateway.js';
import { filteredGateway } from './support/filtered.gateway.js';
import { startSocketApp } from './support/socket-app.js';

const IN_HTTP = {
  name: 'SessionUsageError',
  code: 'NOT_SUPPORTED',
  message: expect.stringContaining('in an HTTP request'),
};

const CASES = SOCKETS.flatMap((kind) => PLATFORMS.map((platform) => [kind, platform] as const));

describe.each(CASES)('a session in a gateway on %s beside %s', (kind, platform) => {
  failOnUnhandledRejections();
  afterEach(closeSockets);
  afterEach(closeApps);

  it('is the session of HTTP: what a message changes a request sees, and the other way round', async () => {
    const { url, connect, sessions } = await startSocketApp(platform, kind, { gateways: [CounterGateway] });
    const { token, headers } = await sessions.anonymous({ views: 4 });
    const socket = await connect({ headers });
    expect(await socket.call('views')).toBe(5);
    expect((await call(url, '/views', { token, method: 'POST' })).json()).toEqual({ views: 6 });
    expect(await socket.call('read')).toBe(6);
    expect(await socket.call('later')).toBe(7);
    expect(await socket.call('update')).toBe(8);
  });

  it('law 4: is stored before the answer leaves, also before each value of an Observable', async () => {
    const { connect, sessions } = await startSocketApp(platform, kind, { gateways: [CounterGateway] });
    const stored = await sessions.anonymous();
    const socket = await connect({ headers: stored.headers });
    await socket.call('later');
    expect((await sessions.stored(stored))?.data).toEqual({ views: 1 });
    await socket.call('stream');
    expect((await sessions.stored(stored))?.data['views']).toBeGreaterThanOrEqual(10);
    expect(await socket.call('read')).toBe(20);
    expect(socket.heard).toContainEqual({ event: 'second', data: 20 });
  });

  it('law 4: is stored before an exception is told', async () => {
    const { connect, sessions } = await startSocketApp(platform, kind, { gateways: [CounterGateway] });
    const stored = await sessions.anonymous();
    const socket = await connect({ headers: stored.headers });
    await expect(socket.call('throw')).rejects.toBeInstanceOf(HandlerFailed);
    expect((await sessions.stored(stored))?.data).toEqual({ views: 99 });
  });

  it('has a user for @UserId(), and guards that tell clients what is missing', async () => {
    const clock = new TestClock();
    const { connect, sessions } = await startSocketApp(platform, kind, {
      gateways: [CounterGateway],
      session: { clock: clock.now },
    });
    const anonymous = await connect();
    expect(await anonymous.call('who')).toBeNull();
    await expect(anonymous.call('session')).rejects.toMatchObject({
      payload: { status: 'error', code: 'SESSION_REQUIRED', message: 'This needs a session. Sign in first.' },
    });
    const ada = await connect({ headers: (await sessions.signedIn('ada')).headers });
    expect(await ada.call('who')).toBe('ada');
    expect(await ada.call('session')).toBe('session');
    expect(await ada.call('password')).toBe('password');
    await expect(ada.call('account')).rejects.toMatchObject({ payload: { code: 'LEVEL_REQUIRED', level: 2 } });
    clock.advance('10m');
    await expect(ada.call('password')).rejects.toMatchObject({
      payload: { code: 'RECENT_LOGIN_REQUIRED', maxAge: 600_000 },
    });
    const strong = await connect({ headers: (await sessions.signedIn('ada', { level: 2 })).headers });
    expect(await strong.call('account')).toBe('account');
  });

  it('law 8: is in use by its messages', async () => {
    const clock = new TestClock();
    const { connect, sessions } = await startSocketApp(platform, kind, {
      gateways: [CounterGateway],
      session: { clock: clock.now, idleTimeout: '30m' },
    });
    const stored = await sessions.anonymous({ views: 1 });
    const socket = await connect({ headers: stored.headers });
    for (let minutes = 0; minutes < 60; minutes += 20) {
      clock.advance('20m');
      expect(await socket.call('read')).toBe(1);
    }
    expect(await sessions.stored(stored)).toBeDefined();
  });

  it('law 7: login() and regenerate() are refused, and say what to do; nothing of them is stored', async () => {
    const { providers, caught } = filteredGateway();
    const { connect, sessions, app } = await startSocketApp(platform, kind, {
      gateways: providers,
    });
    const stored = await sessions.anonymous({ views: 1 });
    const socket = await connect({ headers: stored.headers });
    for (const event of ['login', 'regenerate']) await expect(socket.call(event)).rejects.toBeInstanceOf(HandlerFailed);
    expect(caught).toMatchObject([IN_HTTP, IN_HTTP]);
    expect(await socket.call('read')).toBe(1);
    expect((await sessions.stored(stored))?.userId).toBeUndefined();
    expect(await app.get(SessionService).count()).toBe(1);
  });

  it('law 3: a socket without a session has an empty one, and can not begin another', async () => {
    const { providers, caught } = filteredGateway();
    const { connect, app } = await startSocketApp(platform, kind, {
      gateways: providers,
    });
    const socket = await connect();
    expect(await socket.call('read')).toBe(0);
    expect(await socket.call('plain', 'x')).toBe('x');
    await expect(socket.call('views')).rejects.toBeInstanceOf(HandlerFailed);
    expect(caught).toMatchObject([IN_HTTP]);
    expect(await app.get(SessionService).count()).toBe(0);
  });
});
