import fc from 'fast-check';
import { jsonCodec } from './json.codec.js';

class Cart {
  items = 1;
}
class Items extends Array<number> {}

const cycle: Record<string, unknown> = { name: 'a' };
cycle['self'] = cycle;

function nested(depth: number): Record<string, unknown> {
  let data: Record<string, unknown> = {};
  for (let level = 0; level < depth; level++) data = { a: data };
  return data;
}

describe('JSON codec', () => {
  it('law 11: gives back what came, whatever JSON data it is', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' })), (generated) => {
        // fast-check counts -0 to JSON, which loses its sign.
        const data = JSON.parse(JSON.stringify(generated)) as Record<string, unknown>;
        const text = jsonCodec.encode(data);
        expect(jsonCodec.decode(text)).toEqual(data);
        expect(jsonCodec.encode(jsonCodec.decode(text))).toBe(text);
      }),
    );
  });

  it('law 11: either refuses a value by its path or gives it back equal, whatever it is', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        let text: string;
        try {
          text = jsonCodec.encode({ value });
        } catch (error) {
          expect(error).toMatchObject({ code: 'DATA_NOT_STORABLE', message: expect.stringMatching(/at "value/) });
          return;
        }
        expect(jsonCodec.decode(text)).toEqual({ value });
      }),
    );
  });

  it.each<[string, unknown, string, RegExp]>([
    ['BigInt', { total: 1n }, 'cart.total', /a BigInt .*string/],
    ['Date', { at: new Date(0) }, 'cart.at', /Date .*toISOString/],
    ['invalid Date', { at: new Date(NaN) }, 'cart.at', /Date .*toISOString/],
    ['Map', { items: new Map() }, 'cart.items', /Map .*fromEntries/],
    ['Set', { items: new Set() }, 'cart.items', /Set .*\[\.\.\.set\]/],
    ['function', { add: () => 1 }, 'cart.add', /a function .*data only/],
    ['symbol', { kind: Symbol('x') }, 'cart.kind', /a symbol .*description/],
    ['class instance', { of: new Cart() }, 'cart.of', /Cart .*plain object/],
    ['Error', { last: new TypeError('no') }, 'cart.last', /TypeError .*plain object/],
    ['RegExp', { match: /a/ }, 'cart.match', /RegExp/],
    ['Promise', { user: Promise.resolve(1) }, 'cart.user', /Promise/],
    ['boxed string', { name: Object('a') as unknown }, 'cart.name', /String/],
    ['Buffer', { raw: Buffer.from('a') }, 'cart.raw', /Buffer .*base64/],
    ['Uint8Array', { raw: new Uint8Array(2) }, 'cart.raw', /Uint8Array .*base64/],
    ['NaN', { price: NaN }, 'cart.price', /NaN .*null/],
    ['Infinity', { price: Infinity }, 'cart.price', /Infinity .*null/],
    ['−0', { price: -0 }, 'cart.price', /-0 .*use 0/],
    ['undefined in an array', { items: ['a', undefined] }, 'cart.items[1]', /undefined in an array .*null/],
    ['a hole in an array', { items: ['a', , 'b'] }, 'cart.items[1]', /undefined in an array .*null/],
    ['BigInt deep in arrays', { rows: [[{ n: 1n }]] }, 'cart.rows[0][0].n', /a BigInt/],
  ])('D36: refuses %s with the path of its key and the remedy', (_name, cart, path, message) => {
    expect(() => jsonCodec.encode({ cart })).toThrow(
      expect.objectContaining({ code: 'DATA_NOT_STORABLE', message: expect.stringMatching(message) }) as Error,
    );
    expect(() => jsonCodec.encode({ cart })).toThrow(`at "${path}"`);
  });

  it.each<[string, unknown]>([
    ['an array with keys of its own, such as a match of a RegExp', 'abc'.match(/b/)],
    ['an array of a class', Items.from([1])],
    ['an array with a toJSON of its own', Object.assign([1], { toJSON: () => 'other' })],
    ['an object with symbols as keys', { [Symbol('kind')]: 1 }],
  ])('law 11: refuses %s, which JSON would alter', (_name, value) => {
    expect(() => jsonCodec.encode({ value })).toThrow(
      expect.objectContaining({ code: 'DATA_NOT_STORABLE', message: expect.stringContaining('"value"') }) as Error,
    );
  });

  it('D35: refuses a getter that throws by its path, with the cause', () => {
    const cause = new Error('not loaded');
    const cart = {
      get total(): number {
        throw cause;
      },
    };
    expect(() => jsonCodec.encode({ cart })).toThrow(
      expect.objectContaining({ message: expect.stringContaining('"cart.total"'), cause }) as Error,
    );
  });

  it.each<[string, Record<string, unknown>, string]>([
    ['of an object in itself', { user: cycle }, '"user.self'],
    ['through an array', { list: [cycle] }, '"list[0].self'],
    ['through the data as a whole', cycle, '"self'],
  ])('D35: refuses a cycle %s', (_name, data, path) => {
    expect(() => jsonCodec.encode(data)).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/a cycle .*ids instead of references/) }) as Error,
    );
    expect(() => jsonCodec.encode(data)).toThrow(path);
  });

  it('carries the same object at two places, which is no cycle', () => {
    const shared = { n: 1 };
    expect(jsonCodec.decode(jsonCodec.encode({ a: shared, b: [shared] }))).toEqual({ a: { n: 1 }, b: [{ n: 1 }] });
  });

  it('D39: refuses nesting of 5,000 levels by a clear error, not by a stack overflow', () => {
    expect(() => jsonCodec.encode(nested(5_000))).toThrow(/nesting deeper than \d+ levels at "a": store less/);
    expect(jsonCodec.decode(jsonCodec.encode(nested(150)))).toEqual(nested(150));
  });

  it('law 11: leaves out undefined members, as JSON does', () => {
    expect(jsonCodec.decode(jsonCodec.encode({ a: undefined, b: { c: undefined, d: 1 } }))).toEqual({ b: { d: 1 } });
  });

  it('D37: carries lone surrogates, NUL and line separators', () => {
    const data = { '\ud800': 'a\ud800', nul: '\u0000', lines: '\u2028\u2029', emoji: '😀' };
    expect(jsonCodec.decode(jsonCodec.encode(data))).toEqual(data);
  });

  it('D33: keeps __proto__ and constructor as plain keys that change no prototype', () => {
    const text = '{"a":{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}}}}';
    const data = jsonCodec.decode(text) as { a: object };
    expect(jsonCodec.encode(data)).toBe(text);
    expect(Object.getPrototypeOf(data.a)).toBe(Object.getPrototypeOf({}));
    expect('admin' in {}).toBe(false);
  });

  it.each(['null', '42', '"a"', '[]', 'true', '', '{"a":', '\u0000\u0001'])('S52: refuses to decode %j', (text) => {
    expect(() => jsonCodec.decode(text)).toThrow();
  });
});
