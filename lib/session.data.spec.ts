import { type } from 'arktype';
import fc from 'fast-check';
import * as v from 'valibot';
import { z } from 'zod';
import { jsonCodec } from './codec/json.codec.js';
import { checkStorable, dataOf } from './session.data.js';
import type { SessionConfigError, SessionDataError } from './session.errors.js';
import { isMisfit, type Misfit } from './session.misfit.js';
import { resolveOptions, type SessionOptions } from './session.options.js';
import type { SessionSchema } from './session.schema.js';

const LIBRARIES: Record<string, SessionSchema> = {
  zod: z.object({ views: z.number(), items: z.array(z.string()).default([]) }),
  valibot: v.object({ views: v.number(), items: v.optional(v.array(v.string()), []) }),
  arktype: type({ views: 'number', items: type('string[]').default(() => []) }),
};

/** A schema of one's own. */
function schemaOf(validate: (value: unknown) => unknown): SessionSchema {
  return { '~standard': { version: 1, vendor: 'own', validate: validate as never } };
}

function optionsOf(options: SessionOptions) {
  return resolveOptions({ ...options, logger: { warn: () => 0, error: () => 0 } });
}

function misfitOf(options: SessionOptions, text: string): Misfit {
  try {
    dataOf(optionsOf(options), text);
  } catch (error) {
    if (isMisfit(error)) return error;
    throw error;
  }
  throw new Error('The data fit.');
}

function refusalOf(schema: SessionSchema, data: object): SessionDataError {
  try {
    checkStorable(optionsOf({ schema }), JSON.stringify(data));
  } catch (error) {
    return error as SessionDataError;
  }
  throw new Error('The data can be stored.');
}

const SECRET = 'the-secret-of-somebody';

describe.each(Object.entries(LIBRARIES))('data by a schema of %s', (_library, schema) => {
  it('gives what the schema makes of them, and that as text', () => {
    const read = dataOf(optionsOf({ schema }), '{"views":1}');
    expect(read.data).toEqual({ views: 1, items: [] });
    expect(JSON.parse(read.text)).toEqual({ views: 1, items: [] });
  });

  it('law 10: no session gets an object that the schema gives to another', () => {
    const options = optionsOf({ schema });
    for (const text of ['{"views":1}', '{"views":1,"items":[]}']) {
      (dataOf(options, text).data['items'] as string[]).push('mine');
      expect(dataOf(options, text).data['items']).toEqual([]);
    }
  });

  it('law 10: nor one that migrate gives to another', () => {
    const shared: string[] = [];
    const options = optionsOf({ schema, migrate: () => ({ views: 1, items: shared }) });
    (dataOf(options, '{"old":1}').data['items'] as string[]).push('mine');
    expect(dataOf(options, '{"old":1}').data['items']).toEqual([]);
  });

  it('law 3: gives stored text as it is when nothing was made of the data, in whatever order', () => {
    for (const text of ['{"views":1,"items":[]}', '{"items":["a"],"views":1}']) {
      expect(dataOf(optionsOf({ schema }), text).text).toBe(text);
    }
  });

  it('law 2: names where data do not fit, and what kind stands there, but no value', () => {
    const { message, isFault } = misfitOf({ schema }, JSON.stringify({ views: SECRET, items: ['a', 7] }));
    expect(isFault).toBe(false);
    expect(message).toContain('"views" (a string)');
    expect(message).toContain('"items[1]" (a number)');
    expect(message).not.toContain(SECRET);
    expect(misfitOf({ schema }, '{"items":[]}').message).toContain('"views" (missing)');
  });

  it('law 5: carries along what the schema does not know: it may be of another version', () => {
    const read = dataOf(optionsOf({ schema }), '{"theirs":{"a":[1]},"views":1,"items":[]}');
    expect(read.data).toEqual({ theirs: { a: [1] }, views: 1, items: [] });
    const filledIn = dataOf(optionsOf({ schema }), '{"theirs":1,"views":1}');
    expect(filledIn.data).toEqual({ theirs: 1, views: 1, items: [] });
    expect(() => {
      checkStorable(optionsOf({ schema }), read.text);
    }).not.toThrow();
  });

  it('takes data without keys as they are: a session may be empty', () => {
    const options = optionsOf({ schema });
    expect(dataOf(options, '{}')).toEqual({ data: {}, text: '{}' });
    expect(() => {
      checkStorable(options, '{}');
    }).not.toThrow();
  });

  it('refuses to store what it does not take, with the place, the kind and the remedy', () => {
    const error = refusalOf(schema, { views: SECRET });
    expect(error.code).toBe('DATA_MISMATCH');
    expect(error.message).toContain('"views" (a string)');
    expect(error.message).toContain('Nothing was stored');
    expect(error.message).not.toContain(SECRET);
    expect(error.cause).toBeUndefined();
  });

  it('migrates what it refuses, and only that; fills in what migrate leaves out', () => {
    const seen: unknown[] = [];
    const migrate = (old: Record<string, unknown>) => {
      seen.push(old);
      return { views: Number(old['count']) };
    };
    const options = optionsOf({ schema, migrate });
    expect(dataOf(options, '{"views":1}').data).toEqual({ views: 1, items: [] });
    expect(seen).toEqual([]);
    expect(dataOf(options, '{"count":"7","save":1}').data).toEqual({ views: 7, items: [] });
    expect(seen).toEqual([{ count: '7' }]);
    expect(misfitOf({ schema, migrate: () => ({ views: SECRET }) }, '{"count":1}').message).toMatch(
      /^what migrate gives of its data does not fit the schema: "views" \(a string\)/,
    );
  });

  it('D33, D34: stored reserved names and __proto__ reach neither schema nor prototypes', () => {
    const text = '{"views":1,"items":[],"id":"x","save":1,"__proto__":{"admin":true}}';
    const { data } = dataOf(optionsOf({ schema }), text);
    expect((data as { admin?: unknown }).admin).toBeUndefined();
    expect(Object.keys(data)).toEqual(['views', 'items', 'id', 'save', '__proto__']);
    expect(({} as { admin?: unknown }).admin).toBeUndefined();
  });

  it('law 9: whatever is stored is read, migrated or told as a misfit', () => {
    const options = [optionsOf({ schema }), optionsOf({ schema, migrate: (old) => ({ views: 0, ...old }) })];
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(...options), (stored, terms) => {
        // What the codec itself can't write is not what a session stored.
        fc.pre(!JSON.stringify(stored).includes('-0'));
        try {
          const read = dataOf(terms, JSON.stringify(stored));
          expect(jsonCodec.encode(read.data)).toBe(read.text);
          // What was read once is read again as the same, and can be stored.
          expect(dataOf(terms, read.text)).toEqual(read);
        } catch (error) {
          if (!isMisfit(error)) throw error;
          expect(error.message.length).toBeLessThan(1_500);
        }
      }),
    );
  });
});

describe('schemas that change what was put in', () => {
  it('law 10: an object that a schema gives to all sessions is no way to another session', () => {
    const shared = { deep: { list: [] as string[] } };
    const options = optionsOf({ schema: schemaOf((value) => ({ value: { ...(value as object), shared } })) });
    for (const text of ['{"a":1}', '{"a":1,"shared":{"deep":{"list":[]}}}']) {
      const mine = dataOf(options, text).data['shared'] as typeof shared;
      mine.deep.list.push('mine');
      expect(dataOf(options, text).data['shared']).toEqual({ deep: { list: [] } });
    }
  });

  it.each<[string, SessionSchema, object, string]>([
    ['a trimmed text', z.object({ name: z.string().trim() }), { name: ' ada' }, '"name"'],
    ['a coerced number', z.object({ n: z.coerce.number() }), { n: '5' }, '"n"'],
    [
      'a nested key that is dropped',
      z.object({ user: z.object({ id: z.number() }) }),
      { user: { id: 1, hash: 'x' } },
      '"user.hash"',
    ],
    [
      'an element',
      z.object({ all: z.array(z.object({ a: z.string().toLowerCase() })) }),
      { all: [{ a: 'b' }, { a: 'B' }] },
      '"all[1].a"',
    ],
    ['what grows each time', z.object({ s: z.string().transform((s) => `${s}!`) }), { s: 'a' }, '"s"'],
    ['its own input', schemaOf((value) => ({ value: Object.assign(value as object, { a: 2 }) })), { a: 1 }, '"a"'],
  ])('law 11: %s is refused, with its place', (_name, schema, data, place) => {
    const error = refusalOf(schema, data);
    expect([error.name, error.code]).toEqual(['SessionDataError', 'DATA_MISMATCH']);
    expect(error.message).toContain(place);
  });

  it('take data in the form that they give', () => {
    const schema = z.object({ name: z.string().trim(), n: z.coerce.number(), kept: z.looseObject({ id: z.number() }) });
    expect(() => {
      checkStorable(optionsOf({ schema }), '{"name":"ada","n":5,"kept":{"id":1,"more":2}}');
    }).not.toThrow();
  });

  it('are told when they refuse what they give themselves', () => {
    const schema = schemaOf((value) =>
      Object.hasOwn(value as object, 'added')
        ? { issues: [{ message: SECRET, path: ['added'] }] }
        : { value: { ...(value as object), added: SECRET } },
    );
    const error = refusalOf(schema, { a: 1 });
    expect(error.code).toBe('DATA_MISMATCH');
    expect(error.message).toContain('refuses what it makes itself');
    expect(error.message).not.toContain(SECRET);
  });
});

describe('schemas that do not work', () => {
  const boom = new TypeError(SECRET);
  const throwing = schemaOf(() => {
    throw boom;
  });

  it.each<[string, SessionSchema, RegExp]>([
    ['throws', throwing, /the schema threw TypeError/],
    ['gives nothing', schemaOf(() => undefined), /no Standard Schema/],
    ['gives a list', schemaOf(() => ({ value: [] })), /an object of data/],
    ['gives a Date', z.object({ a: z.coerce.date() }), /gives what can't be stored: .*Date at "a"/],
    [
      'is asynchronous for some data',
      z.object({ a: z.string().refine(() => Promise.resolve(true)) }),
      /gives a promise/,
    ],
  ])('one that %s is a fault of the program, not of the data', (_name, schema, says) => {
    const misfit = misfitOf({ schema }, '{"a":"2026-01-01"}');
    expect(misfit.isFault).toBe(true);
    expect(misfit.message).toMatch(says);
    const error = refusalOf(schema, { a: '2026-01-01' });
    expect(error.code).toBe('SCHEMA_FAILED');
    expect(error.message).toMatch(says);
    expect(error.message).not.toContain(SECRET);
  });

  it('law 9: data too deep to be compared are kept: that is no refusal of the codec', () => {
    const depth = 100_000;
    const text = `{"views":1,"deep":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    const misfit = misfitOf({ schema: z.looseObject({ views: z.number() }) }, text);
    expect([misfit.isFault, misfit.message]).toEqual([true, "the schema gives what can't be compared: RangeError"]);
    expect(dataOf(optionsOf({ schema: z.object({ views: z.number() }) }), text).text).toBe(text);
  });

  const throwsSecret = (): never => {
    throw boom;
  };
  it.each<[string, object]>([
    ['a result', Object.defineProperty({}, 'issues', { get: throwsSecret })],
    ['a value', { value: Object.defineProperty({}, 'a', { get: throwsSecret, enumerable: true }) }],
    ['an issue', { issues: [Object.defineProperty({}, 'path', { get: throwsSecret })] }],
    ['a place', { issues: [{ path: [{ key: { toString: throwsSecret } }] }] }],
  ])('law 9: %s that throws where it is looked at is a fault too', (_name, result) => {
    const misfit = misfitOf({ schema: schemaOf(() => result) }, '{"a":1}');
    expect([misfit.isFault, misfit.cause]).toEqual([true, boom]);
    expect(misfit.message).not.toContain(SECRET);
    expect(
      refusalOf(
        schemaOf(() => result),
        { a: 1 },
      ).code,
    ).toBe('SCHEMA_FAILED');
  });

  it('have what they threw as the cause', () => {
    expect(refusalOf(throwing, { a: 1 }).cause).toBe(boom);
    expect(misfitOf({ schema: throwing }, '{"a":1}').cause).toBe(boom);
  });

  it.each<[string, (old: Record<string, unknown>) => object, RegExp]>([
    ['throws', () => { throw boom; }, /migrate threw TypeError/], // prettier-ignore
    ['gives nothing', () => undefined as never, /migrate gives something else than an object/],
    ['gives a promise', () => Promise.resolve({}), /migrate gives a promise/],
    ['gives a Map', () => ({ views: new Map() }), /migrate gives what can't be stored: .*Map at "views"/],
  ])('law 9: a migrate that %s is one too', (_name, migrate, says) => {
    const misfit = misfitOf({ schema: LIBRARIES['zod'] as SessionSchema, migrate }, '{"old":1}');
    expect(misfit.isFault).toBe(true);
    expect(misfit.message).toMatch(says);
    expect(misfit.message).not.toContain(SECRET);
  });

  it('name few places of many, and no long ones', () => {
    const issues = Array.from({ length: 100_000 }, (_, index) => ({
      message: SECRET,
      path: ['k'.repeat(5_000), index],
    }));
    const { message } = refusalOf(
      schemaOf((value) => (Object.keys(value as object).length > 0 ? { issues } : { value })),
      { a: 1 },
    );
    expect(message.length).toBeLessThan(1_500);
    expect(message).toContain('99995 more');
  });

  it('may refuse without a reason', () => {
    const nothing = schemaOf((value) => (Object.keys(value as object).length > 0 ? { issues: [] } : { value }));
    expect(refusalOf(nothing, { a: 1 }).message).toContain('the data as a whole');
  });

  it.each([[undefined], [['a', Symbol('b')]], [{ length: 2 }], [[{ key: 'a' }, { key: 0 }]], [[null, {}]]])(
    'may give any path: %p',
    (path) => {
      const error = refusalOf(
        schemaOf(() => ({ issues: [{ message: '', path }] })),
        { a: 1 },
      );
      expect(error.code).toBe('DATA_MISMATCH');
    },
  );
});

describe('a schema as an option', () => {
  function refused(options: object): string {
    try {
      resolveOptions(options);
    } catch (error) {
      return (error as SessionConfigError).message;
    }
    throw new Error('The options are taken.');
  }
  const schema = LIBRARIES['zod'];

  it.each<[object, string]>([
    [{ schema: {} }, 'Session option schema: takes a Standard Schema of version 1'],
    [{ schema: null }, 'Session option schema: takes a Standard Schema of version 1'],
    [{ schema: 'z.object' }, 'Session option schema: takes a Standard Schema of version 1'],
    [{ schema: { '~standard': { version: 2, validate: () => ({}) } } }, 'Session option schema: takes'],
    [
      {
        schema: v.pipeAsync(
          v.object({}),
          v.checkAsync(() => Promise.resolve(true)),
        ),
      },
      'without a promise',
    ],
    [{ schema: z.object({}).refine(() => Promise.resolve(true)) }, 'without a promise'],
    [{ schema: schemaOf(async () => Promise.resolve({ value: {} })) }, 'without a promise'],
    [{ schema, migrate: {} }, 'Session option migrate: takes a function'],
    [
      { schema, migrate: async () => Promise.resolve({}) },
      'Session option migrate: takes a function that gives the data',
    ],
    [{ migrate: () => ({}) }, 'Session option migrate: takes a schema beside it'],
    [{ schema, onDataMismatch: 'ignore' }, "Session option onDataMismatch: takes 'keep' or 'discard'; got 'ignore'"],
  ])('ends the boot when it can not work: %p', (options, says) => {
    expect(refused(options)).toContain(says);
  });

  it('is taken when it can not be tried without data', () => {
    const picky = schemaOf((value) => ({ value: { a: (value as { a: string }).a.trim() } }));
    expect(dataOf(optionsOf({ schema: picky }), '{"a":"b"}').data).toEqual({ a: 'b' });
  });

  it('costs nothing where there is none: data are what the codec gives', () => {
    expect(dataOf(optionsOf({}), '{"a":1}')).toEqual({ data: { a: 1 }, text: '{"a":1}' });
  });
});
