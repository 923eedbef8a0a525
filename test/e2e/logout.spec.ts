import { Controller, Get, Post, Req } from '@nestjs/common';
import { MemoryStore, Session, SessionService } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore, STORES } from '../support/stores.js';

type Data = Record<string, unknown>;

/** Where slow requests wait with their session loaded. */
let loaded: Barrier;

@Controller()
class AccountController {
  constructor(private readonly sessions: SessionService) {}

  @Get('data')
  data(@Session() sess: Session<Data>): Data {
    return { ...sess };
  }

  @Post('login')
  login(@Session() sess: Session<Data>): void {
    sess['user'] = 'ada';
  }

  @Post('logout')
  logout(@Session() sess: Session<Data>): Promise<void> {
    return this.sessions.destroy(sess);
  }

  @Post('slow-write')
  async slowWrite(@Session() sess: Session<Data>): Promise<string> {
    await loaded.pass();
    sess['cart'] = 'full';
    return 'stored';
  }

  @Post('slow-save')
  async slowSave(@Session() sess: Session<Data>): Promise<void> {
    await loaded.pass();
    sess['cart'] = 'full';
    await this.sessions.save(sess);
  }

  @Post('slow-update')
  async slowUpdate(@Session() sess: Session<Data>): Promise<void> {
    await loaded.pass();
    await this.sessions.update(sess, (draft) => (draft['cart'] = 'full'));
  }

  @Post('slow-regenerate')
  async slowRegenerate(@Session() sess: Session<Data>): Promise<void> {
    await loaded.pass();
    await this.sessions.regenerate(sess, { keep: ['user'] });
  }

  @Post('slow-touch')
  async slowTouch(@Session() sess: Session<Data>): Promise<void> {
    await loaded.pass();
    await this.sessions.touch(sess);
  }

  /** As code for express-session has it: nobody waits for the touch. */
  @Post('write-and-touch')
  async writeAndTouch(@Session() sess: Session<Data>): Promise<string> {
    await loaded.pass();
    sess['cart'] = 'full';
    void sess.touch();
    return 'stored';
  }

  @Post('swallow')
  async swallow(@Session() sess: Session<Data>): Promise<string> {
    await loaded.pass();
    sess['cart'] = 'full';
    await this.sessions.regenerate(sess).catch(() => undefined);
    return 'stored';
  }

  @Get('slow-read')
  async slowRead(@Session() sess: Session<Data>): Promise<Data> {
    await loaded.pass();
    return { ...sess };
  }

  @Post('save-and-destroy')
  async saveAndDestroy(@Session() sess: Session<Data>): Promise<void> {
    sess['cart'] = 'full';
    void sess.save();
    await sess.destroy();
  }

  @Post('destroy-and-save')
  async destroyAndSave(@Session() sess: Session<Data>): Promise<string> {
    const destroyed = sess.destroy();
    const saved = await sess.save().then(
      () => 'saved',
      (error: unknown) => (error as { code: string }).code,
    );
    await destroyed;
    return saved;
  }

  @Post('change-and-destroy')
  async changeAndDestroy(@Session() sess: Session<Data>): Promise<void> {
    sess['cart'] = 'full';
    await sess.destroy();
  }

  @Post('unawaited')
  unawaited(@Session() sess: Session<Data>): string {
    void sess.destroy();
    return 'bye';
  }

  @Post('null')
  setToNull(@Req() request: { session: unknown }): string {
    request.session = null;
    return 'bye';
  }

  @Post('callback')
  callback(@Session() sess: Session<Data>): Promise<string> {
    return new Promise((resolve, reject) => {
      void sess.destroy((error) => {
        if (error === null) resolve('bye');
        else reject(error instanceof Error ? error : new Error('destroy failed'));
      });
    });
  }
}

afterEach(closeApps);

async function signIn(url: string): Promise<string> {
  return (await call(url, '/login', { method: 'POST' })).token as string;
}

async function dataOf(url: string, token: string): Promise<Data> {
  return (await call(url, '/data', { token })).json() as Data;
}

/** A slow request with its session loaded, a logout from its begin to its answer, then the rest of the slow one. */
async function acrossLogout(url: string, token: string, path: string, method = 'POST'): Promise<Answer> {
  loaded = new Barrier();
  const slow = call(url, path, { method, token });
  await loaded.arrived;
  const logout = await call(url, '/logout', { method: 'POST', token });
  expect([logout.status, logout.token]).toEqual([201, '']);
  loaded.open();
  return slow;
}

describe.each(PLATFORMS)('logout on %s', (platform) => {
  describe.each(Object.entries(STORES))('%s', (_name, createStore) => {
    let running: RunningApp;
    let url: string;
    let token: string;

    beforeEach(async () => {
      running = await startApp(platform, { controllers: [AccountController], session: { store: createStore() } });
      ({ url } = running);
      token = await signIn(url);
    });

    it('law 6, ASVS 7.4.1: after the logout the token opens nothing, and the client is told to drop it', async () => {
      const logout = await call(url, '/logout', { method: 'POST', token });
      expect([logout.status, logout.token, logout.headers['cache-control']]).toEqual([201, '', 'no-store']);
      expect(await dataOf(url, token)).toEqual({});
      expect(await running.get(SessionService).load(token)).toBeUndefined();
      const again = await call(url, '/login', { method: 'POST', token });
      expect(again.token).not.toBe(token);
    });

    it.each(['slow-write', 'slow-save', 'slow-update', 'slow-regenerate', 'slow-touch', 'write-and-touch', 'swallow'])(
      'law 6, R58: %s across a logout is 401 SESSION_ENDED, sends no token, and the session stays ended',
      async (path) => {
        const answer = await acrossLogout(url, token, `/${path}`);
        expect([answer.status, answer.token]).toEqual([401, undefined]);
        expect(answer.json()).toMatchObject({ code: 'SESSION_ENDED' });
        expect(await dataOf(url, token)).toEqual({});
        expect(await running.get(SessionService).load(token)).toBeUndefined();
      },
    );

    it('law 6: a slow request that only reads is answered as its handler gave it', async () => {
      const answer = await acrossLogout(url, token, '/slow-read', 'GET');
      expect([answer.status, answer.token, answer.json()]).toEqual([200, undefined, { user: 'ada' }]);
    });

    it.each(['save-and-destroy', 'change-and-destroy', 'unawaited', 'null', 'callback'])(
      'R63: after %s in one request the session has ended',
      async (path) => {
        const answer = await call(url, `/${path}`, { method: 'POST', token });
        expect([answer.status, answer.token]).toEqual([201, '']);
        expect(await running.get(SessionService).load(token)).toBeUndefined();
      },
    );

    it('R63: a save behind a destroy in one request is refused', async () => {
      const answer = await call(url, '/destroy-and-save', { method: 'POST', token });
      expect([answer.text, answer.token]).toEqual(['SESSION_DESTROYED', '']);
      expect(await running.get(SessionService).load(token)).toBeUndefined();
    });

    it('law 6: two logouts at once both succeed', async () => {
      const answers = await Promise.all([1, 2].map(() => call(url, '/logout', { method: 'POST', token })));
      expect(answers.map(({ status }) => status)).toEqual([201, 201]);
    });
  });

  it('law 12: a write that a logout refused is an event', async () => {
    const running = await startApp(platform, { controllers: [AccountController] });
    const token = await signIn(running.url);
    const events = collectEvents(running);
    await acrossLogout(running.url, token, '/slow-write');
    expect(events.map(({ type }) => type)).toEqual(['session_destroyed', 'write_refused']);
  });

  it('law 6, R59: a touch under way when the session is destroyed does not bring it back', async () => {
    const store = new ProbedStore();
    const clock = new TestClock();
    const { url } = await startApp(platform, {
      controllers: [AccountController],
      session: { store, clock: clock.now },
    });
    const token = await signIn(url);
    clock.advance(10 * 60_000);
    const touch = new Barrier();
    store.before = (operation) => (operation === 'touch' ? touch.pass() : undefined);
    await call(url, '/data', { token });
    await touch.arrived;
    store.before = undefined;
    await call(url, '/logout', { method: 'POST', token });
    touch.open();
    expect(await dataOf(url, token)).toEqual({});
    expect(store.count()).toBe(0);
  });

  it('law 8: a late touch does not move the idle clock back', async () => {
    const store = new ProbedStore();
    const clock = new TestClock();
    const running = await startApp(platform, {
      controllers: [AccountController],
      session: { store, clock: clock.now },
    });
    const { url } = running;
    const token = await signIn(url);
    clock.advance(10 * 60_000);
    const touch = new Barrier();
    store.before = (operation) => (operation === 'touch' ? touch.pass() : undefined);
    await call(url, '/data', { token });
    await touch.arrived;
    store.before = undefined;
    clock.advance(10 * 60_000);
    await call(url, '/login', { method: 'POST', token });
    await call(url, '/data', { token });
    touch.open();
    clock.advance(25 * 60_000);
    expect(await dataOf(url, token)).toEqual({ user: 'ada' });
  });

  it('R64: a sweep while a session is being stored and ended removes only what has ended', async () => {
    const clock = new TestClock();
    const store = new ProbedStore();
    const inner = store.inner as MemoryStore;
    const running = await startApp(platform, {
      controllers: [AccountController],
      session: { store, clock: clock.now },
    });
    const { url } = running;
    const old = await signIn(url);
    clock.advance(30 * 60_000);
    store.before = () => inner.sweep();
    const token = await signIn(url);
    await call(url, '/logout', { method: 'POST', token: await signIn(url) });
    store.before = undefined;
    expect(await dataOf(url, token)).toEqual({ user: 'ada' });
    expect(await dataOf(url, old)).toEqual({});
    expect(store.count()).toBe(1);
  });

  describe('when the store does not carry the destroy out', () => {
    async function failingDestroy(): Promise<{ url: string; token: string; store: ProbedStore }> {
      const store = new ProbedStore();
      const { url } = await startApp(platform, { controllers: [AccountController], session: { store } });
      const token = await signIn(url);
      store.before = (operation) => {
        if (operation === 'destroy') throw new Error('connection lost');
      };
      return { url, token, store };
    }

    it.each(['logout', 'unawaited', 'null', 'callback', 'change-and-destroy', 'save-and-destroy'])(
      'F77: %s is 503, never a success, and the token is not cleared',
      async (path) => {
        const { url, token } = await failingDestroy();
        const answer = await call(url, `/${path}`, { method: 'POST', token });
        expect([answer.status, answer.token]).toEqual([503, undefined]);
        expect(answer.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      },
    );

    it('F77: the next logout succeeds', async () => {
      const { url, token, store } = await failingDestroy();
      await call(url, '/logout', { method: 'POST', token });
      store.before = undefined;
      expect((await call(url, '/logout', { method: 'POST', token })).token).toBe('');
      expect(await dataOf(url, token)).toEqual({});
    });
  });

  it('ASVS 7.4.1: a logout on one instance holds on the other', async () => {
    const store = new MemoryStore();
    const start = (): Promise<RunningApp> =>
      startApp(platform, { controllers: [AccountController], session: { store } });
    const [a, b] = await Promise.all([start(), start()]);
    const token = await signIn(a.url);
    loaded = new Barrier();
    const slow = call(b.url, '/slow-write', { method: 'POST', token });
    await loaded.arrived;
    await call(a.url, '/logout', { method: 'POST', token });
    loaded.open();
    expect((await slow).status).toBe(401);
    expect(await dataOf(b.url, token)).toEqual({});
  });
});
