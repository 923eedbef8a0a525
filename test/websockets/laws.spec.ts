import { SessionService } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore } from '../support/stores.js';
import { closeSockets, SOCKETS } from './support/clients.js';
import { CounterGateway } from './support/counter.gateway.js';
import { filteredGateway } from './support/filtered.gateway.js';
import { HeldGateway } from './support/held.gateway.js';
import { startSocketApp } from './support/socket-app.js';

describe.each(SOCKETS)('messages at the same time on %s', (kind) => {
  failOnUnhandledRejections();
  afterEach(closeSockets);
  afterEach(closeApps);

  it('law 5: of one socket, of two, and a request change different keys: all survive', async () => {
    const { connect, sessions, url, get } = await startSocketApp('express', kind, { gateways: [HeldGateway] });
    const stored = await sessions.anonymous();
    const one = await connect({ headers: stored.headers });
    const two = await connect({ headers: stored.headers });
    const { before } = Object.assign(get(HeldGateway), { before: new Barrier(3) });
    const calls = [one.call('hold', { a: 1 }), one.call('hold', { b: 2 }), two.call('hold', { c: 3 })];
    await before.arrived;
    await call(url, '/views', { token: stored.token, method: 'POST' });
    before.open();
    await Promise.all(calls);
    expect((await sessions.stored(stored))?.data).toEqual({ a: 1, b: 2, c: 3, views: 1 });
  });

  it('law 5: every increment counts in update()', async () => {
    const { connect, sessions } = await startSocketApp('express', kind, { gateways: [CounterGateway] });
    const stored = await sessions.anonymous();
    const sockets = [await connect({ headers: stored.headers }), await connect({ headers: stored.headers })];
    await Promise.all(sockets.flatMap((socket) => Array.from({ length: 10 }, () => socket.call('update'))));
    expect((await sessions.stored(stored))?.data).toEqual({ views: 20 });
  });

  it('law 6: one that was under way at a logout stores nothing, and is not answered as if it had', async () => {
    const { connect, sessions, url, get } = await startSocketApp('express', kind, {
      gateways: [HeldGateway],
    });
    const stored = await sessions.anonymous();
    const socket = await connect({ headers: stored.headers });
    const { before } = get(HeldGateway);
    const outcome = Promise.allSettled([socket.closed, socket.call('hold', { late: true })]);
    await before.arrived;
    await call(url, '/session', { token: stored.token, method: 'DELETE' });
    expect(await outcome).toMatchObject([{ value: 'SESSION_ENDED' }, { status: 'rejected' }]);
    before.open();
    expect(await sessions.stored(stored)).toBeUndefined();
  });

  it('law 6: after the session has ended not one more message is served, whoever is told of it when', async () => {
    const store = new ProbedStore();
    const { connect, sessions, get } = await startSocketApp('express', kind, {
      gateways: [HeldGateway],
      session: { store },
    });
    const stored = await sessions.anonymous();
    const socket = await connect({ headers: stored.headers });
    expect(await socket.call('count')).toBe(1);
    // Past the session layer, so that nothing tells the socket.
    await store.inner.destroy(stored.id);
    await expect(socket.call('count')).rejects.toThrow('closed: SESSION_ENDED');
    expect(get(HeldGateway).served).toBe(1);
  });

  it('handlers begin in the order of their messages, however long the store takes for each', async () => {
    const store = new ProbedStore();
    const { connect, sessions, get } = await startSocketApp('express', kind, {
      gateways: [HeldGateway],
      session: { store },
    });
    const socket = await connect({ headers: (await sessions.anonymous()).headers });
    const slow = new Barrier();
    store.calls.length = 0;
    let loads = 0;
    const both = new Barrier(1);
    store.before = (operation) => {
      if (operation !== 'load') return undefined;
      if (++loads === 1) return slow.pass();
      void both.pass();
      return undefined;
    };
    const first = socket.call('count');
    const second = socket.call('count');
    await both.arrived;
    expect(get(HeldGateway).served).toBe(0);
    slow.open();
    expect(await Promise.all([first, second])).toEqual([1, 2]);
  });

  it('law 4: what a guard, and an interceptor after the handler, change is stored before the client hears', async () => {
    const { connect, sessions } = await startSocketApp('express', kind, { gateways: [HeldGateway] });
    const stored = await sessions.anonymous();
    const socket = await connect({ headers: stored.headers });
    await expect(socket.call('guarded')).rejects.toThrow('denied');
    expect((await sessions.stored(stored))?.data).toEqual({ denied: 1 });
    await socket.call('intercepted');
    expect((await sessions.stored(stored))?.data).toEqual({ denied: 1, intercepted: 1 });
  });

  it('law 4: a failed commit is a WsException with its code for the filters of the gateway, in place of the answer', async () => {
    const store = new ProbedStore();
    const { providers, caught } = filteredGateway();
    const { connect, sessions } = await startSocketApp('express', kind, {
      gateways: providers,
      session: { store },
    });
    const socket = await connect({ headers: (await sessions.anonymous()).headers });
    store.before = (operation) => {
      if (operation === 'update') throw new Error('the disk is full');
    };
    for (const event of ['views', 'later', 'stream', 'throw']) {
      await expect(socket.call(event)).rejects.toMatchObject({
        payload: { status: 'error', code: 'STORE_UNAVAILABLE' },
      });
    }
    expect(caught.map((error) => (error as Error).constructor.name)).toEqual(Array(4).fill('WsException'));
    expect(caught.map((error) => ((error as Error).cause as Error).name)).toEqual(Array(4).fill('SessionError'));
    store.before = undefined;
    expect(await socket.call('read')).toBe(0);
  });

  it('data that can not be stored is refused, and nothing of it is stored', async () => {
    const { providers, caught } = filteredGateway();
    const { connect, sessions } = await startSocketApp('express', kind, {
      gateways: providers,
      session: { maxBytes: 100 },
    });
    const stored = await sessions.anonymous();
    const socket = await connect({ headers: stored.headers });
    await expect(socket.call('set', { text: 'x'.repeat(200) })).rejects.toThrow();
    expect(caught).toMatchObject([{ name: 'SessionDataError', code: 'DATA_TOO_LARGE' }]);
    expect((await sessions.stored(stored))?.data).toEqual({});
  });

  it('D44: a session that outlives its message refuses changes', async () => {
    const kept: { session?: Record<string, unknown> } = {};
    const { connect, sessions, get } = await startSocketApp('express', kind, { gateways: [CounterGateway] });
    const gateway = get(CounterGateway);
    const socket = await connect({ headers: (await sessions.anonymous()).headers });
    gateway.seen = (session) => (kept.session = session as unknown as Record<string, unknown>);
    await socket.call('views');
    // The answer has left; what follows it has, too.
    await socket.call('read');
    expect(() => ((kept.session as { late?: boolean }).late = true)).toThrow(
      expect.objectContaining({ code: 'ALREADY_ANSWERED' }),
    );
  });

  it('law 3: a message that only reads writes nothing, and each loads once', async () => {
    const store = new ProbedStore();
    const { connect, sessions, get } = await startSocketApp('express', kind, {
      gateways: [CounterGateway],
      session: { store },
    });
    const socket = await connect({ headers: (await sessions.anonymous()).headers });
    // The watch looks once at what it watches.
    await get(SessionService).count();
    store.calls.length = 0;
    await socket.call('read');
    await socket.call('plain');
    expect(store.calls.filter((operation) => operation !== 'load')).toEqual([]);
    store.calls.length = 0;
    const anonymous = await connect();
    await anonymous.call('read');
    expect(store.calls).toEqual([]);
  });
});

describe('an acknowledgement by the handler itself, on socket.io', () => {
  failOnUnhandledRejections();
  afterEach(closeSockets);
  afterEach(closeApps);

  it('law 4: leaves once what was changed before it is stored, while the handler goes on', async () => {
    const { connect, sessions, get } = await startSocketApp('express', 'socket.io', { gateways: [HeldGateway] });
    const stored = await sessions.anonymous();
    const socket = await connect({ headers: stored.headers });
    expect(await socket.call('manual')).toBe('manual');
    expect((await sessions.stored(stored))?.data).toEqual({ manual: 1 });
    get(HeldGateway).after.open();
  });

  it('law 4: does not leave when that failed: an exception does, when the handler ends', async () => {
    const store = new ProbedStore();
    const { connect, sessions, get } = await startSocketApp('express', 'socket.io', {
      gateways: [HeldGateway],
      session: { store },
    });
    const socket = await connect({ headers: (await sessions.anonymous()).headers });
    store.before = (operation) => {
      if (operation === 'update') throw new Error('the disk is full');
    };
    get(HeldGateway).after.open();
    await expect(socket.call('manual')).rejects.toMatchObject({ payload: { code: 'STORE_UNAVAILABLE' } });
  });
});
