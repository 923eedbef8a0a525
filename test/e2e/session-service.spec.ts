import { Controller, Get } from '@nestjs/common';
import { MemoryStore, Session, SessionService, type SessionInfo, type SessionOptions } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore, SimpleMapStore, STORES } from '../support/stores.js';

interface Data {
  views: number;
  cart: string[];
}
type DataSession = Session<Data>;

let use: (session: DataSession, service: SessionService) => unknown;

@Controller()
class UseController {
  constructor(private readonly sessions: SessionService) {}

  @Get()
  async use(@Session() session: DataSession): Promise<unknown> {
    return { result: (await use(session, this.sessions)) ?? null };
  }
}

describe.each(PLATFORMS)('SessionService on %s', (platform) => {
  const clock = new TestClock();
  let running: RunningApp;
  let sessions: SessionService;
  let token: string | undefined;

  afterEach(closeApps);

  async function start(options: SessionOptions = {}): Promise<void> {
    running = await startApp(platform, { controllers: [UseController], session: { clock: clock.now, ...options } });
    sessions = running.get(SessionService);
    token = undefined;
    await request((session) => (session.views = 1));
  }

  async function request(next: typeof use): Promise<unknown> {
    use = next;
    const answer = await call(running.url, '/', { token });
    if (answer.status !== 200) throw new Error(`${String(answer.status)} ${answer.text}`);
    token = answer.token ?? token;
    return (answer.json() as { result: unknown }).result;
  }

  async function loaded(): Promise<DataSession> {
    const session = await sessions.load<Data>(token as string);
    if (session === undefined) throw new Error('no session');
    return session;
  }

  const stored = async (): Promise<object> => ({ ...(await loaded()) });

  describe.each(Object.entries(STORES))('with a %s', (_name, build) => {
    beforeEach(() => start({ store: build() }));

    it('save, reload, touch and regenerate do what the methods of the session do', async () => {
      const seen = await request(async (session, service) => {
        session.views = 2;
        await service.save(session);
        session.views = 3;
        await service.reload(session);
        await service.touch(session);
        session.cart = ['a'];
        const next = await service.regenerate(session, { keep: ['views'] });
        return { ...next };
      });
      expect(seen).toEqual({ views: 2 });
      expect(await stored()).toEqual({ views: 2 });
    });

    it('law 6: destroy ends a session for all who hold its token', async () => {
      const [first, second] = [await loaded(), await loaded()];
      await sessions.destroy(first);
      second.views = 9;
      await expect(sessions.save(second)).rejects.toMatchObject({ code: 'SESSION_ENDED', status: 401 });
      await expect(sessions.reload(await Promise.resolve(second))).rejects.toMatchObject({ code: 'SESSION_DESTROYED' });
      expect(await sessions.load(token as string)).toBeUndefined();
      await expect(sessions.save(first)).rejects.toMatchObject({ code: 'SESSION_DESTROYED' });
    });

    it('law 5: in update every increment counts', async () => {
      const all = await Promise.all(Array.from({ length: 10 }, () => loaded()));
      await Promise.all(
        all.map((session) => sessions.update(session, (draft) => (draft.views = (draft.views ?? 0) + 1))),
      );
      expect(await stored()).toEqual({ views: 11 });
    });

    it('update stores what the session holds besides, and puts the draft’s changes into it', async () => {
      const seen = await request(async (session, service) => {
        session.cart = ['a'];
        await service.update(session, async (draft) => {
          draft.views = 7;
          await Promise.resolve();
          draft.cart?.push('b');
        });
        return { ...session };
      });
      expect(seen).toEqual({ views: 7, cart: ['a', 'b'] });
      expect(await stored()).toEqual(seen);
    });

    it('update that throws changes nothing, and the request goes on', async () => {
      const seen = await request(async (session, service) => {
        const update = service.update(session, (draft) => {
          draft.views = 7;
          throw new RangeError('not today');
        });
        await expect(update).rejects.toThrow(RangeError);
        return session.views;
      });
      expect(seen).toBe(1);
      expect(await stored()).toEqual({ views: 1 });
    });

    it('law 11: update refuses what can’t be stored, and keeps what was', async () => {
      const session = await loaded();
      const update = sessions.update(session, (draft) => Object.assign(draft, { at: new Date(0) }));
      await expect(update).rejects.toMatchObject({ code: 'DATA_NOT_STORABLE' });
      expect(await stored()).toEqual({ views: 1 });
    });

    it('update creates a session that was not stored', async () => {
      token = undefined;
      await request((session, service) => service.update(session, (draft) => (draft.views = 5)));
      expect(token).toMatch(/^[\w-]{43}$/);
      expect(await stored()).toEqual({ views: 5 });
    });

    it('load gives a session whose changes are stored by save only', async () => {
      const session = await loaded();
      session.views = 5;
      expect(await stored()).toEqual({ views: 1 });
      await session.save();
      expect(await stored()).toEqual({ views: 5 });
      expect(session.isNew).toBe(false);
    });

    it('law 7: a loaded session that is regenerated has its new token in info', async () => {
      const next = await sessions.regenerate(await loaded(), { keep: ['views'] });
      const info = sessions.info(next);
      expect(info.token).not.toBe(token);
      expect(await sessions.load(token as string)).toBeUndefined();
      token = info.token;
      expect(await stored()).toEqual({ views: 1 });
    });
  });

  it('info tells what is known besides the data', async () => {
    await start();
    const info = (await request((session, service) => service.info(session))) as SessionInfo;
    const now = clock.now();
    expect(info).toEqual({
      id: (await loaded()).id,
      token,
      isNew: false,
      level: 0,
      persistent: true,
      startedAt: now,
      usedAt: now,
      idleExpiresAt: now + 30 * 60_000,
      absoluteExpiresAt: now + 12 * 3_600_000,
    });
    token = undefined;
    expect(await request((session, service) => service.info(session))).toMatchObject({ isNew: true, startedAt: now });
    expect(token).toBeUndefined();
  });

  it.each([
    '',
    'x',
    'constructor',
    '__proto__',
    'A'.repeat(43),
    'A'.repeat(42) + 'B',
    undefined,
    null,
    42,
    {},
  ] as unknown[])(
    'law 1: load gives undefined for %p, and asks the store only for what can be a token',
    async (value) => {
      const store = new ProbedStore();
      await start({ store });
      store.calls.length = 0;
      expect(await sessions.load(value as string)).toBeUndefined();
      expect(store.calls).toEqual(value === 'A'.repeat(43) ? ['load'] : []);
    },
  );

  it('law 9: load tells a fault of the store from a session that is not there', async () => {
    const store = new ProbedStore();
    await start({ store });
    store.before = () => {
      throw new Error('down');
    };
    await expect(sessions.load(token as string)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE', status: 503 });
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a copy of its data', () => sessions.save({ views: 1 } as never)],
    ['undefined', () => sessions.destroy(undefined as never)],
    ['null', () => sessions.touch(null as never)],
    ['a token', () => sessions.reload('A'.repeat(43) as never)],
  ])('refuses %s in place of a session by its promise, with what to pass', async (_name, run) => {
    await start();
    let promise: Promise<unknown> | undefined;
    expect(() => (promise = run())).not.toThrow();
    await expect(promise).rejects.toMatchObject({
      code: 'NOT_A_SESSION',
      message: expect.stringContaining('@Session()'),
    });
    expect(() => sessions.info({} as never)).toThrow(expect.objectContaining({ code: 'NOT_A_SESSION' }) as Error);
  });

  it.each<[string, (session: DataSession) => Promise<unknown>]>([
    ['regenerate', (session) => sessions.regenerate(session, { kept: ['views'] } as never)],
    ['reauthenticate', (session) => sessions.reauthenticate(session, { kept: 2 } as never)],
    ['destroyAll', () => sessions.destroyAll('ada', { kept: 'x' } as never)],
  ])('%s refuses an option that it does not have, by name', async (method, run) => {
    await start();
    await expect(run(await loaded())).rejects.toMatchObject({
      code: 'INVALID_LOGIN_OPTION',
      message: expect.stringContaining(`${method} option kept: takes one of`),
    });
    expect(await stored()).toEqual({ views: 1 });
  });

  it.each([undefined, null, 0, {}, []] as unknown[])(
    'H19: destroyById gives false for %p, and asks the store only for text',
    async (value) => {
      const store = new ProbedStore();
      await start({ store });
      store.calls.length = 0;
      expect(await sessions.destroyById('ada', value as string)).toBe(false);
      expect(store.calls).toEqual([]);
    },
  );

  it('is one object for the whole application', async () => {
    await start();
    expect(await request((_session, service) => service === sessions)).toBe(true);
  });

  describe('count, clear and sweep', () => {
    it('work on the memory store', async () => {
      await start();
      const first = token as string;
      token = undefined;
      await request((session) => (session.views = 1));
      expect(await sessions.count()).toBe(2);
      expect(await sessions.sweep()).toBe(0);
      await sessions.clear();
      expect(await sessions.count()).toBe(0);
      expect(await sessions.load(first)).toBeUndefined();
    });

    it('say what is missing on a store that has no such ability', async () => {
      await start({ store: new SimpleMapStore() });
      await expect(sessions.count()).rejects.toMatchObject({
        code: 'NOT_SUPPORTED',
        message: expect.stringMatching(/can't count: it has no length or all/),
      });
      await expect(sessions.clear()).rejects.toMatchObject({
        code: 'NOT_SUPPORTED',
        message: expect.stringMatching(/can't clear: it has no clear/),
      });
      expect(await sessions.sweep()).toBe(0);
    });

    it('use length, all and clear of a simple store', async () => {
      const store = new SimpleMapStore();
      const all = (): Promise<object> => Promise.resolve(Object.fromEntries(store.sessions));
      await start({ store: Object.assign(store, { all, clear: () => { store.sessions.clear(); } }) }); // prettier-ignore
      expect(await sessions.count()).toBe(1);
      await sessions.clear();
      expect(await sessions.count()).toBe(0);
    });

    it('law 9: are SessionErrors when the store fails', async () => {
      const store = new MemoryStore();
      await start({ store });
      const down = (): never => {
        throw new Error('down');
      };
      Object.assign(store, { count: down, clear: down, sweep: down });
      for (const run of [() => sessions.count(), () => sessions.clear(), () => sessions.sweep()]) {
        await expect(run()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
      }
    });
  });

  describe('events$', () => {
    it('ASVS 16.x: tells creation, renewal, logout and use after the end', async () => {
      await start();
      const events = collectEvents(running);
      const first = token as string;
      await request((session, service) => service.regenerate(session));
      const second = token as string;
      await request((session, service) => service.destroy(session));
      token = second;
      await request(() => undefined);
      token = first;
      await request(() => undefined);
      const types = events.map(({ type }) => type);
      expect(types).toEqual([
        'session_created',
        'session_renewed',
        'session_destroyed',
        'token_unknown',
        'token_rotated',
      ]);
      for (const secret of [first, second]) expect(JSON.stringify(events)).not.toContain(secret);
    });

    it('law 12: a subscriber that throws harms no request', async () => {
      await start();
      sessions.events$.subscribe(() => {
        throw new Error('a fault of the subscriber');
      });
      token = undefined;
      await request((session) => (session.views = 1));
      expect(await stored()).toEqual({ views: 1 });
    });

    it('law 12: a subscriber may use the service', async () => {
      await start();
      const seen: unknown[] = [];
      const counted = new Promise<void>((resolve) => {
        sessions.events$.subscribe(({ type }) => {
          void sessions.count().then((count) => {
            seen.push([type, count]);
            resolve();
          });
        });
      });
      token = undefined;
      await request((session) => (session.views = 1));
      await counted;
      expect(seen).toEqual([['session_created', 2]]);
    });
  });

  it.each(['save', 'reload', 'touch', 'destroy', 'regenerate', 'update'] as const)(
    'law 9: %s that nobody waits for and that fails ends no process',
    async (method) => {
      const store = new ProbedStore();
      await start({ store });
      const session = await loaded();
      session.views = 2;
      store.before = () => {
        throw new Error('down');
      };
      void sessions[method](session, () => undefined);
      // A rejection that nobody handles is reported by now, which fails the test.
      await new Promise(setImmediate);
    },
  );

  it('F77, law 4: an update that was lost is no success, though nobody waited for it', async () => {
    const store = new ProbedStore();
    await start({ store });
    store.before = (operation) => {
      if (operation === 'update') throw new Error('down');
    };
    use = (session, service) => {
      void service.update(session, (draft) => (draft.views = 2));
    };
    expect((await call(running.url, '/', { token })).status).toBe(503);
  });
});
