import { bearer } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { CounterController } from '../support/counter.controller.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

describe.each(PLATFORMS)('the token as Authorization: Bearer, on %s', (platform) => {
  let store: ProbedStore;
  let app: RunningApp;
  let token: string;

  beforeEach(async () => {
    store = new ProbedStore();
    app = await startApp(platform, { controllers: [CounterController], session: { store, transport: bearer() } });
    token = (await call(app.url, '/views', { method: 'POST' })).token as string;
    store.calls.length = 0;
  });
  afterEach(closeApps);

  const viewsWith = async (authorization: string | string[]): Promise<unknown> =>
    (await call(app.url, '/views', { headers: { Authorization: authorization } })).json();

  it('a new token is answered in X-Auth-Token, which is not read', async () => {
    expect(token).toMatch(/^[\w-]{43}$/);
    expect((await call(app.url, '/views', { token })).json()).toEqual({ views: 0 });
    expect(store.calls).toEqual([]);
  });

  it('a new token is answered where `answerIn` says', async () => {
    const other = await startApp(platform, {
      controllers: [CounterController],
      session: { transport: bearer({ answerIn: 'X-New-Token' }) },
    });
    const answer = await call(other.url, '/views', { method: 'POST' });
    expect(answer.headers['x-new-token']).toMatch(/^[\w-]{43}$/);
    expect([answer.token, answer.headers['vary']]).toEqual([undefined, 'Authorization']);
  });

  it.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])(
    'H1: the case of the scheme does not matter: %s',
    async (scheme) => {
      expect(await viewsWith(`${scheme} ${token}`)).toEqual({ views: 1 });
    },
  );

  it('H1: Bearer alone, with two blanks, or with more after the token is none', async () => {
    const events = collectEvents(app);
    for (const authorization of ['Bearer', 'Bearer ', `Bearer  ${token}`, `Bearer ${token} x`, `Bearer ${token},`]) {
      expect(await viewsWith(authorization)).toEqual({ views: 0 });
    }
    expect(store.calls).toEqual([]);
    expect(events).toEqual(Array(5).fill({ type: 'input_validation_fail', transport: 'bearer' }));
  });

  it('H1: another scheme is absent, not malformed', async () => {
    const events = collectEvents(app);
    const others = ['', 'Basic dXNlcjpwYXNz', `Basic bearer ${token}`, `Bearer${token}`, `Bearer=${token}`, token];
    for (const authorization of others) {
      expect(await viewsWith(authorization)).toEqual({ views: 0 });
    }
    expect([store.calls, events]).toEqual([[], []]);
  });

  it('H8: two Authorization lines are none, whichever holds the token', async () => {
    const events = collectEvents(app);
    for (const lines of [
      [`Bearer ${token}`, 'Basic dXNlcjpwYXNz'],
      ['Basic dXNlcjpwYXNz', `Bearer ${token}`],
      [`Bearer ${token}`, `Bearer ${'A'.repeat(43)}`],
    ]) {
      expect(await viewsWith(lines)).toEqual({ views: 0 });
    }
    expect(store.calls).toEqual([]);
    expect(events).toEqual(Array(3).fill({ type: 'input_validation_fail', transport: 'bearer' }));
  });

  it('H8: no other header counts as a second line, nor does what one holds', async () => {
    // As long as the name of the header that counts.
    const headers = { Authorization: `Bearer ${token}`, 'If-None-Match': '"x"', 'X-Of': 'authorization' };
    expect((await call(app.url, '/views', { headers })).json()).toEqual({ views: 1 });
  });

  it('a token that was cleared is an empty X-Auth-Token', async () => {
    const answer = await call(app.url, '/session', { method: 'DELETE', headers: { Authorization: `Bearer ${token}` } });
    expect(answer.token).toBe('');
  });
});
