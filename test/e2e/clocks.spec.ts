import { Controller, Get } from '@nestjs/common';
import {
  Session,
  SessionService,
  type AtomicSessionStore,
  type SessionOptions,
  type SessionRecord,
  type SessionStore,
  type SessionTimes,
  type StoredSession,
  type UpdateResult,
} from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore, SimpleMapStore, STORES } from '../support/stores.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const IDLE = 30 * MINUTE;
const TOUCH = 3 * MINUTE;
const ABSOLUTE = 12 * HOUR;

let barrier: Barrier;

@Controller()
class ViewsController {
  constructor(private readonly sessions: SessionService) {}

  @Get('views')
  views(@Session() sess: Session<{ views: number }>): number {
    return (sess.views = (sess.views ?? 0) + 1);
  }

  @Get('read')
  read(@Session() sess: Session<{ views: number }>): number {
    return sess.views ?? 0;
  }

  @Get('renew')
  async renew(@Session() sess: Session<{ views: number }>): Promise<void> {
    await sess.regenerate({ keep: ['views'] });
  }

  @Get('touch')
  async touch(@Session() sess: Session): Promise<void> {
    await sess.touch();
  }

  @Get('slow-read')
  async slowRead(@Session() sess: Session<{ views: number }>): Promise<number> {
    await barrier.pass();
    return sess.views ?? 0;
  }

  @Get('slow-write')
  async slowWrite(@Session() sess: Session<{ views: number }>): Promise<number> {
    sess.views = 99;
    await barrier.pass();
    return sess.views;
  }

  @Get('info')
  info(@Session() sess: Session): unknown {
    return this.sessions.info(sess);
  }
}

/** A strong store that never expires anything, and does not even look at times. */
class KeepingStore implements AtomicSessionStore {
  readonly records = new Map<string, SessionRecord>();
  load(id: string): SessionRecord | undefined {
    return this.records.get(id);
  }
  create(id: string, record: SessionRecord): boolean {
    return !this.records.has(id) && this.records.set(id, record) === this.records;
  }
  update(id: string, record: SessionRecord, expectedVersion: string): UpdateResult {
    const current = this.records.get(id);
    if (current === undefined) return { status: 'missing' };
    if (current.version !== expectedVersion) return { status: 'conflict', current };
    this.records.set(id, record);
    return { status: 'updated' };
  }
  touch(id: string, { usedAt }: SessionTimes): boolean {
    const current = this.records.get(id);
    return current !== undefined && this.records.set(id, { ...current, usedAt }) === this.records;
  }
  destroy(id: string): SessionRecord | undefined {
    const removed = this.records.get(id);
    this.records.delete(id);
    return removed;
  }
}

/** A simple store with an expiry and a clock of its own, as Redis has them. */
class ExpiringStore extends SimpleMapStore {
  private readonly ends = new Map<string, number>();
  constructor(private readonly now: () => number) {
    super();
  }
  override get(sid: string): Promise<StoredSession | undefined> {
    if ((this.ends.get(sid) ?? 0) <= this.now()) this.sessions.delete(sid);
    return super.get(sid);
  }
  override set(sid: string, session: StoredSession, ttl: number): Promise<void> {
    this.ends.set(sid, this.now() + ttl);
    return super.set(sid, session, ttl);
  }
}

const ALL_STORES: Record<string, () => SessionStore | AtomicSessionStore> = {
  ...STORES,
  'store that never expires': () => new KeepingStore(),
};

describe.each(PLATFORMS)('the two clocks on %s', (platform) => {
  let clock: TestClock;
  let running: RunningApp;
  let token: string | undefined;

  beforeEach(() => {
    clock = new TestClock();
    barrier = new Barrier();
  });
  afterEach(closeApps);

  async function start(options: SessionOptions = {}): Promise<void> {
    running = await startApp(platform, { controllers: [ViewsController], session: { clock: clock.now, ...options } });
  }

  /** Starts an application and a session in it. */
  async function signIn(options?: SessionOptions): Promise<void> {
    await start(options);
    token = (await request('/views')).token;
  }

  const request = (path: string): Promise<Answer> => call(running.url, path, { token });

  async function lives(): Promise<boolean> {
    return (await request('/read')).text === '1';
  }

  /** A touch runs beside the answer: this is when a store that takes its time has it. */
  async function touched(): Promise<void> {
    const sessions = running.get(SessionService);
    for (;;) {
      const loaded = await sessions.load(token as string);
      if (loaded === undefined || sessions.info(loaded).usedAt === clock.now()) return;
      await new Promise(setImmediate);
    }
  }

  describe.each(Object.entries(ALL_STORES))('with a %s', (_name, build) => {
    it.each([
      [IDLE - 1, true],
      [IDLE, false],
      [IDLE + 1, false],
    ])('law 8, ASVS 7.3.1: unused since it began, after %d ms it lives: %s', async (ms, living) => {
      await signIn({ store: build() });
      clock.advance(ms);
      expect(await lives()).toBe(living);
    });

    it('law 8, ASVS 7.3.1: ends between idleTimeout − touchInterval and idleTimeout after its last request', async () => {
      // The last request comes 1 ms before a touch is due: the session ends as early as it may.
      await signIn({ store: build() });
      clock.advance(TOUCH - 1);
      expect(await lives()).toBe(true);
      clock.advance(IDLE - TOUCH);
      expect(await lives()).toBe(true);

      await signIn({ store: build() });
      clock.advance(TOUCH - 1);
      expect(await lives()).toBe(true);
      clock.advance(IDLE - TOUCH + 1);
      expect(await lives()).toBe(false);
    });

    it('law 8, ASVS 7.3.1: a request at the very touch interval moves the idle clock in full', async () => {
      for (const [ms, living] of [
        [IDLE - 1, true],
        [IDLE, false],
      ] as const) {
        await signIn({ store: build() });
        clock.advance(TOUCH);
        expect(await lives()).toBe(true);
        await touched();
        clock.advance(ms);
        expect(await lives()).toBe(living);
      }
    });

    it('law 8, ASVS 7.3.2: touched every minute, the absolute limit ends it to the millisecond', async () => {
      await signIn({ store: build() });
      const sessions = running.get(SessionService);
      for (let minute = 1; minute < 12 * 60; minute++) {
        clock.advance(MINUTE);
        await (await sessions.load(token as string))?.touch();
      }
      clock.advance(MINUTE - 1);
      expect(await lives()).toBe(true);
      clock.advance(1);
      expect(await lives()).toBe(false);
    });

    it('ASVS 7.3.2: writes do not move the absolute limit either', async () => {
      await signIn({ store: build(), idleTimeout: '1h', absoluteTimeout: '1h' });
      for (let n = 0; n < 3; n++) {
        clock.advance(HOUR / 4);
        expect((await request('/views')).text).toBe(String(n + 2));
      }
      clock.advance(HOUR / 4 - 1);
      expect((await request('/read')).text).toBe('4');
      clock.advance(1);
      expect((await request('/read')).text).toBe('0');
    });

    it('law 8: regenerate keeps the absolute limit', async () => {
      await signIn({ store: build(), idleTimeout: '1h', absoluteTimeout: '1h' });
      clock.advance(HOUR / 2);
      token = (await request('/renew')).token;
      clock.advance(HOUR / 2 - 1);
      expect(await lives()).toBe(true);
      clock.advance(1);
      expect(await lives()).toBe(false);
    });

    it('law 8: a shortened option acts at once on sessions that are there, a lengthened one does not', async () => {
      const store = build();
      await signIn({ store });
      clock.advance(10 * MINUTE);
      await start({ store, idleTimeout: '10m' });
      expect(await lives()).toBe(false);
      await start({ store, idleTimeout: '5m', absoluteTimeout: '10m' });
      expect(await lives()).toBe(false);
      await start({ store, idleTimeout: '2h', absoluteTimeout: '90d' });
      clock.advance(IDLE - 10 * MINUTE - 1);
      expect(await lives()).toBe(true);
      clock.advance(IDLE);
      expect(await lives()).toBe(false);
    });

    it('law 1: what is written after the end gets a new token and none of the old data', async () => {
      await signIn({ store: build() });
      clock.advance(IDLE);
      const answer = await request('/views');
      expect(answer.text).toBe('1');
      expect(answer.token).toMatch(/^[\w-]{43}$/);
      expect(answer.token).not.toBe(token);
    });

    it('C50: that ends by its absolute limit while a request runs may still be read, but not written', async () => {
      const limits = { idleTimeout: HOUR, absoluteTimeout: HOUR };
      for (const [path, status] of [
        ['/slow-read', 200],
        ['/slow-write', 401],
      ] as const) {
        barrier = new Barrier();
        await signIn({ store: build(), ...limits });
        clock.advance(HOUR - 1);
        const answering = request(path);
        await barrier.arrived;
        clock.advance(1);
        barrier.open();
        const answer = await answering;
        expect(answer.status).toBe(status);
        expect(answer.token).toBeUndefined();
        expect(await lives()).toBe(false);
      }
    });
  });

  describe('touch', () => {
    it('law 3, law 8: is amortised: one store command per touch interval, whatever the number of requests', async () => {
      const store = new ProbedStore();
      await signIn({ store });
      store.calls.length = 0;
      for (let n = 0; n < 10; n++) await lives();
      clock.advance(TOUCH - 1);
      await lives();
      expect(store.calls.filter((name) => name !== 'load')).toEqual([]);
      clock.advance(1);
      for (let n = 0; n < 10; n++) await lives();
      expect(store.calls.filter((name) => name !== 'load')).toEqual(['touch']);
    });

    it('law 8: runs beside the handler: one that hangs delays no answer', async () => {
      const store = new ProbedStore();
      await signIn({ store });
      clock.advance(TOUCH);
      const hanging = new Barrier();
      store.before = (operation) => (operation === 'touch' ? hanging.pass() : undefined);
      expect(await lives()).toBe(true);
      await hanging.arrived;
      hanging.open();
    });

    it('law 8: one that fails fails no answer, and is an event', async () => {
      const store = new ProbedStore();
      await signIn({ store });
      const events = collectEvents(running);
      clock.advance(TOUCH);
      store.before = (operation) => {
        if (operation === 'touch') throw new Error('down');
      };
      expect(await lives()).toBe(true);
      expect((await request('/views')).text).toBe('2');
      expect(events).toContainEqual({ type: 'store_failed', operation: 'touch', reason: 'down' });
    });

    it('R59, law 6: one that is under way brings a destroyed session not back', async () => {
      const store = new ProbedStore();
      await signIn({ store });
      clock.advance(TOUCH);
      const late = new Barrier();
      store.before = (operation) => (operation === 'touch' ? late.pass() : undefined);
      await lives();
      await late.arrived;
      const loaded = await running.get(SessionService).load(token as string);
      await loaded?.destroy();
      late.open();
      expect(await lives()).toBe(false);
    });

    it('law 8: a write moves the idle clock too, without a touch', async () => {
      const store = new ProbedStore();
      await signIn({ store });
      clock.advance(TOUCH - 1);
      await request('/views');
      clock.advance(IDLE - 1);
      expect((await request('/read')).text).toBe('2');
      clock.advance(IDLE);
      expect((await request('/read')).text).toBe('0');
    });
  });

  it('law 8: info tells both ends', async () => {
    await signIn();
    const startedAt = clock.now();
    clock.advance(10 * MINUTE);
    const info = (await request('/info')).json();
    expect(info).toMatchObject({
      startedAt,
      usedAt: startedAt + 10 * MINUTE,
      idleExpiresAt: startedAt + 10 * MINUTE + IDLE,
      absoluteExpiresAt: startedAt + ABSOLUTE,
    });
  });

  it('law 12: an ended session is an event, with its id and without its token', async () => {
    await signIn({ store: new KeepingStore() });
    const events = collectEvents(running);
    clock.advance(IDLE);
    await lives();
    expect(events).toEqual([
      { type: 'session_expired', id: expect.any(String), limit: 'idle', reason: expect.any(String) },
    ]);
    expect(JSON.stringify(events)).not.toContain(token);
  });

  it('ASVS 14.2.7: ended sessions leave a store that can sweep', async () => {
    await start();
    const sessions = running.get(SessionService);
    for (let n = 0; n < 5; n++) await call(running.url, '/views');
    clock.advance(IDLE - 1);
    await call(running.url, '/views');
    expect(await sessions.sweep()).toBe(0);
    clock.advance(1);
    expect(await sessions.sweep()).toBe(5);
    expect(await sessions.count()).toBe(1);
  });

  describe('C46: when the clock is put', () => {
    it('an hour forth, idle sessions end and nothing breaks', async () => {
      await signIn();
      clock.advance(HOUR);
      expect(await lives()).toBe(false);
      expect((await request('/views')).status).toBe(200);
    });

    it('an hour back, nobody is signed out', async () => {
      await signIn();
      clock.advance(-HOUR);
      expect(await lives()).toBe(true);
      expect((await request('/views')).text).toBe('2');
    });

    it('an hour back, the idle limit counts from the last request by the clock as it is now', async () => {
      await signIn();
      clock.advance(-HOUR);
      expect(await lives()).toBe(true);
      clock.advance(IDLE);
      expect(await lives()).toBe(false);
    });

    it('an hour forth and back again, the absolute limit stays where it was', async () => {
      await signIn({ idleTimeout: '4h', absoluteTimeout: '4h' });
      clock.advance(HOUR);
      await request('/read');
      clock.advance(-HOUR);
      await request('/read');
      clock.advance(4 * HOUR - 1);
      expect(await lives()).toBe(true);
      clock.advance(1);
      expect(await lives()).toBe(false);
    });
  });

  it.each([5 * MINUTE, -5 * MINUTE])(
    'C47: a store whose clock is %d ms off changes nothing, because it is told times that are left',
    async (offset) => {
      await signIn({ store: new ExpiringStore(() => clock.now() + offset) });
      clock.advance(IDLE - 1);
      expect(await lives()).toBe(true);
      clock.advance(IDLE - 1);
      expect(await lives()).toBe(true);
      clock.advance(IDLE);
      expect(await lives()).toBe(false);
    },
  );

  it('C47: two processes whose clocks are 5 minutes apart serve one session', async () => {
    const store = new KeepingStore();
    await signIn({ store });
    const here = running;
    const there = await startApp(platform, {
      controllers: [ViewsController],
      session: { store, clock: () => clock.now() + 5 * MINUTE },
    });
    for (let n = 0; n < 20; n++) {
      clock.advance(10 * MINUTE);
      running = n % 2 === 0 ? there : here;
      expect(await lives()).toBe(true);
    }
  });

  describe('C51: in a zone other than UTC', () => {
    const zone = process.env['TZ'];
    afterEach(() => {
      if (zone === undefined) delete process.env['TZ'];
      else process.env['TZ'] = zone;
    });

    it.each(['America/St_Johns', 'Pacific/Kiritimati'])(
      '%s, limits are the same, across a change to summer time',
      async (name) => {
        process.env['TZ'] = name;
        clock = new TestClock(Date.UTC(2026, 2, 8, 5, 0));
        await signIn({ idleTimeout: '1h', absoluteTimeout: '1h' });
        clock.advance(HOUR - 1);
        expect(await lives()).toBe(true);
        clock.advance(1);
        expect(await lives()).toBe(false);
      },
    );
  });

  it('C48: the shortest and the longest limits work', async () => {
    await signIn({ idleTimeout: 2, absoluteTimeout: 3, touchInterval: 1 });
    clock.advance(1);
    expect(await lives()).toBe(true);
    clock.advance(2);
    expect(await lives()).toBe(false);
    await signIn({ idleTimeout: '200y', absoluteTimeout: '250y' });
    clock.advance(199 * 365 * 24 * HOUR);
    expect(await lives()).toBe(true);
  });
});
