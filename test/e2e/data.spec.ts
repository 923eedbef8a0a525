import { Controller, Get, Post, Body } from '@nestjs/common';
import fc from 'fast-check';
import { MemoryStore, Session, SessionService } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call, type Answer } from '../support/client.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { ProbedStore, STORES } from '../support/stores.js';

type Data = Record<string, unknown>;

/** What the next request to /do does with its session. */
let change: (session: Session<Data>) => unknown;

@Controller()
class DataController {
  @Post('assign')
  assign(@Session() sess: Session<Data>, @Body() body: Data): void {
    Object.assign(sess, body);
  }

  @Get('do')
  async do(@Session() sess: Session<Data>): Promise<string> {
    await change(sess);
    return 'done';
  }

  @Get('read')
  read(@Session() sess: Session<Data>): object {
    return { ...sess };
  }
}

class Cart {
  items = 1;
}

const cycle: Data = {};
cycle['self'] = cycle;

let deep: unknown = 1;
for (let level = 0; level < 5_000; level++) deep = { deep };

/** What the codec can't carry: the value at `cart.bad`, and what the refusal says. */
const REFUSED: [string, unknown, RegExp][] = [
  ['D35 BigInt', 1n, /"cart\.bad": store it as a string/],
  ['D35 a cycle', cycle, /"cart\.bad.*ids instead of references/],
  ['D35 a throwing getter', Object.defineProperty({}, 'g', { enumerable: true, get: () => { throw new Error('no'); } }), /"cart\.bad\.g"/], // prettier-ignore
  ['D36 Date', new Date(0), /"cart\.bad": store date\.toISOString/],
  ['D36 Map', new Map(), /"cart\.bad": store Object\.fromEntries/],
  ['D36 Set', new Set(), /"cart\.bad": store \[\.\.\.set\]/],
  ['D36 undefined in an array', [undefined], /"cart\.bad\[0\]": use null/],
  ['D36 NaN', NaN, /"cart\.bad": use null/],
  ['D36 −0', -0, /"cart\.bad": use 0/],
  ['D36 a class instance', new Cart(), /"cart\.bad": store a plain object/],
  ['D36 a Buffer', Buffer.from('x'), /"cart\.bad": .*base64/],
  ['D36 a function', () => 1, /"cart\.bad": store data only/],
  ['D36 a symbol', Symbol('x'), /"cart\.bad"/],
  ['D39 nesting of 5,000', deep, /nesting deeper than 200 levels at "cart"/],
];

const CASES = PLATFORMS.flatMap((platform) =>
  Object.entries(STORES).map(([name, build]) => ({ platform, name, build })),
);

describe.each(CASES)('data on $platform with a $name', ({ platform, build }) => {
  let running: RunningApp;
  let token: string | undefined;

  beforeEach(async () => {
    running = await startApp(platform, { controllers: [DataController], session: { store: build() } });
    token = (await call(running.url, '/assign', { method: 'POST', body: { before: 1 } })).token;
  });
  afterEach(closeApps);

  const stored = async (): Promise<unknown> => (await call(running.url, '/read', { token })).json();

  function perform(next: typeof change): Promise<Answer> {
    change = next;
    return call(running.url, '/do', { token });
  }

  it('law 11: what goes in comes out, whatever JSON data it is', async () => {
    const sessions = running.get(SessionService);
    const keys = fc.string({ unit: 'binary', maxLength: 20 }).filter((key) => !key.startsWith('__proto__'));
    const data = fc.dictionary(keys, fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }), { maxKeys: 6 });
    await fc.assert(
      fc.asyncProperty(data, async (generated) => {
        // JSON knows no −0; what it makes of the rest is the data.
        const expected = JSON.parse(JSON.stringify(generated)) as Data;
        const session = (await sessions.load<Data>(token as string)) as Session<Data>;
        for (const key of Object.keys(session)) Reflect.deleteProperty(session, key);
        Object.assign(session, expected);
        await session.save();
        const loaded = (await sessions.load<Data>(token as string)) as Data;
        expect({ ...loaded }).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ['D37 lone surrogates', { text: '\ud800 and \udfff', '\udc00': 1 }],
    ['D37 NUL', { text: 'a\u0000b', 'k\u0000': 1 }],
    ['emoji and combining marks', { text: '👩‍👩‍👧‍👦 e\u0301 é', 'ключ 🔑': 'שלום' }],
    ['line separators', { text: '\u2028\u2029\r\n' }],
    ['numbers at the edge', { a: Number.MAX_SAFE_INTEGER, b: 5e-324, c: 1.7976931348623157e308, d: -1e-7 }],
    ['keys like numbers', { '1': 'a', '0': 'b', '-1': 'c', '1.5': 'd' }],
    ['empty things', { '': '', a: [], b: {}, c: null, d: [[]], e: [null] }],
    ['the key of a store’s metadata', { 'nestjs-token-session': { version: 'x', payload: 'y' } }],
    [
      'names of Object.prototype',
      { constructor: { prototype: 1 }, toString: 'x', valueOf: null, hasOwnProperty: false },
    ],
    [
      'names of store methods and records',
      { payload: '1\n{}', version: 1, usedAt: 0, userId: 'ann', cookie: {}, then: 1 },
    ],
  ])('law 11: %s come back as they were', async (_name, body) => {
    await perform((session) => Object.assign(session, body));
    expect(await stored()).toEqual({ before: 1, ...body });
  });

  it.each(REFUSED)(
    'law 11, %s: refused with the path and the remedy before anything is sent; the session is intact',
    async (_name, bad, message) => {
      const events = collectEvents(running);
      const answer = await perform((session) => Object.assign(session, { good: 1, cart: { ok: 1, bad } }));
      expect(answer.status).toBe(500);
      expect(answer.text).not.toContain('done');
      expect(await stored()).toEqual({ before: 1 });
      expect(events).toContainEqual(
        expect.objectContaining({ type: 'data_refused', reason: expect.stringMatching(message) }),
      );
    },
  );

  it('law 11: a refusal by save can be caught, put right and answered', async () => {
    const answer = await perform(async (session) => {
      session['at'] = new Date(0);
      await expect(session.save()).rejects.toMatchObject({
        code: 'DATA_NOT_STORABLE',
        message: expect.stringContaining('"at"'),
      });
      session['at'] = 0;
    });
    expect(answer.status).toBe(200);
    expect(await stored()).toEqual({ before: 1, at: 0 });
  });

  it('law 4: a new session whose data is refused gets no token', async () => {
    token = undefined;
    const answer = await perform((session) => (session['n'] = 1n));
    expect([answer.status, answer.token]).toEqual([500, undefined]);
  });

  it('D39: 10 MB are refused by a clear error, and the old session is intact', async () => {
    const events = collectEvents(running);
    const answer = await perform((session) => (session['big'] = 'x'.repeat(10_000_000)));
    expect(answer.status).toBe(500);
    expect(events).toContainEqual(
      expect.objectContaining({
        reason: expect.stringMatching(/takes 100000\d\d bytes, maxBytes allows 65536.*raise maxBytes/),
      }),
    );
    expect(await stored()).toEqual({ before: 1 });
  });

  it('D41: nested mutation is noticed', async () => {
    await perform((session) => (session['a'] = { b: [{ c: 1 }] }));
    await perform((session) => ((session['a'] as { b: { c: number }[] }).b[0] as { c: number }).c++);
    expect(await stored()).toEqual({ before: 1, a: { b: [{ c: 2 }] } });
  });

  it('D42: changing an object after it was saved changes nothing stored', async () => {
    const shared = { n: 1 };
    await perform(async (session) => {
      session['a'] = shared;
      await session.save();
    });
    shared.n = 2;
    expect(await stored()).toEqual({ before: 1, a: { n: 1 } });
  });

  it('law 11: a top-level undefined deletes, a nested one drops', async () => {
    await perform((session) => Object.assign(session, { before: undefined, a: { b: undefined, c: 1 } }));
    expect(await stored()).toEqual({ a: { c: 1 } });
  });

  it('D33, ASVS 15.3.6: __proto__ and constructor.prototype from a body change no prototype', async () => {
    for (const body of ['{"a":{"__proto__":{"admin":true}}}', '{"constructor":{"prototype":{"admin":true}}}']) {
      await perform((session) => Object.assign(session, JSON.parse(body) as Data));
    }
    const refused = await perform((session) =>
      Object.assign(session, JSON.parse('{"__proto__":{"admin":true}}') as Data),
    );
    expect(refused.status).toBe(500);
    const seen: unknown[] = [];
    await perform((session) => {
      const nested = session['a'] as Data;
      seen.push(
        session['admin'],
        nested['admin'],
        ({} as Data)['admin'],
        Object.getPrototypeOf(nested) === Object.prototype,
      );
    });
    // The own key of that name is data like any other.
    expect(seen).toEqual([undefined, undefined, undefined, true]);
  });

  it('all data can go: the session stays, empty', async () => {
    await perform((session) => delete session['before']);
    expect(await stored()).toEqual({});
    expect((await perform((session) => (session['again'] = 1))).token).toBeUndefined();
    expect(await stored()).toEqual({ again: 1 });
  });
});

describe.each(PLATFORMS)('the size limit on %s', (platform) => {
  afterEach(closeApps);

  it.each([
    ['ASCII', 'x', 1],
    ['characters of 2 bytes', 'é', 2],
    ['characters of 3 bytes', '語', 3],
    ['emoji', '😀', 4],
    ['escaped controls', '\u0001', 6],
  ])('counts bytes as they are stored, to the byte: %s', async (_name, character, bytes) => {
    // {"t":"…"} takes 8 bytes besides.
    const running = await startApp(platform, { controllers: [DataController], session: { maxBytes: 8 + 60 } });
    const fill = (length: number): Promise<Answer> => {
      change = (session) => (session['t'] = character.repeat(length));
      return call(running.url, '/do');
    };
    expect((await fill(60 / bytes)).status).toBe(200);
    expect((await fill(60 / bytes + 1)).status).toBe(500);
  });

  it('D39: a lowered maxBytes leaves larger sessions readable, and they may shrink', async () => {
    const store = new MemoryStore();
    const before = await startApp(platform, { controllers: [DataController], session: { store } });
    const body = { a: 'x'.repeat(100), b: 'y'.repeat(100) };
    const { token } = await call(before.url, '/assign', { method: 'POST', body });
    const after = await startApp(platform, { controllers: [DataController], session: { store, maxBytes: 150 } });
    expect((await call(after.url, '/read', { token })).json()).toEqual(body);
    change = (session) => (session['c'] = 1);
    expect((await call(after.url, '/do', { token })).status).toBe(500);
    change = (session) => delete session['b'];
    expect((await call(after.url, '/do', { token })).status).toBe(200);
    expect((await call(after.url, '/read', { token })).json()).toEqual({ a: body.a });
  });
});

describe.each(PLATFORMS)('a refusal on %s', (platform) => {
  afterEach(closeApps);

  it('law 11: touches no store at all: nothing is half-written', async () => {
    const store = new ProbedStore();
    const running = await startApp(platform, { controllers: [DataController], session: { store } });
    change = (session) => Object.assign(session, { a: 1, b: new Map(), c: 1 });
    expect((await call(running.url, '/do')).status).toBe(500);
    expect(store.calls).toEqual([]);
    expect(store.count()).toBe(0);
  });
});
