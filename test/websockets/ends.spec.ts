import { SessionService } from 'nestjs-token-session';
import { SocketSessions } from 'nestjs-token-session/websockets';
import { closeApps } from '../support/app.js';
import { call } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { SimpleMapStore } from '../support/stores.js';
import { closeSockets, SOCKETS } from './support/clients.js';
import { CounterGateway } from './support/counter.gateway.js';
import { startSocketApp } from './support/socket-app.js';
import { GreetingGateway } from './support/greeting.gateway.js';

const gateways = [CounterGateway];

describe.each(SOCKETS)('the end of a session closes its sockets on %s', (kind) => {
  failOnUnhandledRejections();
  afterEach(closeSockets);
  afterEach(closeApps);

  it('ASVS 7.4.1: a logout by HTTP closes all of them, and nobody else’s', async () => {
    const { connect, sessions, url } = await startSocketApp('express', kind, { gateways });
    const ada = await sessions.signedIn('ada');
    const grace = await sessions.signedIn('grace');
    const sockets = [await connect({ headers: ada.headers }), await connect({ headers: ada.headers })];
    const other = await connect({ headers: grace.headers });
    const stranger = await connect();
    await call(url, '/session', { token: ada.token, method: 'DELETE' });
    expect(await Promise.all(sockets.map(({ closed }) => closed))).toEqual(['SESSION_ENDED', 'SESSION_ENDED']);
    expect(await other.call('who')).toBe('grace');
    expect(await stranger.call('who')).toBeNull();
  });

  it('ASVS 7.4.3: so does destroyAll', async () => {
    const { connect, sessions, get } = await startSocketApp('express', kind, { gateways });
    const kept = await sessions.signedIn('ada');
    const ended = await connect({ headers: (await sessions.signedIn('ada')).headers });
    const socket = await connect({ headers: kept.headers });
    await get(SessionService).destroyAll('ada', { except: kept.id });
    expect(await ended.closed).toBe('SESSION_ENDED');
    expect(await socket.call('who')).toBe('ada');
  });

  it('sessions.destroy() in a handler ends it, and its own answer arrives before the socket is closed', async () => {
    const { connect, sessions } = await startSocketApp('express', kind, { gateways });
    const stored = await sessions.signedIn('ada');
    const socket = await connect({ headers: stored.headers });
    const other = await connect({ headers: stored.headers });
    expect(await socket.call('destroy')).toBe('goodbye');
    expect(await socket.closed).toBe('SESSION_ENDED');
    expect(await other.closed).toBe('SESSION_ENDED');
    expect(await sessions.stored(stored)).toBeUndefined();
  });

  it('law 8: it closes when the session expires, used or not', async () => {
    const clock = new TestClock();
    const { connect, sessions } = await startSocketApp('express', kind, { gateways, session: { clock: clock.now } });
    const socket = await connect({ headers: (await sessions.signedIn('ada')).headers });
    clock.advance('30m');
    expect(await socket.closed).toBe('SESSION_EXPIRED');
  });

  it('law 7: a login elsewhere closes it, and the new token opens one', async () => {
    const { connect, sessions, url } = await startSocketApp('express', kind, { gateways });
    const anonymous = await sessions.anonymous();
    const socket = await connect({ headers: anonymous.headers });
    const { token = '' } = await call(url, '/login/ada', { token: anonymous.token, method: 'POST' });
    expect(await socket.closed).toBe('SESSION_RENEWED');
    expect(await (await connect({ headers: { 'X-Auth-Token': token } })).call('who')).toBe('ada');
  });

  it('watches nothing any more once the client has left', async () => {
    const { connect, sessions, app } = await startSocketApp('express', kind, { gateways: [GreetingGateway] });
    const { headers } = await sessions.signedIn('ada');
    const { SESSION_ENGINE } = await import('../../lib/session.constants.js');
    const engine = app.get<{ watching: { watched: Map<string, unknown> } }>(SESSION_ENGINE, { strict: false });
    const gateway = app.get(GreetingGateway);
    const socket = await connect({ headers });
    await socket.call('ping');
    expect(engine.watching.watched.size).toBe(1);
    socket.close();
    await gateway.left;
    expect(engine.watching.watched.size).toBe(0);
  });

  it('handleConnection knows the user and the session, and an interval finds the session gone', async () => {
    const { connect, sessions, app, url } = await startSocketApp('express', kind, { gateways: [GreetingGateway] });
    const stored = await sessions.signedIn('ada', { data: { theme: 'dark' } });
    const gateway = app.get(GreetingGateway);
    await connect({ headers: stored.headers });
    expect(await gateway.greeted).toEqual({ userId: 'ada', theme: 'dark' });
    await call(url, '/session', { token: stored.token, method: 'DELETE' });
    expect(await app.get(SocketSessions).load(gateway.client)).toBeUndefined();
    expect(() => app.get(SocketSessions).userId({})).toThrow(expect.objectContaining({ code: 'NOT_MOUNTED' }));
  });

  it('a restart ends no session: the same token opens a socket of the next process', async () => {
    const store = new SimpleMapStore();
    const before = await startSocketApp('express', kind, { gateways, session: { store } });
    const { headers } = await before.sessions.signedIn('ada');
    const socket = await before.connect({ headers });
    expect(await socket.call('views')).toBe(1);
    await before.close();
    expect(await socket.closed).toBeUndefined();
    const after = await startSocketApp('fastify', kind, { gateways, session: { store } });
    expect(await (await after.connect({ headers })).call('views')).toBe(2);
  });

  it('L93: closing the application leaves no socket and no rejection', async () => {
    const { connect, sessions, close } = await startSocketApp('express', kind, { gateways });
    const socket = await connect({ headers: (await sessions.signedIn('ada')).headers });
    await socket.call('views');
    await close();
    expect(await socket.closed).toBeUndefined();
  });
});
