import { Controller, Get, Post, Req } from '@nestjs/common';
import {
  MemoryStore,
  RequireSession,
  Session,
  SessionService,
  type AtomicSessionStore,
  type SessionEvent,
  type SessionOptions,
  type SessionStore,
} from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { CallbackMapStore, ProbedStore, SimpleMapStore } from '../support/stores.js';

type Data = Record<string, unknown>;

@Controller()
class FaultController {
  constructor(private readonly sessions: SessionService) {}

  @Get('plain')
  plain(): string {
    return 'plain';
  }

  @Get('data')
  data(@Session() sess: Session<Data>): Data {
    return { ...sess };
  }

  @Get('required')
  @RequireSession()
  required(): string {
    return 'required';
  }

  @Post('write')
  write(@Session() sess: Session<Data>): string {
    sess['written'] = true;
    return 'written';
  }

  @Post('update')
  async update(@Session() sess: Session<Data>): Promise<string> {
    await this.sessions.update(sess, (draft) => (draft['written'] = true));
    return 'written';
  }

  @Post('regenerate')
  async regenerate(@Session() sess: Session<Data>): Promise<string> {
    await sess.regenerate();
    return 'regenerated';
  }

  @Post('touch')
  async touch(@Session() sess: Session<Data>): Promise<string> {
    await sess.touch();
    return 'touched';
  }

  @Post('destroy')
  async destroy(@Session() sess: Session<Data>): Promise<string> {
    await sess.destroy();
    return 'destroyed';
  }

  @Post('destroy-unawaited')
  destroyUnawaited(@Session() sess: Session<Data>): string {
    void this.sessions.destroy(sess);
    return 'destroyed';
  }

  @Post('null')
  setToNull(@Req() request: { session: unknown }): string {
    request.session = null;
    return 'destroyed';
  }
}

/** What a store does instead of its work. */
const FAULTS = {
  rejects: () => Promise.reject(new Error('connection refused')),
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what custom stores do
  'rejects with undefined': () => Promise.reject(undefined),
  'throws synchronously': () => {
    throw new Error('connection refused');
  },
  'throws a string': () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- what custom stores do
    throw 'connection refused';
  },
  'never settles': () => new Promise(() => undefined),
} as const;

const CALLBACK_FAULTS = {
  'calls back with an error': (...args: unknown[]) => {
    setImmediate(args.at(-1) as (error: unknown) => void, new Error('connection refused'));
  },
  'calls back with a string': (...args: unknown[]) => {
    setImmediate(args.at(-1) as (error: unknown) => void, 'connection refused');
  },
  'never calls back': () => undefined,
  'throws synchronously': FAULTS['throws synchronously'],
} as const;

/** A store that works, and the same with each of its methods replaced while it is broken. */
interface Breakable {
  readonly store: SessionStore | AtomicSessionStore;
  broken: boolean;
}

function breakable(store: SessionStore | AtomicSessionStore, fault: (...args: unknown[]) => unknown): Breakable {
  const switched: Breakable = {
    broken: false,
    store: new Proxy(store, {
      get(target, name, receiver) {
        const method = Reflect.get(target, name, receiver) as unknown;
        if (typeof method !== 'function' || name === 'attach' || name === 'close') return method;
        const faulty = function (...args: unknown[]): unknown {
          return switched.broken ? fault(...args) : (method as (...args: unknown[]) => unknown).apply(target, args);
        };
        // How many parameters a method declares tells whether it takes a callback.
        return Object.defineProperty(faulty, 'length', { value: method.length });
      },
    }),
  };
  return switched;
}

const BROKEN: [string, () => Breakable][] = [
  ...Object.entries(FAULTS).flatMap(([name, fault]): [string, () => Breakable][] => [
    [`a strong store that ${name}`, () => breakable(new MemoryStore(), fault)],
    [`a simple store that ${name}`, () => breakable(new SimpleMapStore(), fault)],
  ]),
  ...Object.entries(CALLBACK_FAULTS).map(([name, fault]): [string, () => Breakable] => [
    `a callback store that ${name}`,
    () => breakable(new CallbackMapStore(), fault),
  ]),
];

const post = (url: string, path: string, token?: string): Promise<Answer> => call(url, path, { method: 'POST', token });

failOnUnhandledRejections();
afterEach(closeApps);

describe.each(PLATFORMS)('faults of the store on %s', (platform) => {
  const start = (session: SessionOptions): Promise<RunningApp> =>
    startApp(platform, { controllers: [FaultController], session: { storeTimeout: 100, ...session } });

  function expectUnavailable(answer: Answer): void {
    expect([answer.status, answer.token]).toEqual([503, undefined]);
    expect(answer.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
  }

  describe.each(BROKEN)('%s', (_name, create) => {
    let switched: Breakable;
    let running: RunningApp;
    let url: string;
    let token: string;
    let events: SessionEvent[];

    async function begin(options: SessionOptions = {}): Promise<void> {
      switched = create();
      running = await start({ store: switched.store, ...options });
      ({ url } = running);
      token = (await post(url, '/write')).token as string;
      events = collectEvents(running);
      switched.broken = true;
    }

    it('law 9: 503 at the first use of the session, in bounded time, and no token is set or cleared', async () => {
      await begin();
      const answers = await Promise.all([
        call(url, '/data', { token }),
        call(url, '/required', { token }),
        ...['/write', '/destroy', '/null'].map((path) => post(url, path, token)),
      ]);
      for (const answer of answers) expectUnavailable(answer);
    });

    it('law 9: routes that do not use the session, and requests without a token, are unaffected', async () => {
      await begin();
      expect((await call(url, '/plain', { token })).text).toBe('plain');
      expect((await call(url, '/data')).json()).toEqual({});
    });

    it('law 9, law 12: it recovers without a restart, and both are events', async () => {
      await begin();
      await call(url, '/data', { token });
      switched.broken = false;
      expect((await call(url, '/data', { token })).json()).toEqual({ written: true });
      expect(events.map(({ type }) => type)).toEqual(['store_failed', 'store_recovered']);
    });

    it('law 9: a new session is refused without a token', async () => {
      await begin();
      const answer = await post(url, '/write');
      expect([answer.status, answer.token]).toEqual([503, undefined]);
    });

    describe("onStoreError: 'anonymous'", () => {
      it('law 9: the session can be read, as an empty one; no token is set or cleared', async () => {
        await begin({ onStoreError: 'anonymous' });
        const answer = await call(url, '/data', { token });
        expect([answer.status, answer.json(), answer.token]).toEqual([200, {}, undefined]);
        expect((await call(url, '/required', { token })).status).toBe(401);
      });

      it('law 9, F77: nothing that changes the session is acknowledged', async () => {
        await begin({ onStoreError: 'anonymous' });
        const paths = ['write', 'update', 'regenerate', 'touch', 'destroy', 'destroy-unawaited', 'null'];
        const answers = await Promise.all(paths.map((path) => post(url, `/${path}`, token)));
        expect(answers.map(({ status, token }, index) => [paths[index], status, token])).toEqual(
          paths.map((path) => [path, 503, undefined]),
        );
        switched.broken = false;
        expect((await call(url, '/data', { token })).json()).toEqual({ written: true });
      });
    });
  });

  describe('a store that is slow', () => {
    it('law 9: an answer after the deadline is not heard, well or not', async () => {
      const store = new ProbedStore();
      const { url } = await start({ store });
      const token = (await post(url, '/write')).token as string;
      const late = [new Barrier(), new Barrier()] as const;
      let loads = 0;
      store.before = async () => {
        const load = loads++;
        await late[load]?.pass();
        if (load === 1) throw new Error('connection lost');
      };
      expectUnavailable(await call(url, '/data', { token }));
      expectUnavailable(await call(url, '/data', { token }));
      for (const barrier of late) barrier.open();
      expect((await call(url, '/data', { token })).json()).toEqual({ written: true });
    });

    it('law 8: a touch that hangs or fails neither delays nor fails the answer', async () => {
      const clock = new TestClock();
      const store = new ProbedStore();
      const running = await start({ store, clock: clock.now, storeTimeout: '2s' });
      const token = (await post(running.url, '/write')).token as string;
      clock.advance(10 * 60_000);
      const touch = new Barrier();
      store.before = async (operation) => {
        if (operation !== 'touch') return;
        await touch.pass();
        throw new Error('connection lost');
      };
      const answer = await call(running.url, '/data', { token });
      expect([answer.status, answer.json()]).toEqual([200, { written: true }]);
      touch.open();
    });

    it('F79: a hanging call for one session does not hold up the others', async () => {
      const store = new SimpleMapStore();
      const { url } = await start({ store, storeTimeout: '2s' });
      const [a, b] = [(await post(url, '/write')).token as string, (await post(url, '/write')).token as string];
      const stuck = new Barrier();
      const set = store.set.bind(store);
      let sets = 0;
      store.set = async (...args) => {
        if (sets++ === 0) await stuck.pass();
        return set(...args);
      };
      const held = post(url, '/update', a);
      await stuck.arrived;
      expect((await post(url, '/update', b)).status).toBe(201);
      stuck.open();
      expect((await held).status).toBe(201);
    });
  });

  describe('F79: custom stores that answer nonsense', () => {
    const NONSENSE: unknown[] = [undefined, null, 0, 42, '', 'OK', true, false, [], {}, { status: 'conflict' }];

    it.each(['load', 'create', 'update', 'touch', 'destroy'])(
      '%s: never a crash, a 500, or a success over data that is not stored',
      async (operation) => {
        for (const nonsense of NONSENSE) {
          // That is no nonsense but a lie, which nobody can see through.
          if (operation === 'create' && nonsense === true) continue;
          const inner = new MemoryStore();
          let broken = false;
          const store = new Proxy(inner, {
            get(target, name) {
              const method = Reflect.get(target, name) as unknown;
              if (typeof method !== 'function') return method;
              return (...args: unknown[]): unknown =>
                broken && name === operation
                  ? nonsense
                  : (method as (...args: unknown[]) => unknown).apply(target, args);
            },
          });
          const { url, close } = await start({ store });
          const token = (await post(url, '/write')).token as string;
          broken = true;
          const told = `${operation} gave ${JSON.stringify(nonsense)}`;
          for (const path of ['/write', '/update', '/regenerate', '/touch', '/destroy']) {
            const known = await post(url, path, token);
            const fresh = await post(url, path);
            for (const { status } of [known, fresh]) expect([told, path, status]).not.toEqual([told, path, 500]);
            // What is acknowledged with a token can be read by it, as soon as the store is sane.
            if (fresh.status < 300 && fresh.token !== undefined) {
              broken = false;
              expect([told, (await call(url, '/data', { token: fresh.token })).json()]).toEqual([
                told,
                { written: true },
              ]);
              broken = true;
            }
          }
          expect((await call(url, '/plain', { token })).text).toBe('plain');
          await close();
        }
      },
    );

    it('an error without text is a fault like any other, at once or late', async () => {
      const textless: unknown[] = [
        Object.create(null),
        { toString: () => ({}) },
        Object.defineProperty({}, 'message', {
          get: () => {
            throw new Error('no message');
          },
        }),
        Symbol('fault'),
        undefined,
        null,
      ];
      const store = new MemoryStore();
      const running = await start({ store });
      const token = (await post(running.url, '/write')).token as string;
      const events = collectEvents(running);
      const load = store.load.bind(store);
      for (const fault of textless) {
        for (const isLate of [false, true]) {
          store.load = () => {
            if (!isLate) throw fault;
            // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what custom stores do
            return Promise.reject(fault) as never;
          };
          expect((await call(running.url, '/data', { token })).status).toBe(503);
        }
      }
      store.load = load;
      expect((await call(running.url, '/data', { token })).json()).toEqual({ written: true });
      expect(events.filter(({ type }) => type === 'store_failed')).toHaveLength(textless.length * 2);
    });

    it('a callback that comes twice is heard once', async () => {
      const store = new CallbackMapStore();
      const twice = (method: (...args: never[]) => unknown) =>
        function (this: CallbackMapStore, ...args: unknown[]): void {
          const callback = args.pop() as (...answer: unknown[]) => void;
          method.call(
            this,
            ...([
              ...args,
              (...answer: unknown[]) => {
                callback(...answer);
                callback(new Error('once more'));
              },
            ] as never[]),
          );
        };
      const get = twice(store.get);
      const set = twice(store.set);
      const destroy = twice(store.destroy);
      const doubled: SessionStore = {
        get: (sid, callback) => get.call(store, sid, callback),
        set: (sid, session, _ttl, callback) => set.call(store, sid, session, callback),
        destroy: (sid, callback) => destroy.call(store, sid, callback),
      };
      const { url } = await start({ store: doubled });
      const token = (await post(url, '/write')).token as string;
      expect((await call(url, '/data', { token })).json()).toEqual({ written: true });
      expect((await post(url, '/destroy', token)).status).toBe(201);
      expect((await call(url, '/data', { token })).json()).toEqual({});
    });
  });

  describe('law 12', () => {
    it('a fault is one log line a minute, which says how many more there were', async () => {
      const clock = new TestClock();
      const lines: string[] = [];
      const store = new ProbedStore();
      const logger = { warn: () => undefined, error: (line: string) => lines.push(line) };
      const { url } = await start({ store, clock: clock.now, logger });
      const token = (await post(url, '/write')).token as string;
      store.before = () => {
        throw new Error('connection refused');
      };
      for (let request = 0; request < 5; request++) await call(url, '/data', { token });
      clock.advance(60_000);
      await call(url, '/data', { token });
      expect(lines).toHaveLength(2);
      expect(lines[0]).toMatch(/store_failed.*load.*connection refused/);
      expect(lines[1]).toContain('4 more');
      expect(lines.join('\n')).not.toContain(token);
    });

    it('a subscriber or a logger that throws harms no request', async () => {
      const store = new ProbedStore();
      const thrower = (): never => {
        throw new Error('of the application');
      };
      const running = await start({ store, logger: { warn: thrower, error: thrower } });
      running.get(SessionService).events$.subscribe(thrower);
      const events = collectEvents(running);
      const token = (await post(running.url, '/write')).token as string;
      store.before = thrower;
      expectUnavailable(await call(running.url, '/data', { token }));
      expect(events.map(({ type }) => type)).toEqual(['session_created', 'store_failed']);
    });
  });
});
