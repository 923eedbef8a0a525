import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { collectEvents } from '../support/events.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore } from '../support/stores.js';
import { closeSockets, SOCKETS } from './support/clients.js';
import { CounterGateway } from './support/counter.gateway.js';
import { startSocketApp } from './support/socket-app.js';

const gateways = [CounterGateway];

function failing(operation: string): void {
  if (operation === 'load') throw new Error('connection refused');
}

describe.each(SOCKETS)('law 9: a store that fails, and sockets on %s', (kind) => {
  failOnUnhandledRejections();
  afterEach(closeSockets);
  afterEach(closeApps);

  it('F67: down at the handshake: refused with 503, without a token let in; and back without a restart', async () => {
    const store = new ProbedStore();
    const running = await startSocketApp('express', kind, { gateways, session: { store } });
    const { headers } = await running.sessions.signedIn('ada');
    const events = collectEvents(running);
    store.before = failing;
    await expect(running.connect({ headers })).rejects.toMatchObject({
      body: { statusCode: 503, code: 'STORE_UNAVAILABLE' },
    });
    expect(events.map(({ type }) => type)).toContain('store_failed');
    expect(await (await running.connect()).call('who')).toBeNull();
    store.before = undefined;
    expect(await (await running.connect({ headers })).call('who')).toBe('ada');
  });

  it("onStoreError 'anonymous': let in without a session, which is there with the first message after the store is", async () => {
    const store = new ProbedStore();
    const { connect, sessions, url } = await startSocketApp('express', kind, {
      gateways,
      session: { store, onStoreError: 'anonymous' },
    });
    const { headers } = await sessions.signedIn('ada');
    store.before = failing;
    const socket = await connect({ headers });
    expect(await socket.call('who')).toBeNull();
    await expect(socket.call('views')).rejects.toMatchObject({ payload: { code: 'STORE_UNAVAILABLE' } });
    store.before = undefined;
    expect(await socket.call('who')).toBe('ada');
    await fetch(`${url}/session`, { method: 'DELETE', headers });
    expect(await socket.closed).toBe('SESSION_ENDED');
  });

  it('F67: down later: 503 at the first use of the session, and handlers that do not use it are served', async () => {
    const store = new ProbedStore();
    const { connect, sessions } = await startSocketApp('express', kind, { gateways, session: { store } });
    const socket = await connect({ headers: (await sessions.signedIn('ada')).headers });
    store.before = failing;
    expect(await socket.call('plain', 'x')).toBe('x');
    for (const event of ['read', 'who', 'session']) {
      await expect(socket.call(event)).rejects.toMatchObject({
        payload: { status: 'error', code: 'STORE_UNAVAILABLE' },
      });
    }
    store.before = undefined;
    expect(await socket.call('who')).toBe('ada');
  });

  it('F68: silent: refused after storeTimeout', async () => {
    const store = new ProbedStore();
    const { connect, sessions } = await startSocketApp('express', kind, {
      gateways,
      session: { store, storeTimeout: 50 },
    });
    const { headers } = await sessions.signedIn('ada');
    const silence = new Barrier();
    store.before = () => silence.pass();
    await expect(connect({ headers })).rejects.toMatchObject({ body: { code: 'STORE_UNAVAILABLE' } });
    silence.open();
  });

  it('L85: a client that leaves while its handshake waits for the store harms nobody', async () => {
    const store = new ProbedStore();
    const { sessions, url, connect } = await startSocketApp('express', kind, { gateways, session: { store } });
    const { headers } = await sessions.signedIn('ada');
    const slow = new Barrier();
    store.before = (operation) => (operation === 'load' ? slow.pass() : undefined);
    const left = new AbortController();
    const leaving = leaveDuringHandshake(kind, url, headers, left.signal);
    await slow.arrived;
    left.abort();
    await leaving;
    store.before = undefined;
    slow.open();
    expect(await (await connect({ headers })).call('who')).toBe('ada');
  });

  it('F77: a destroy that failed is an exception, and the session lives', async () => {
    const store = new ProbedStore();
    const { connect, sessions } = await startSocketApp('express', kind, { gateways, session: { store } });
    const stored = await sessions.signedIn('ada');
    const socket = await connect({ headers: stored.headers });
    store.before = (operation) => {
      if (operation === 'destroy') throw new Error('read only');
    };
    await expect(socket.call('destroy')).rejects.toMatchObject({ payload: { code: 'STORE_UNAVAILABLE' } });
    store.before = undefined;
    expect(await socket.call('who')).toBe('ada');
    expect(await sessions.stored(stored)).toBeDefined();
  });
});

/** Opens the connection of a handshake, and drops it when told to. */
async function leaveDuringHandshake(
  kind: string,
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<void> {
  const { io } = await import('socket.io-client');
  const { WebSocket } = await import('ws');
  if (kind === 'socket.io') {
    const socket = io(url, { transports: ['websocket'], forceNew: true, reconnection: false, extraHeaders: headers });
    await aborted(signal);
    socket.disconnect();
    return;
  }
  const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers });
  socket.on('error', () => undefined);
  await aborted(signal);
  socket.terminate();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}
