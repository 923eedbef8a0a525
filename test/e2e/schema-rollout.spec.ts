import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common';
import fc from 'fast-check';
import {
  MemoryStore,
  Session,
  SessionService,
  type AtomicSessionStore,
  type SessionOptions,
  type SessionStore,
} from 'nestjs-token-session';
import { z } from 'zod';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, type Answer } from '../support/client.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type Platform, type RunningApp } from '../support/platforms.js';
import { ProbedStore, SimpleMapStore } from '../support/stores.js';

type Data = Record<string, unknown>;

let slow: Barrier;

@Controller()
class AnyController {
  constructor(private readonly sessions: SessionService) {}

  @Get('data') data(@Session() sess: Session<Data>): Data {
    return { ...sess };
  }

  @Get('info') info(@Session() sess: Session): object {
    return { userId: this.sessions.info(sess).userId };
  }

  @Get('reload') async reload(@Session() sess: Session<Data>): Promise<Data> {
    await slow.pass();
    await sess.reload();
    return { ...sess };
  }

  @HttpCode(200) @Post('assign') assign(@Session() sess: Session, @Body() data: Data): void {
    Object.assign(sess, data);
  }

  @HttpCode(200) @Post('slow') async slow(@Session() sess: Session, @Body() data: Data): Promise<void> {
    Object.assign(sess, data);
    await slow.pass();
  }

  @HttpCode(200) @Post('login') async login(@Session() sess: Session, @Body() data: Data): Promise<void> {
    Object.assign(await this.sessions.login(sess, 'ada'), data);
  }

  @HttpCode(200) @Post('keep') async keep(
    @Session() sess: Session<Data>,
    @Body() { by }: { by: string },
  ): Promise<void> {
    const options = { keep: ['cart', 'views'] };
    await (by === 'login' ? this.sessions.login(sess, 'ada', options) : this.sessions.regenerate(sess, options));
  }

  @Get('plain') plain(): string {
    return 'plain';
  }
}

/** The first deployment had a list of names, the second has items with a count. */
const V1 = z.object({ cart: z.array(z.string()).optional(), views: z.number().default(0) });
const V2 = z.object({
  cart: z.array(z.object({ name: z.string(), count: z.number() })).optional(),
  views: z.number().default(0),
  wishes: z.array(z.string()).optional(),
});

function migrate(old: Data): z.input<typeof V2> {
  const { cart, views } = old;
  const names = Array.isArray(cart) ? cart.filter((name) => typeof name === 'string') : [];
  return { cart: names.map((name) => ({ name, count: 1 })), views: typeof views === 'number' ? views : 0 };
}

/** One deployment of an application. */
class Deployment {
  readonly events;

  private constructor(private readonly app: RunningApp) {
    this.events = collectEvents(app);
  }

  static async start(
    platform: Platform,
    store: SessionStore | AtomicSessionStore,
    session: SessionOptions,
  ): Promise<Deployment> {
    return new Deployment(await startApp(platform, { controllers: [AnyController], session: { store, ...session } }));
  }

  get(path: string, token: string | undefined): Promise<Answer> {
    return call(this.app.url, path, { token });
  }

  post(path: string, body: Data, token?: string): Promise<Answer> {
    return call(this.app.url, path, { method: 'POST', body, token });
  }

  async data(token: string | undefined): Promise<unknown> {
    return (await this.get('/data', token)).json();
  }

  get sessions(): SessionService {
    return this.app.get(SessionService);
  }

  told(): string[] {
    return this.events.map(({ type }) => type);
  }
}

const STORES = { memory: () => new MemoryStore(), 'simple store': () => new SimpleMapStore() };

describe.each(PLATFORMS)('two deployments on one store, on %s', (platform) => {
  beforeEach(() => (slow = new Barrier()));
  afterEach(closeApps);

  describe.each(Object.entries(STORES))('%s', (_name, createStore) => {
    it('a rollout: what the first has stored is migrated, for the user whose it is', async () => {
      const store = createStore();
      const first = await Deployment.start(platform, store, { schema: V1 });
      const { token } = await first.post('/login', { cart: ['tea'], views: 3 });
      const second = await Deployment.start(platform, store, { schema: V2, migrate });
      expect(await second.data(token)).toEqual({ cart: [{ name: 'tea', count: 1 }], views: 3 });
      expect((await second.get('/info', token)).json()).toEqual({ userId: 'ada' });
      // Nothing was stored by reading: the first deployment still goes on.
      expect(await first.data(token)).toEqual({ cart: ['tea'], views: 3 });
      expect(second.told()).toEqual([]);
    });

    it('law 9: a rollback: the first keeps what the second has stored, and does not use it', async () => {
      const store = createStore();
      const first = await Deployment.start(platform, store, { schema: V1 });
      const { token } = await first.post('/login', { cart: ['tea'] });
      const second = await Deployment.start(platform, store, { schema: V2, migrate });
      expect((await second.post('/assign', { views: 1 }, token)).status).toBe(200);

      for (const [path, body] of [['/data'], ['/assign', { views: 9 }], ['/login', {}]] as const) {
        const answer = body === undefined ? await first.get(path, token) : await first.post(path, body, token);
        expect([answer.status, answer.token]).toEqual([503, undefined]);
        expect(answer.json()).toMatchObject({ code: 'FORMAT_UNKNOWN' });
        expect(answer.text).not.toContain('tea');
      }
      expect((await first.get('/plain', token)).status).toBe(200);
      await expect(first.sessions.load(token as string)).rejects.toMatchObject({ code: 'FORMAT_UNKNOWN' });
      expect(new Set(first.told())).toEqual(new Set(['authn_login_success', 'session_created', 'format_unknown']));
      expect(JSON.stringify(first.events)).toContain('\\"cart[0]\\" (an object); it is kept');
      expect(await second.data(token)).toEqual({ cart: [{ name: 'tea', count: 1 }], views: 1 });
    });

    it('law 5: what the second knows and the first does not outlives a change by the first', async () => {
      const store = createStore();
      const first = await Deployment.start(platform, store, { schema: V1 });
      const second = await Deployment.start(platform, store, { schema: V2, migrate });
      const { token } = await second.post('/assign', { wishes: ['tea'] });
      expect((await first.post('/assign', { views: 7 }, token)).status).toBe(200);
      expect(await second.data(token)).toEqual({ wishes: ['tea'], views: 7 });
    });

    it("'discard': what does not fit is removed with an event, and its client starts anew", async () => {
      const store = createStore();
      const second = await Deployment.start(platform, store, { schema: V2 });
      const { token } = await second.post('/assign', { cart: [{ name: 'tea', count: 1 }] });
      const first = await Deployment.start(platform, store, { schema: V1, onDataMismatch: 'discard' });
      const found = await first.post('/assign', { views: 1 }, token);
      expect([found.status, found.token]).toEqual([401, undefined]);
      expect(first.told()).toContain('record_corrupt');
      const next = await first.post('/assign', { views: 1 }, token);
      expect(next.status).toBe(200);
      expect(next.token).not.toBe(token);
      expect(await first.data(next.token)).toEqual({ views: 1 });
    });
  });

  it("laws 5 and 6: 'discard' removes what it has seen, and nothing that was stored meanwhile", async () => {
    const store = new ProbedStore();
    const second = await Deployment.start(platform, store, { schema: V2 });
    const { token } = await second.post('/assign', { cart: [{ name: 'tea', count: 1 }] });
    const first = await Deployment.start(platform, store, { schema: V1, onDataMismatch: 'discard' });
    const removal = new Barrier();
    store.before = (operation) => (operation === 'destroy' ? removal.pass() : undefined);
    expect((await first.post('/assign', { views: 1 }, token)).status).toBe(401);
    await removal.arrived;
    expect((await second.post('/assign', { cart: [], views: 2 }, token)).status).toBe(200);
    removal.open();
    expect(await second.data(token)).toEqual({ cart: [], views: 2 });
    expect(await first.data(token)).toEqual({ cart: [], views: 2 });
  });

  it("law 9: a migrate that throws is a fault of the program: 'discard' removes nothing", async () => {
    const store = new MemoryStore();
    const first = await Deployment.start(platform, store, { schema: V1 });
    const { token } = await first.post('/assign', { cart: ['the-secret'] });
    const throwing = (old: Data): never => {
      throw new RangeError(JSON.stringify(old));
    };
    const second = await Deployment.start(platform, store, {
      schema: V2,
      migrate: throwing,
      onDataMismatch: 'discard',
    });
    const answer = await second.get('/data', token);
    expect([answer.status, answer.text.includes('the-secret')]).toEqual([503, false]);
    expect(second.events).toEqual([
      { type: 'format_unknown', id: expect.any(String), reason: 'migrate threw RangeError; it is kept' },
    ]);
    expect(await first.data(token)).toEqual({ cart: ['the-secret'], views: 0 });
  });

  it("onStoreError 'anonymous': a session that is kept is empty, and can not be changed", async () => {
    const store = new MemoryStore();
    const second = await Deployment.start(platform, store, { schema: V2 });
    const { token } = await second.post('/assign', { cart: [{ name: 'tea', count: 1 }] });
    const first = await Deployment.start(platform, store, { schema: V1, onStoreError: 'anonymous' });
    expect(await first.data(token)).toEqual({});
    expect((await first.post('/assign', { views: 1 }, token)).status).toBe(503);
    expect(await second.data(token)).toEqual({ cart: [{ name: 'tea', count: 1 }], views: 0 });
  });

  it('law 3: a migration is stored with the next change, not by reading', async () => {
    const memory = new MemoryStore();
    const first = await Deployment.start(platform, memory, { schema: V1 });
    const { token } = await first.post('/assign', { cart: ['tea'] });
    const store = new ProbedStore(memory);
    const second = await Deployment.start(platform, store, { schema: V2, migrate });
    for (let n = 0; n < 3; n++) await second.get('/data', token);
    expect(store.calls).toEqual(['load', 'load', 'load']);
    await second.post('/assign', { views: 2 }, token);
    expect(store.calls.slice(3)).toEqual(['load', 'update']);
    const third = await Deployment.start(platform, memory, { schema: V2 });
    expect(await third.data(token)).toEqual({ cart: [{ name: 'tea', count: 1 }], views: 2 });
  });

  it('law 5: a conflict with the first deployment: what it stored is migrated, then joined', async () => {
    const store = new MemoryStore();
    const first = await Deployment.start(platform, store, { schema: V1 });
    const second = await Deployment.start(platform, store, { schema: V2, migrate });
    const { token } = await first.post('/assign', { cart: ['tea'] });
    const late = second.post('/slow', { wishes: ['milk'] }, token);
    await slow.arrived;
    expect((await first.post('/assign', { cart: ['tea', 'jam'], views: 5 }, token)).status).toBe(200);
    slow.open();
    expect((await late).status).toBe(200);
    expect(await second.data(token)).toEqual({
      cart: [
        { name: 'tea', count: 1 },
        { name: 'jam', count: 1 },
      ],
      views: 5,
      wishes: ['milk'],
    });
  });

  describe.each(['login', 'regenerate'])('%s, while the first deployment changes the session', (by) => {
    let store: ProbedStore;
    let first: Deployment;
    let token: string;

    beforeEach(async () => {
      store = new ProbedStore();
      first = await Deployment.start(platform, store, { schema: V1 });
      ({ token } = (await first.post('/assign', { cart: ['tea'] })) as { token: string });
      store.before = async (operation) => {
        if (operation !== 'create') return;
        store.before = undefined;
        await first.post('/assign', { cart: ['tea', 'jam'], views: 5 }, token);
      };
    });

    it('laws 5 and 7: what it stored is migrated and moves along', async () => {
      const second = await Deployment.start(platform, store, { schema: V2, migrate });
      const answer = await second.post('/keep', { by }, token);
      expect(answer.status).toBe(200);
      expect(await second.data(answer.token)).toEqual(migrate({ cart: ['tea', 'jam'], views: 5 }));
      expect(await second.data(token)).toEqual({});
    });

    it('laws 7 and 9: where that does not fit, nothing is renewed: 503, no token, and what it stored is intact', async () => {
      const strict = z.object({ cart: z.array(z.string()).max(1).optional(), views: z.number().default(0) });
      const second = await Deployment.start(platform, store, { schema: strict });
      const answer = await second.post('/keep', { by }, token);
      expect([answer.status, answer.token]).toEqual([503, undefined]);
      expect(answer.json()).toMatchObject({ code: 'FORMAT_UNKNOWN' });
      expect(await first.data(token)).toEqual({ cart: ['tea', 'jam'], views: 5 });
      expect(await first.sessions.count()).toBe(1);
    });
  });

  it('law 9: a conflict with data that do not fit: 503, what the other stored is intact', async () => {
    const store = new MemoryStore();
    const first = await Deployment.start(platform, store, { schema: V1 });
    const second = await Deployment.start(platform, store, { schema: V2, migrate });
    const { token } = await first.post('/assign', { views: 1 });
    const [late, loaded] = [first.post('/slow', { views: 2 }, token), slow];
    await loaded.arrived;
    slow = new Barrier();
    const reloading = first.get('/reload', token);
    await slow.arrived;
    await second.post('/assign', { cart: [{ name: 'tea', count: 1 }] }, token);
    loaded.open();
    slow.open();
    for (const answer of await Promise.all([late, reloading])) {
      expect(answer.status).toBe(503);
      expect(answer.json()).toMatchObject({ code: 'FORMAT_UNKNOWN' });
    }
    expect(await second.data(token)).toEqual({ cart: [{ name: 'tea', count: 1 }], views: 1 });
  });

  it('law 9: whatever the first has stored, the second uses it, migrates it, keeps it or discards it', async () => {
    const store = new MemoryStore();
    const first = await Deployment.start(platform, store, {});
    const seconds = await Promise.all(
      [{ migrate }, {}, { onDataMismatch: 'discard' as const }].map((options) =>
        Deployment.start(platform, store, { schema: V2, ...options }),
      ),
    );
    const key = fc.oneof(fc.constantFrom('cart', 'views', 'wishes', 'constructor', 'toString', 'then'), fc.string());
    // A key that a session itself has is refused before anything is stored.
    const taken = new Set(['id', 'isNew', 'maxAge', 'save', 'reload', 'destroy', 'touch', 'regenerate', '__proto__']);
    const stored = fc.dictionary(
      key.filter((name) => !taken.has(name)),
      fc.jsonValue({ maxDepth: 3 }),
      { minKeys: 1 },
    );
    await fc.assert(
      fc.asyncProperty(stored, async (data) => {
        fc.pre(!JSON.stringify(data).includes('-0') && !JSON.stringify(data).includes('__proto__'));
        const { token, status } = await first.post('/assign', data);
        expect(status).toBe(200);
        for (const second of seconds) {
          second.events.length = 0;
          const answer = await second.get('/data', token);
          const told = second.told();
          if (answer.status === 503) expect(told).toEqual(['format_unknown']);
          else if (told.length > 0) expect([told, answer.json()]).toEqual([['record_corrupt'], {}]);
          else expect(V2.safeParse(answer.json()).success).toBe(true);
        }
      }),
      { numRuns: 60 },
    );
  });
});
