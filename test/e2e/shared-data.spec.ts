import fc from 'fast-check';
import {
  MemoryStore,
  session,
  type Session,
  type SessionMiddleware,
  type SessionOptions,
  type SessionRecord,
} from 'nestjs-token-session';
import { testSessions, type TestSession } from 'nestjs-token-session/testing';
import { TestClock } from '../support/clock.js';

type Data = Record<string, unknown>;
type AnySession = Session<Data>;
interface Values extends Data {
  list: unknown[];
  map: { deep: { list: unknown[] } };
}

const clock = new TestClock();
let running: SessionMiddleware[] = [];

afterEach(async () => {
  await Promise.all(running.map((layer) => layer.close()));
  running = [];
});

/** A session layer, and a session with this data. */
async function stored(data: Data, options: SessionOptions = {}): Promise<[SessionMiddleware, TestSession]> {
  const layer = session({ clock: clock.now, ...options });
  running.push(layer);
  return [layer, await testSessions(layer).anonymous(data)];
}

/** A store whose records are what other programs have made of them. */
class CutStore extends MemoryStore {
  isCut = false;
  text: string | undefined;

  override load(id: string): SessionRecord | undefined {
    const record = super.load(id);
    if (record === undefined) return undefined;
    if (this.text !== undefined) return { ...record, payload: `1\n${this.text}` };
    return this.isCut ? { ...record, payload: record.payload.slice(0, -3) } : record;
  }
}

/** The session as one more request has it. */
async function loaded(layer: SessionMiddleware, { token }: TestSession): Promise<AnySession> {
  const found = await layer.service.load<Data>(token);
  if (found === undefined) throw new Error('the session is not there');
  return found;
}

const plain = (sess: AnySession): unknown => JSON.parse(JSON.stringify(sess));

const DATA: Values = { list: [1, { two: 2 }], map: { deep: { list: ['a'] } } };

/** Ways to get hold of the objects within a session, or of those within plain data. */
const HOLDS: Record<string, (sess: Data) => Values> = {
  'its keys': (sess) => sess as Values,
  'a copy': (sess) => ({ ...sess }) as Values,
  values: (sess) => Object.fromEntries(Object.keys(sess).map((key, at) => [key, Object.values(sess)[at]])) as Values,
  entries: (sess) => Object.fromEntries(Object.entries(sess)) as Values,
  descriptors: (sess) =>
    Object.fromEntries(
      Object.entries(Object.getOwnPropertyDescriptors(sess)).map(([key, { value }]) => [key, value as unknown]),
    ) as Values,
  'Reflect.get': (sess) => ({ list: Reflect.get(sess, 'list'), map: Reflect.get(sess, 'map') }) as Values,
  'an heir': (sess) => Object.create(sess) as Values,
  'a frozen session': (sess) => Object.freeze(sess) as Values,
  'a sealed session': (sess) => Object.seal(sess) as Values,
  'fixed properties': (sess) => {
    for (const key of Object.keys(sess)) Object.defineProperty(sess, key, { writable: false, configurable: false });
    return sess as Values;
  },
};

describe('objects of a session belong to one request', () => {
  it.each(Object.keys(HOLDS))('law 5: what a handler changes in them by %s, others do not see', async (way) => {
    const [layer, held] = await stored(DATA);
    const [mine, theirs] = [await loaded(layer, held), await loaded(layer, held)];
    const values = (HOLDS[way] as (typeof HOLDS)[string])(mine);
    values.list.push(3);
    values.map.deep.list.length = 0;
    expect(plain(theirs)).toEqual(DATA);
    expect(plain(await loaded(layer, held))).toEqual(DATA);
    expect((await testSessions(layer).stored(held))?.data).toEqual(DATA);
    // And it is a change of this one, which is stored.
    await mine.save();
    const changed = { list: [1, { two: 2 }, 3], map: { deep: { list: [] } } };
    expect((await testSessions(layer).stored(held))?.data).toEqual(changed);
    expect(plain(await loaded(layer, held))).toEqual(changed);
    expect(plain(theirs)).toEqual(DATA);
  });

  it('law 5: an object is the same one each time', async () => {
    const [layer, held] = await stored(DATA);
    const sess = await loaded(layer, held);
    expect(sess['list']).toBe(sess['list']);
    expect(Object.getOwnPropertyDescriptor(sess, 'map')?.value).toBe(sess['map']);
    const list = sess['list'];
    Object.freeze(sess);
    expect(sess['list']).toBe(list);
  });

  it('law 5: userIdOf that changes what it gets changes nothing for others', async () => {
    const userIdOf = (data: Data): string | undefined => {
      (data['list'] as unknown[] | undefined)?.push('userIdOf was here');
      return undefined;
    };
    const [layer, held] = await stored({ ...DATA, list: [] }, { userIdOf });
    const theirs = await loaded(layer, held);
    const mine = await loaded(layer, held);
    mine['other'] = 1;
    await mine.save();
    const before = plain(theirs);
    mine['other'] = 2;
    await mine.save();
    expect(plain(theirs)).toEqual(before);
    expect(plain(await loaded(layer, held))).toEqual((await testSessions(layer).stored(held))?.data);
  });

  it('law 5: a draft of update() that is changed after it changes nothing', async () => {
    const [layer, held] = await stored({ count: 1 });
    const mine = await loaded(layer, held);
    let kept: Data = {};
    await layer.service.update(mine, (draft) => {
      kept = draft;
      kept['count'] = 2;
    });
    kept['count'] = 3;
    expect(plain(await loaded(layer, held))).toEqual({ count: 2 });
  });

  it.each([
    ['minus zero', -0, /-0/],
    ['a function that all objects have', Object.prototype.toString, /a function/],
  ])('law 11: %s in place of an equal value is refused', async (_what, value, told) => {
    const [layer, held] = await stored({ toString: 0, count: 0 });
    const mine = await loaded(layer, held);
    mine['count'] = value;
    await expect(mine.save()).rejects.toThrow(told);
    expect((await testSessions(layer).stored(held))?.data).toEqual({ toString: 0, count: 0 });
  });

  it('law 5: a reload that meets what can not be decoded leaves others alone', async () => {
    const store = new CutStore();
    const [layer, held] = await stored(DATA, { store });
    const [mine, theirs] = [await loaded(layer, held), await loaded(layer, held)];
    store.isCut = true;
    await expect(mine.reload()).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    (mine['list'] as unknown[]).push('mine only');
    expect(plain(theirs)).toEqual(DATA);
  });

  it.each(['freeze', 'seal', 'preventExtensions'] as const)(
    'law 9: a session that its handler gave to Object.%s is not reloaded, and stays',
    async (way) => {
      const [layer, held] = await stored(DATA);
      const mine = await loaded(layer, held);
      const harden = Object[way] as (target: object) => unknown;
      harden(mine);
      await expect(mine.reload()).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
      expect(plain(mine)).toEqual(DATA);
      expect((await testSessions(layer).stored(held))?.data).toEqual(DATA);
    },
  );

  it('D33: data that another program nested thousands deep can be read', async () => {
    const store = new CutStore();
    const [layer, held] = await stored(DATA, { store });
    store.text = `{"deep":${'['.repeat(3_000)}${']'.repeat(3_000)}}`;
    const sess = await loaded(layer, held);
    expect(JSON.stringify(sess['deep'])).toHaveLength(6_000);
  });

  it('D34: __proto__ within stored data is a key like others, in each copy', async () => {
    const data = JSON.parse('{"map":{"__proto__":{"admin":true},"x":[{"__proto__":1}]}}') as Data;
    const [layer, held] = await stored(data);
    for (let request = 0; request < 3; request++) {
      const sess = await loaded(layer, held);
      const map = sess['map'] as Data;
      expect(JSON.stringify(sess)).toBe(JSON.stringify(data));
      expect(Object.getPrototypeOf(map)).toBe(Object.prototype);
      expect(map['admin']).toBeUndefined();
    }
  });
});

/** What a request does to a value within its data, as to plain data. */
type Act = (data: Data, key: string, value: unknown) => void;
const ACTS: Record<string, Act> = {
  assign: (data, key, value) => (data[key] = structuredClone(value)),
  remove: (data, key) => Reflect.deleteProperty(data, key),
  alias: (data, key) => (data['alias'] = data[key]),
  within: (data, key, value) => {
    const object = data[key];
    if (Array.isArray(object)) object.push(structuredClone(value));
    else if (typeof object === 'object' && object !== null) (object as Data)['new'] = structuredClone(value);
  },
  deeper: (data, key, value) => {
    const object = data[key];
    if (typeof object !== 'object' || object === null) return;
    for (const member of Object.values(object)) {
      if (Array.isArray(member)) member.push(structuredClone(value));
      else if (typeof member === 'object' && member !== null) (member as Data)['deep'] = structuredClone(value);
    }
  },
  look: (data, key) => JSON.stringify(data[key]),
};

const KEYS = ['a', 'b', 'c', 'alias', '7'];
const value = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' });
const act = fc.record({ name: fc.constantFrom(...Object.keys(ACTS)), key: fc.constantFrom(...KEYS), value });
const isPlusZero = (json: unknown): boolean =>
  !JSON.stringify(json, (_key, one: unknown) => (Object.is(one, -0) ? 'minus' : one)).includes('minus');

it('law 5, law 11: whatever requests do one after the other to a session, each reads what the last one stored', async () => {
  const requests = fc.array(fc.record({ acts: fc.array(act, { maxLength: 5 }), saves: fc.boolean() }), {
    maxLength: 6,
  });
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.constantFrom(...KEYS), value), requests, async (begin, plays) => {
      fc.pre(isPlusZero([begin, plays]));
      const [layer, held] = await stored(begin);
      let model = JSON.parse(JSON.stringify(begin)) as Data;
      const bystanders: [AnySession, string][] = [];
      for (const { acts, saves } of plays) {
        const mine = await loaded(layer, held);
        const own = structuredClone(model);
        for (const { name, key, value: given } of acts) {
          (ACTS[name] as Act)(mine, key, given);
          (ACTS[name] as Act)(own, key, given);
        }
        expect(plain(mine)).toEqual(JSON.parse(JSON.stringify(own)));
        if (saves) {
          await mine.save();
          model = JSON.parse(JSON.stringify(own)) as Data;
        }
        expect((await testSessions(layer).stored(held))?.data).toEqual(model);
        bystanders.push([await loaded(layer, held), JSON.stringify(model)]);
      }
      for (const [sess, text] of bystanders) expect(JSON.parse(JSON.stringify(sess))).toEqual(JSON.parse(text));
    }),
    { numRuns: 300 },
  );
});
