import { Controller, Get, Post } from '@nestjs/common';
import { bearer, cookie, header, Session, SessionService, type SessionOptions } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore, STORES } from '../support/stores.js';

type Data = Record<string, unknown>;

const MINUTE = 60_000;

/** Where slow requests wait with their session loaded. */
let loaded: Barrier;

@Controller()
class PrivilegeController {
  constructor(private readonly sessions: SessionService) {}

  @Get('data')
  data(@Session() sess: Session<Data>): Data {
    return { ...sess };
  }

  @Get('info')
  info(@Session() sess: Session): unknown {
    return this.sessions.info(sess);
  }

  @Post('begin')
  begin(@Session() sess: Session<Data>): void {
    Object.assign(sess, { cart: 1, draft: 'secret' });
  }

  @Post('buy')
  buy(@Session() sess: Session<Data>): void {
    sess['cart'] = 2;
  }

  @Post('slow-buy')
  async slowBuy(@Session() sess: Session<Data>): Promise<void> {
    await loaded.pass();
    sess['cart'] = 2;
  }

  @Get('slow-data')
  async slowData(@Session() sess: Session<Data>): Promise<Data> {
    await loaded.pass();
    return { ...sess };
  }

  @Post('regenerate')
  async regenerate(@Session() sess: Session<Data>): Promise<void> {
    const next = await this.sessions.regenerate(sess, { keep: ['cart'] });
    next['user'] = 'ada';
  }

  @Post('slow-regenerate')
  async slowRegenerate(@Session() sess: Session<Data>): Promise<void> {
    await loaded.pass();
    await this.regenerate(sess);
  }

  @Post('slow-destroy')
  async slowDestroy(@Session() sess: Session<Data>): Promise<void> {
    await loaded.pass();
    await sess.destroy();
  }

  @Post('keep-nothing')
  async keepNothing(@Session() sess: Session<Data>): Promise<void> {
    await sess.regenerate();
  }

  @Post('unawaited')
  unawaited(@Session() sess: Session<Data>): string {
    void sess.regenerate();
    return 'done';
  }

  @Post('twice')
  async twice(@Session() sess: Session<Data>): Promise<void> {
    const next = await sess.regenerate({ keep: ['cart'] });
    await next.regenerate({ keep: ['cart'] });
  }

  @Post('and-throw')
  async andThrow(@Session() sess: Session<Data>): Promise<void> {
    await this.regenerate(sess);
    throw new Error('after the change of privilege');
  }

  @Post('and-destroy')
  async andDestroy(@Session() sess: Session<Data>): Promise<void> {
    const next = await sess.regenerate();
    await next.destroy();
  }

  @Post('old-handle')
  async oldHandle(@Session() sess: Session<Data>): Promise<unknown> {
    await sess.regenerate();
    try {
      sess['cart'] = 3;
      return 'changed';
    } catch (error) {
      return { code: (error as { code: string }).code, kept: { ...sess } };
    }
  }
}

afterEach(closeApps);

const post = (url: string, path: string, token?: string): Promise<Answer> => call(url, path, { method: 'POST', token });

async function begin(url: string): Promise<string> {
  return (await post(url, '/begin')).token as string;
}

async function dataOf(url: string, token: string): Promise<Data> {
  return (await call(url, '/data', { token })).json() as Data;
}

describe.each(PLATFORMS)('regenerate on %s', (platform) => {
  const start = (session: SessionOptions = {}): Promise<RunningApp> =>
    startApp(platform, { controllers: [PrivilegeController], session });

  describe.each(Object.entries(STORES))('%s', (_name, createStore) => {
    let running: RunningApp;
    let url: string;
    let token: string;

    beforeEach(async () => {
      running = await start({ store: createStore() });
      ({ url } = running);
      token = await begin(url);
    });

    it('law 7, ASVS 7.2.4: the new token opens the session, the old one nothing', async () => {
      const answer = await post(url, '/regenerate', token);
      expect(answer.status).toBe(201);
      expect(answer.headers['cache-control']).toBe('no-store');
      const next = answer.token as string;
      expect(next).toMatch(/^[\w-]{43}$/);
      expect(next).not.toBe(token);
      expect(await dataOf(url, next)).toEqual({ cart: 1, user: 'ada' });
      expect(await dataOf(url, token)).toEqual({});
      expect(await running.get(SessionService).load(token)).toBeUndefined();
    });

    it('law 7: data moves along only by name', async () => {
      expect(await dataOf(url, (await post(url, '/keep-nothing', token)).token as string)).toEqual({});
    });

    it('law 7, R61b: requests with the old token are anonymous, and their answers neither set nor clear a token', async () => {
      loaded = new Barrier(2);
      const inFlight = [call(url, '/slow-data', { token }), call(url, '/slow-buy', { method: 'POST', token })] as const;
      await loaded.arrived;
      const next = (await post(url, '/regenerate', token)).token as string;
      const late = [await call(url, '/data', { token }), await post(url, '/buy', token)] as const;
      loaded.open();
      const [slowRead, slowWrite] = await Promise.all(inFlight);
      for (const answer of [slowRead, slowWrite, ...late]) expect(answer.token).toBeUndefined();
      expect([slowRead.status, slowRead.json()]).toEqual([200, { cart: 1, draft: 'secret' }]);
      expect([late[0].status, late[0].json()]).toEqual([200, {}]);
      for (const answer of [slowWrite, late[1]]) {
        expect(answer.status).toBe(401);
        expect(answer.json()).toMatchObject({ code: 'SESSION_ENDED' });
      }
      expect(await dataOf(url, next)).toEqual({ cart: 1, user: 'ada' });
    });

    it('R60: what another request saved before the old session ended is in the new one', async () => {
      loaded = new Barrier();
      const slow = post(url, '/slow-regenerate', token);
      await loaded.arrived;
      expect((await post(url, '/buy', token)).status).toBe(201);
      loaded.open();
      expect(await dataOf(url, (await slow).token as string)).toEqual({ cart: 2, user: 'ada' });
    });

    it.each([2, 8])('R61: of %d rotations at once one succeeds, and one session is left', async (count) => {
      loaded = new Barrier(count);
      const requests = Array.from({ length: count }, () => post(url, '/slow-regenerate', token));
      await loaded.arrived;
      loaded.open();
      const answers = await Promise.all(requests);
      const [won, ...more] = answers.filter(({ status }) => status === 201) as [Answer];
      expect(more).toEqual([]);
      const lost = answers.filter((answer) => answer !== won);
      expect(lost.map((answer) => [answer.status, answer.token])).toEqual(lost.map(() => [401, undefined]));
      expect(lost[0]?.json()).toMatchObject({ code: 'SESSION_ENDED' });
      expect(await dataOf(url, won.token as string)).toEqual({ cart: 1, user: 'ada' });
    });

    it('R58: a logout under way during a rotation ends the session under its new token too', async () => {
      loaded = new Barrier();
      const logout = post(url, '/slow-destroy', token);
      await loaded.arrived;
      const next = (await post(url, '/regenerate', (await post(url, '/regenerate', token)).token)).token as string;
      expect(await dataOf(url, next)).toEqual({ cart: 1, user: 'ada' });
      loaded.open();
      expect((await logout).status).toBe(201);
      expect(await dataOf(url, next)).toEqual({});
      expect(await running.get(SessionService).load(next)).toBeUndefined();
    });

    it('law 7: twice in one request leaves one session, under the last token', async () => {
      const next = (await post(url, '/twice', token)).token as string;
      expect(await dataOf(url, next)).toEqual({ cart: 1 });
      expect(await dataOf(url, token)).toEqual({});
    });

    it('R63: regenerate and destroy in one request end both', async () => {
      const answer = await post(url, '/and-destroy', token);
      expect([answer.status, answer.token]).toEqual([201, '']);
      expect(await dataOf(url, token)).toEqual({});
    });

    it('law 7: an exception after it changes nothing: the client gets the new token', async () => {
      const answer = await post(url, '/and-throw', token);
      expect(answer.status).toBe(500);
      expect(await dataOf(url, answer.token as string)).toEqual({ cart: 1, user: 'ada' });
      expect(await dataOf(url, token)).toEqual({});
    });

    it('law 7: one that nobody waits for is carried out before the answer', async () => {
      const answer = await post(url, '/unawaited', token);
      expect(answer.token).toMatch(/^[\w-]{43}$/);
      expect(await dataOf(url, token)).toEqual({});
    });

    it('law 7: the old session keeps its data and refuses writes', async () => {
      const answer = await post(url, '/old-handle', token);
      expect(answer.json()).toEqual({ code: 'SESSION_REPLACED', kept: { cart: 1, draft: 'secret' } });
    });
  });

  it('law 7: the new record is stored first, then the old one is ended by its version', async () => {
    const store = new ProbedStore();
    const { url } = await start({ store });
    const token = await begin(url);
    store.calls.length = 0;
    await post(url, '/keep-nothing', token);
    expect(store.calls).toEqual(['load', 'create', 'update']);
  });

  it('R60: a save between the two steps of a rotation is not lost', async () => {
    const store = new ProbedStore();
    const { url } = await start({ store });
    const token = await begin(url);
    const between = new Barrier();
    let updates = 0;
    store.before = (operation) => (operation === 'update' && updates++ === 0 ? between.pass() : undefined);
    const rotation = post(url, '/regenerate', token);
    await between.arrived;
    expect((await post(url, '/buy', token)).status).toBe(201);
    between.open();
    expect(await dataOf(url, (await rotation).token as string)).toEqual({ cart: 2, user: 'ada' });
  });

  it('law 8: both clocks go on: regenerate is no way past the absolute limit', async () => {
    const clock = new TestClock();
    const { url } = await start({ clock: clock.now, absoluteTimeout: '1h' });
    let token = await begin(url);
    for (let used = 0; used < 5; used++) {
      clock.advance(10 * MINUTE);
      token = (await post(url, '/regenerate', token)).token as string;
      expect(token).toBeDefined();
    }
    clock.advance(10 * MINUTE - 1);
    expect(await dataOf(url, token)).toEqual({ cart: 1, user: 'ada' });
    clock.advance(1);
    expect(await dataOf(url, token)).toEqual({});
  });

  it.each(['30m', '10s'])(
    'H24: the tombstone stands for a minute, then the token is unknown (idle timeout %s)',
    async (idleTimeout) => {
      const clock = new TestClock();
      const { url } = await start({ clock: clock.now, idleTimeout });
      const token = await begin(url);
      await post(url, '/regenerate', token);
      clock.advance(MINUTE - 1);
      const within = await post(url, '/buy', token);
      expect([within.status, within.token]).toEqual([401, undefined]);
      clock.advance(1);
      const after = await post(url, '/buy', token);
      expect(after.status).toBe(201);
      expect(after.token).toMatch(/^[\w-]{43}$/);
      expect(after.token).not.toBe(token);
    },
  );

  it('law 7: requests with the old token do not make its tombstone last', async () => {
    const clock = new TestClock();
    const store = new ProbedStore();
    const { url } = await start({ clock: clock.now, store, touchInterval: 1 });
    const token = await begin(url);
    await post(url, '/regenerate', token);
    for (let used = 0; used < 3; used++) {
      clock.advance(20_000);
      await call(url, '/data', { token });
    }
    expect((await post(url, '/buy', token)).status).toBe(201);
  });

  it('law 3: of a session that is not stored it costs nothing', async () => {
    const store = new ProbedStore();
    const { url } = await start({ store });
    const answer = await post(url, '/keep-nothing');
    expect([answer.status, answer.token, store.calls]).toEqual([201, undefined, []]);
  });

  it.each(['unknown', 'ended'])('law 7: a token that is %s is never adopted', async (kind) => {
    const running = await start();
    const token = kind === 'unknown' ? 'A'.repeat(43) : await begin(running.url);
    const sessions = running.get(SessionService);
    if (kind === 'ended') await (await sessions.load(token))?.destroy();
    const answer = await post(running.url, '/regenerate', token);
    expect(answer.token).not.toBe(token);
    expect(await sessions.load(token)).toBeUndefined();
    expect(await dataOf(running.url, answer.token as string)).toEqual({ user: 'ada' });
  });

  it('law 7: a session loaded outside of a request fails to regenerate once it has ended', async () => {
    const running = await start();
    const sessions = running.get(SessionService);
    const token = await begin(running.url);
    const [stale, other] = (await Promise.all([sessions.load(token), sessions.load(token)])) as [Session, Session];
    const next = await sessions.regenerate(other);
    await expect(sessions.regenerate(stale)).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    expect(await sessions.load(sessions.info(next).token as string)).toBeDefined();
    expect(stale.isNew).toBe(false);
  });

  describe('when the store fails in the middle', () => {
    /** Fails the named operations once the session is there. */
    async function failing(operations: string[]): Promise<{ url: string; token: string; store: ProbedStore }> {
      const store = new ProbedStore();
      const { url } = await start({ store });
      const token = await begin(url);
      store.before = (operation) => {
        if (operations.includes(operation)) throw new Error('connection lost');
      };
      return { url, token, store };
    }

    it.each([[['create']], [['update']], [['update', 'destroy']]])(
      'law 9: %s: 503, no token is set or cleared, the old session goes on',
      async (operations) => {
        const { url, token, store } = await failing(operations);
        const answer = await post(url, '/regenerate', token);
        expect([answer.status, answer.token]).toEqual([503, undefined]);
        expect(answer.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
        store.before = undefined;
        expect(await dataOf(url, token)).toEqual({ cart: 1, draft: 'secret' });
      },
    );

    it('law 9: a new record whose old one could not be ended is removed', async () => {
      const { url, token, store } = await failing(['update']);
      await post(url, '/regenerate', token);
      expect(store.count()).toBe(1);
    });

    it('law 9: when only the commit after a rotation fails, the client still gets the token that is stored', async () => {
      const { url, token, store } = await failing([]);
      let updates = 0;
      store.before = (operation) => {
        if (operation === 'update' && ++updates === 2) throw new Error('connection lost');
      };
      const answer = await post(url, '/regenerate', token);
      expect(answer.status).toBe(503);
      store.before = undefined;
      expect(await dataOf(url, answer.token as string)).toEqual({ cart: 1 });
    });
  });

  describe('ASVS 7.2.4: by each transport', () => {
    const ways = [
      {
        name: 'header',
        transport: header('X-Token'),
        send: (token: string) => ({ 'X-Token': token }),
        read: tokenIn('x-token'),
      },
      {
        name: 'bearer',
        transport: bearer(),
        send: (token: string) => ({ Authorization: `Bearer ${token}` }),
        read: tokenIn('x-auth-token'),
      },
      {
        name: 'cookie',
        transport: cookie({ name: 'sid', secure: false }),
        send: (token: string) => ({ Cookie: `sid=${token}` }),
        read: ({ cookies }: Answer) => /^sid=([^;]*)/.exec(cookies.join('\n'))?.[1] as string,
      },
    ];

    it.each(ways)('$name', async ({ transport, send, read }) => {
      const { url } = await start({ transport });
      const planted = read(await call(url, '/begin', { method: 'POST' }));
      const next = read(await call(url, '/regenerate', { method: 'POST', headers: send(planted) }));
      const data = async (token: string): Promise<unknown> =>
        (await call(url, '/data', { headers: send(token) })).json();
      expect(next).not.toBe(planted);
      expect(await data(next)).toEqual({ cart: 1, user: 'ada' });
      expect(await data(planted)).toEqual({});
    });
  });
});

function tokenIn(name: string): (answer: Answer) => string {
  return ({ headers }) => headers[name] as string;
}
