import { Controller, Get, Req } from '@nestjs/common';
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { Session, SessionService, TokenSession, type SessionCodec, type SessionInfo } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

type Data = Record<string, unknown>;
type AnySession = Session<Data>;
interface RequestLike {
  session: AnySession | null | undefined;
}
type Use = (session: AnySession, request: RequestLike, service: SessionService) => unknown;

/** What the next request does with its session. */
let use: Use;

@Controller()
class UseController {
  constructor(private readonly sessions: SessionService) {}

  @Get()
  async use(@Session() session: AnySession, @Req() request: RequestLike): Promise<unknown> {
    return { result: (await use(session, request, this.sessions)) ?? null };
  }

  @Get('key')
  key(@Session('color') color: unknown): unknown {
    return { color: color ?? null };
  }
}

const RESERVED = ['id', 'isNew', 'maxAge', 'save', 'reload', 'destroy', 'touch', 'regenerate'];
const METHODS = ['save', 'reload', 'destroy', 'touch', 'regenerate'] as const;
const HOUR = 3_600_000;

describe.each(PLATFORMS)('the session object on %s', (platform) => {
  const clock = new TestClock();
  let store: ProbedStore;
  let running: RunningApp;
  let token: string | undefined;

  beforeEach(async () => {
    store = new ProbedStore();
    running = await startApp(platform, { controllers: [UseController], session: { store, clock: clock.now } });
    token = undefined;
  });
  afterEach(closeApps);

  /** One request; keeps the token that it gave. */
  async function request(next: Use): Promise<Answer> {
    use = next;
    const answer = await call(running.url, '/', { token });
    token = answer.token ?? token;
    return answer;
  }

  /** The same; gives what `next` gave. */
  async function result(next: Use): Promise<unknown> {
    const answer = await request(next);
    if (answer.status !== 200) throw new Error(`${String(answer.status)} ${answer.text}`);
    return (answer.json() as { result: unknown }).result;
  }

  /** What a request throws; it leaves the session as it was. */
  async function thrown(next: Use): Promise<unknown> {
    let error: unknown;
    await request(async (session, req, service) => {
      try {
        await next(session, req, service);
      } catch (caught) {
        error = caught;
      }
    });
    return error;
  }

  const stored = (): Promise<unknown> => result((session) => ({ ...session }));

  describe('data', () => {
    it('is plain properties, whatever their names: userId and token are free', async () => {
      const data = { userId: 7, token: 'x', constructor: 'c', toString: 's', hasOwnProperty: 1, state: {}, length: 0 };
      await request((session) => Object.assign(session, data));
      expect(await stored()).toEqual(data);
      expect((await call(running.url, '/key', { token })).json()).toEqual({ color: null });
    });

    it('D34: may be named then and toJSON without making a session awaitable or its JSON another', async () => {
      await request((session) => Object.assign(session, { then: 'later', toJSON: 'text' }));
      expect(
        await result(async (session) => {
          const awaited = await Promise.resolve(session);
          return [awaited === session, session.then, JSON.stringify(session)];
        }),
      ).toEqual([true, 'later', '{"then":"later","toJSON":"text"}']);
    });

    it('D34: a function at then is refused at once, with the key', async () => {
      expect(await thrown((session) => (session.then = () => undefined))).toMatchObject({
        code: 'DATA_NOT_STORABLE',
        message: expect.stringContaining('"then"'),
      });
    });

    it('D36: a function at any other key is refused when it is to be stored, with that key', async () => {
      const error = await thrown(async (session) => {
        session.format = () => undefined;
        await session.save();
      });
      expect(error).toMatchObject({ code: 'DATA_NOT_STORABLE', message: expect.stringContaining('"format"') });
    });

    it('is seen by in, delete, spread, Object.keys, for…in, JSON and inspect; the session’s own names are not', async () => {
      await request((session) => Object.assign(session, { a: 1, b: { c: 2 } }));
      expect(
        await result((session) => {
          const looped: string[] = [];
          for (const key in session) looped.push(key);
          delete session.a;
          return {
            looped,
            keys: Object.keys(session),
            entries: Object.entries(session),
            spread: { ...session },
            json: JSON.stringify(session),
            inspected: inspect(session),
            own: ['a', 'b', 'id', 'save'].map((key) => Object.hasOwn(session, key)),
            in: ['a', 'b', 'id', 'save', 'zzz'].map((key) => key in session),
            is: session instanceof TokenSession,
          };
        }),
      ).toEqual({
        looped: ['a', 'b'],
        keys: ['b'],
        entries: [['b', { c: 2 }]],
        spread: { b: { c: 2 } },
        json: '{"b":{"c":2}}',
        inspected: 'TokenSession { b: { c: 2 } }',
        own: [false, true, false, false],
        in: [false, true, true, true, false],
        is: true,
      });
      expect(await stored()).toEqual({ b: { c: 2 } });
    });

    it('law 2: the token shows nowhere on a session, whichever way one looks', async () => {
      await request((session) => (session.a = 1));
      const shown = await result((session) =>
        [
          inspect(session, { showHidden: true, showProxy: true, depth: 10 }),
          JSON.stringify(session),
          Object.prototype.toString.call(session),
          ...Reflect.ownKeys(session).map(String),
          JSON.stringify(Object.getOwnPropertyDescriptors(session)),
        ].join('\n'),
      );
      expect(shown).not.toContain(token);
    });

    it('D41: a change deep inside is noticed', async () => {
      await request((session) => (session.cart = { items: [{ n: 1 }] }));
      await request((session) => (session.cart as { items: { n: number }[] }).items.push({ n: 2 }));
      await request((session) => ((session.cart as { items: { n: number }[] }).items[0] = { n: 3 }));
      expect(await stored()).toEqual({ cart: { items: [{ n: 3 }, { n: 2 }] } });
    });

    const WAYS: Record<string, (session: AnySession, service: SessionService) => unknown> = {
      'its key': (session) => session.cart,
      destructuring: ({ cart }) => cart,
      'a spread copy': (session) => ({ ...session }).cart,
      values: (session) => Object.values(session)[0],
      entries: (session) => Object.entries(session)[0]?.[1],
      'a descriptor': (session) => Object.getOwnPropertyDescriptor(session, 'cart')?.value as unknown,
      Reflect: (session) => Reflect.get<AnySession, 'cart'>(session, 'cart'),
      'an object that inherits from it': (session) => (Object.create(session) as AnySession).cart,
      'the replacer of JSON.stringify': (session) => {
        let cart: unknown;
        JSON.stringify(session, (key, value: unknown) => (key === 'cart' ? (cart = value) : value));
        return cart;
      },
      'its key before a save': async (session) => {
        const { cart } = session;
        session.other = 1;
        await session.save();
        return cart;
      },
      'its key after a reload': async (session) => {
        await session.reload();
        return session.cart;
      },
      'what was assigned and saved': async (session) => {
        const cart = { n: 2 };
        session.cart = cart;
        await session.save();
        return cart;
      },
      'what was defined and saved': async (session) => {
        const cart = { n: 2 };
        Object.defineProperty(session, 'cart', { value: cart });
        await session.save();
        return cart;
      },
      'what an update put in': async (session, service) => {
        const cart = { n: 2 };
        await service.update(session, (draft) => {
          draft['cart'] = cart;
        });
        return cart;
      },
    };
    it.each(Object.entries(WAYS))('D41: a change deep inside is noticed, reached by %s', async (_way, reach) => {
      await request((session) => (session.cart = { n: 1 }));
      await request(async (session, _request, service) => {
        ((await reach(session, service)) as { n: number }).n = 3;
      });
      expect(await stored()).toMatchObject({ cart: { n: 3 } });
    });

    it('a request that reads plain values only does not encode the data', async () => {
      let encoded = 0;
      const codec: SessionCodec = {
        encode: (data) => `${String(++encoded)} ${JSON.stringify(data)}`,
        decode: (text) => JSON.parse(text.slice(text.indexOf(' '))) as Data,
      };
      running = await startApp(platform, { controllers: [UseController], session: { store, codec } });
      await request((session) => Object.assign(session, { name: 'Ada', cart: { n: 1 } }));
      encoded = 0;
      expect(await result((session) => [session.name, session.isNew, 'cart' in session])).toEqual(['Ada', false, true]);
      expect(encoded).toBe(0);
    });

    it('law 3: a change that is taken back, and an assignment of the same value, write nothing', async () => {
      await request((session) => (session.cart = { n: 1 }));
      store.calls.length = 0;
      await request((session) => {
        const cart = session.cart as { n: number };
        cart.n++;
        cart.n--;
        session.cart = { n: 1 };
        session.extra = 1;
        delete session.extra;
        delete session.never;
      });
      expect(store.calls).toEqual(['load']);
    });

    it('law 3: a key set to undefined on an empty session stores nothing and sends nothing', async () => {
      const answer = await request((session) => {
        session.user = undefined;
      });
      expect(answer.token).toBeUndefined();
      expect(store.calls).toEqual([]);
    });

    it('law 11: a top-level undefined deletes, a nested one drops as in JSON', async () => {
      await request((session) => Object.assign(session, { a: 1, b: { c: 1, d: 2 } }));
      await request((session) => {
        session.a = undefined;
        (session.b as Data)['c'] = undefined;
      });
      expect(await result((session) => [{ ...session }, 'a' in session])).toEqual([{ b: { d: 2 } }, false]);
    });

    it('D42: what is saved is a copy: later changes are changes of their own', async () => {
      const seen = await result(async (session) => {
        const cart = { items: ['a'] };
        session.cart = cart;
        await session.save();
        cart.items.push('b');
        await session.reload();
        return session.cart;
      });
      expect(seen).toEqual({ items: ['a'] });
      expect(await stored()).toEqual({ cart: { items: ['a'] } });
    });
  });

  describe('refuses', () => {
    it.each(RESERVED)('a value for %s, in every way to give one, and says which names are reserved', async (name) => {
      const ways: Use[] = [
        (session) => ((session as Data)[name] = 1),
        (session) => Object.assign(session, { ok: 1, [name]: 1 }),
        (session) => Object.defineProperty(session, name, { value: 1 }),
        (session, _request, service) => service.update(session, (draft) => ((draft as Data)[name] = 1)),
      ];
      for (const way of ways) {
        expect(await thrown(way)).toMatchObject({
          name: 'SessionUsageError',
          code: 'RESERVED_NAME',
          message: expect.stringMatching(new RegExp(`"${name}".*another key.*Reserved are id, isNew, .*, regenerate`)),
        });
      }
    });

    it('ASVS 15.3.3: mass assignment of its methods, identity or expiry', async () => {
      const body = JSON.parse('{"id":"x","maxAge":1e12,"isNew":false,"save":null,"destroy":null}') as Data;
      for (const key of Object.keys(body)) {
        expect(await thrown((session) => Object.assign(session, { [key]: body[key] }))).toMatchObject({
          code: 'RESERVED_NAME',
        });
      }
      // userId is a free name for data, and binds no user.
      await request((session) => Object.assign(session, { userId: 'admin', startedAt: 0, absoluteTimeout: 1e12 }));
      const info = (await result((session, _request, service) => service.info(session))) as SessionInfo;
      expect(info.userId).toBeUndefined();
      expect(info.absoluteExpiresAt).toBe(clock.now() + 12 * HOUR);
    });

    it.each([
      '{"__proto__":{"admin":true}}',
      '{"a":{"__proto__":{"admin":true}}}',
      '{"constructor":{"prototype":{"admin":true}}}',
    ])('D33, ASVS 15.3.6: to change a prototype: %s', async (body) => {
      const admin = await result((session) => {
        try {
          Object.assign(session, JSON.parse(body) as Data);
        } catch {
          // Refused is as good as harmless.
        }
        return [(session as Data)['admin'] ?? null, ({} as Data)['admin'] ?? null, session instanceof TokenSession];
      });
      expect(admin).toEqual([null, null, true]);
      expect(await result((session) => [(session as Data)['admin'] ?? null, ({} as Data)['admin'] ?? null])).toEqual([
        null,
        null,
      ]);
    });

    it.each<[string, Use, RegExp]>([
      ['a symbol as key', (session) => Object.assign(session, { [Symbol('s')]: 1 }), /Symbol\(s\): use a string/],
      [
        'a getter',
        (session) => Object.defineProperty(session, 'g', { get: () => 1, enumerable: true }),
        /"g": store its value/,
      ],
      [
        'a setter',
        (session) => Object.defineProperty(session, 'g', { set: () => undefined, enumerable: true }),
        /"g": store its value/,
      ],
      [
        'a property that would not be stored',
        (session) => Object.defineProperty(session, 'h', { value: 1, enumerable: false }),
        /"h" would not be stored: make it enumerable/,
      ],
    ])('%s, because it could not come back', async (_name, next, message) => {
      expect(await thrown(next)).toMatchObject({
        code: 'DATA_NOT_STORABLE',
        message: expect.stringMatching(message),
      });
    });

    it('no property that is defined as assignments define it', async () => {
      await request((session) => Object.defineProperty(session, 'h', { value: 1, enumerable: true, writable: true }));
      expect(await stored()).toEqual({ h: 1 });
    });
  });

  describe('D43', () => {
    it('req.session = null destroys the session, and undefined stands there afterwards', async () => {
      await request((session) => (session.a = 1));
      const old = token;
      const answer = await request((_session, req) => {
        req.session = null;
        return typeof req.session;
      });
      expect(answer.json()).toEqual({ result: 'undefined' });
      expect(answer.token).toBe('');
      token = old;
      expect(await stored()).toEqual({});
    });

    it.each<[string, () => unknown]>([
      ['another object', () => ({ a: 1 })],
      ['a text', () => 'session'],
      ['false', () => false],
    ])('req.session = %s is a clear error', async (_name, value) => {
      expect(await thrown((_session, req) => (req.session = value() as never))).toMatchObject({
        code: 'NOT_ASSIGNABLE',
        message: expect.stringMatching(/Object\.assign\(req\.session, data\)/),
      });
    });

    it('req.session = req.session is no error', async () => {
      await request((session, req) => {
        req.session = session;
        session.a = 1;
      });
      expect(await stored()).toEqual({ a: 1 });
    });

    it('Object.freeze keeps what was set before, and refuses what comes after, as on any object', async () => {
      expect(
        await thrown((session) => {
          session.a = 1;
          Object.freeze(session);
          session.b = 2;
        }),
      ).toBeInstanceOf(TypeError);
      expect(await stored()).toEqual({ a: 1 });
    });

    it('D43, law 5: a frozen session takes part in a conflict like any other', async () => {
      await request((session) => (session.n = 0));
      const mine = token;
      let others = 0;
      store.before = async (operation): Promise<void> => {
        if (operation !== 'update' || others++ > 0) return;
        const other = await running.get(SessionService).load<Data>(mine as string);
        Object.assign(other as Data, { theirs: 1, n: 5 });
        await other?.save();
      };
      const answer = await request((session) => {
        session.mine = 1;
        Object.freeze(session);
      });
      expect(answer.status).toBe(200);
      // Freezing changes no data: what it froze is not this request's to keep.
      expect(await stored()).toEqual({ n: 5, mine: 1, theirs: 1 });
    });

    it('law 5: deleting what is not there is no change: what another request stores there meanwhile stays', async () => {
      await request((session) => (session.n = 0));
      const mine = token;
      let others = 0;
      store.before = async (operation): Promise<void> => {
        if (operation !== 'update' || others++ > 0) return;
        const other = await running.get(SessionService).load<Data>(mine as string);
        (other as Data)['theirs'] = 1;
        await other?.save();
      };
      await request((session) => {
        delete session.theirs;
        session.mine = 1;
      });
      expect(await stored()).toEqual({ n: 0, mine: 1, theirs: 1 });
    });
  });

  describe('D44: after its request ended', () => {
    let kept: AnySession;
    beforeEach(async () => {
      await request((session) => {
        kept = session;
        session.a = 1;
      });
    });

    it('an assignment and a deletion are errors that say what to do', () => {
      for (const change of [() => (kept.b = 2), () => delete kept.a, () => Object.assign(kept, { c: 1 })]) {
        expect(change).toThrow(
          expect.objectContaining({
            code: 'ALREADY_ANSWERED',
            message: expect.stringContaining('SessionService.load'),
          }) as Error,
        );
      }
      expect({ ...kept }).toEqual({ a: 1 });
    });

    it.each(METHODS)('%s is refused by promise and by callback', async (method) => {
      await expect(kept[method]()).rejects.toMatchObject({ code: 'ALREADY_ANSWERED' });
      const error = await new Promise((resolve) => void kept[method](resolve).catch(() => undefined));
      expect(error).toMatchObject({ code: 'ALREADY_ANSWERED' });
      expect(await stored()).toEqual({ a: 1 });
    });
  });

  describe('id, isNew and maxAge', () => {
    it('law 2: id is undefined until the session is stored, then SHA-256 of the token', async () => {
      const ids = (await result(async (session) => {
        const before = [session.id ?? null, session.isNew];
        await session.save();
        return [...before, session.id, session.isNew];
      })) as unknown[];
      expect(ids).toEqual([
        null,
        true,
        createHash('sha256')
          .update(token ?? '')
          .digest('base64url'),
        false,
      ]);
      expect(await result((session) => [session.id, session.isNew])).toEqual([ids[2], false]);
    });

    it('law 2: id changes with the token', async () => {
      await request((session) => (session.a = 1));
      const [before, after] = (await result(async (session) => [
        session.id,
        (await session.regenerate()).id,
      ])) as string[];
      expect(after).toMatch(/^[\w-]{43}$/);
      expect(after).not.toBe(before);
    });

    it('law 8: maxAge is the time until the nearer of both limits', async () => {
      expect(await result((session) => (session.a = session.maxAge))).toBe(HOUR / 2);
      clock.advance(60_000);
      expect(await result((session) => session.maxAge)).toBe(HOUR / 2 - 60_000);
      for (let hours = 0; hours < 11.75; hours += 0.25) {
        clock.advance(HOUR / 4);
        await request((session) => session.maxAge);
      }
      expect(await result((session) => session.maxAge)).toBe(HOUR / 4 - 60_000);
    });
  });

  describe('methods', () => {
    it('save stores what changed, now, and an empty session too', async () => {
      await request((session) => session.save());
      expect(store.calls).toEqual(['create']);
      expect(token).toMatch(/^[\w-]{43}$/);
      store.calls.length = 0;
      await request(async (session) => {
        session.a = 1;
        await session.save();
        await session.save();
      });
      expect(store.calls).toEqual(['load', 'update']);
    });

    it('reload drops what was not saved and takes what others stored', async () => {
      await request((session) => Object.assign(session, { a: 1, b: 1 }));
      const seen = await result(async (session, _request, service) => {
        session.a = 2;
        session.c = 3;
        delete session.b;
        const other = (await service.load<Data>(token as string)) as AnySession;
        other.theirs = true;
        await other.save();
        await session.reload();
        return { ...session };
      });
      expect(seen).toEqual({ a: 1, b: 1, theirs: true });
      expect(await stored()).toEqual(seen);
    });

    it('touch moves the idle clock, stores no data and is quiet on a session that is not stored', async () => {
      await request((session) => (session.a = 1));
      clock.advance(1_000);
      store.calls.length = 0;
      const after = await result(async (session) => {
        await session.touch();
        return session.maxAge;
      });
      expect(after).toBe(HOUR / 2);
      expect(store.calls).toEqual(['load', 'touch']);
      token = undefined;
      expect((await request((session) => session.touch())).token).toBeUndefined();
    });

    it('destroy ends it: req.session is undefined, changes are refused, nothing is stored again', async () => {
      await request((session) => (session.a = 1));
      const old = token;
      const answer = await request(async (session, req) => {
        await session.destroy();
        let code: unknown;
        try {
          session.b = 1;
        } catch (error) {
          code = (error as { code: string }).code;
        }
        return [req.session === undefined, code, session.a];
      });
      expect(answer.json()).toEqual({ result: [true, 'SESSION_DESTROYED', 1] });
      expect(answer.token).toBe('');
      token = old;
      expect(await stored()).toEqual({});
    });

    it('destroy of a session that was never stored stores nothing and clears nothing', async () => {
      const answer = await request(async (session) => {
        session.a = 1;
        await session.destroy();
      });
      expect([answer.status, answer.token, store.calls]).toEqual([200, undefined, []]);
    });

    it('regenerate gives the session that stands on req.session; data moves by name only', async () => {
      await request((session) => Object.assign(session, { cart: { n: 1 }, secret: 1, theme: 'dark' }));
      const old = token;
      const seen = await result(async (session, req) => {
        session.theme = 'light';
        const next = await session.regenerate({ keep: ['cart', 'theme', 'never'] });
        return [next === req.session, { ...next }, next.isNew, { ...session }];
      });
      expect(seen).toEqual([
        true,
        { cart: { n: 1 }, theme: 'light' },
        false,
        { cart: { n: 1 }, secret: 1, theme: 'light' },
      ]);
      expect(token).not.toBe(old);
      expect(await stored()).toEqual({ cart: { n: 1 }, theme: 'light' });
    });

    it('after regenerate the old object refuses writes with a hint, and keeps its data', async () => {
      await request((session) => (session.a = 1));
      const error = await thrown(async (session) => {
        await session.regenerate();
        session.b = 1;
      });
      expect(error).toMatchObject({ code: 'SESSION_REPLACED', message: expect.stringContaining('req.session') });
    });

    it('regenerate takes no reserved name in keep', async () => {
      await request((session) => (session.a = 1));
      expect(await thrown((session) => session.regenerate({ keep: ['id'] }))).toMatchObject({ code: 'RESERVED_NAME' });
      expect(await stored()).toEqual({ a: 1 });
    });

    it.each(METHODS)('%s takes a callback, which comes after the promise could, with null first', async (method) => {
      await request((session) => (session.a = 1));
      const seen = await result(
        (session) =>
          new Promise((resolve) => {
            let synchronous = true;
            void session[method]((error: unknown, value: unknown) => {
              resolve([error, synchronous, value === undefined || value instanceof TokenSession]);
            });
            synchronous = false;
          }),
      );
      expect(seen).toEqual([null, false, true]);
    });

    it('regenerate takes options and a callback', async () => {
      await request((session) => (session.a = 1));
      const seen = await result(
        (session) =>
          new Promise((resolve) => {
            void session.regenerate({ keep: ['a'] }, (_error, next) => {
              resolve(Object.entries(next ?? {}));
            });
          }),
      );
      expect(seen).toEqual([['a', 1]]);
    });

    it.each(METHODS)('law 9: %s gives a fault of the store to promise and callback alike', async (method) => {
      await request((session) => (session.a = 1));
      const errors: unknown[] = [];
      await request(async (session) => {
        session.a = 2;
        store.before = () => {
          throw new Error('down');
        };
        const calledBack = new Promise((resolve) => {
          session[method](resolve).catch((error: unknown) => errors.push(error));
        });
        errors.push(await calledBack);
        store.before = undefined;
      });
      const fault = expect.objectContaining({ code: 'STORE_UNAVAILABLE' });
      expect(errors).toEqual([fault, fault]);
    });

    it('law 9: a save that nobody waits for and that fails ends no process, and no success is answered', async () => {
      await request((session) => (session.a = 1));
      store.before = (operation) => {
        if (operation === 'update') throw new Error('down');
      };
      const answer = await request((session) => {
        session.a = 2;
        void session.save();
      });
      expect(answer.status).toBe(503);
      expect(answer.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      store.before = undefined;
      expect(await stored()).toEqual({ a: 1 });
    });

    it('law 4: methods without await take effect before the answer, in their order', async () => {
      await request((session) => {
        session.a = 1;
        void session.save();
        session.b = 2;
        void session.save();
        session.c = 3;
      });
      expect(await stored()).toEqual({ a: 1, b: 2, c: 3 });
    });

    it('R63: destroy and save in one request: destroyed, and save says so', async () => {
      await request((session) => (session.a = 1));
      const old = token;
      expect(
        await thrown(async (session) => {
          session.a = 2;
          void session.destroy();
          await session.save();
        }),
      ).toMatchObject({ code: 'SESSION_DESTROYED' });
      token = old;
      expect(await stored()).toEqual({});
    });
  });
});
