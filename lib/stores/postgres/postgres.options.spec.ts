import { Client, Pool } from 'pg';
import { postgresSchema } from './postgres-schema.js';
import type { PostgresPool } from './postgres-pool.js';
import type { PostgresStoreOptions } from './postgres.options.js';
import { PostgresStore } from './postgres.store.js';

class SomeStore {
  get(): void {
    // Another package's store.
  }
}

/** As the package `postgres` has it: a template tag with members. */
const sql = Object.assign(function postgres() {}, {
  unsafe: () => undefined,
  end: () => undefined,
  begin: () => undefined,
});

const pool = new Pool();
const POOL = /^PostgresStore: pool takes a Pool of pg: new Pool\(\{ connectionString \}\); got /;

function refusalOf(make: () => unknown): Error {
  try {
    make();
  } catch (error) {
    expect(error).toMatchObject({ name: 'SessionConfigError', code: 'INVALID_OPTION' });
    return error as Error;
  }
  throw new Error('It was taken');
}

describe('boot: PostgresStore refuses', () => {
  it.each<[string, unknown, RegExp]>([
    ['nothing', undefined, /takes an object with pool: new PostgresStore\(\{ pool \}\)/],
    ['null', null, /takes an object with pool/],
    ['an address', 'postgres://localhost', /takes an object with pool/],
    ['an object without pool', {}, /takes an object with pool/],
    ['the pool itself', pool, /takes an object with pool/],
    ['a pool that is undefined', { pool: undefined }, /got undefined/],
    ['a pool that is null', { pool: null }, /got null/],
    ['a pool that is an address', { pool: 'postgres://localhost' }, /got 'postgres:\/\/localhost'/],
    ['a pool that is a number', { pool: 5432 }, /got 5432/],
    ['a configuration of pg', { pool: { host: 'localhost', port: 5432, max: 10 } }, /got an object/],
    ['a function like the one of the package postgres', { pool: sql }, /got the function or class postgres/],
    ['a store class', { pool: SomeStore }, /got the function or class SomeStore/],
    ['a promise of a pool', { pool: Promise.resolve(pool) }, /got an object/],
    ['what can connect but not query', { pool: { connect: () => undefined } }, /got an object/],
  ])('%s', (_what, options, message) => {
    const { message: text } = refusalOf(() => new PostgresStore(options as PostgresStoreOptions));
    expect(text).toMatch(message);
    expect(text).toMatch(/^PostgresStore: /);
    if (message.source.startsWith('got')) expect(text).toMatch(POOL);
  });

  it('a Client of pg, whose one connection nobody replaces', () => {
    const { message } = refusalOf(() => new PostgresStore({ pool: new Client() as unknown as PostgresPool }));
    expect(message).toBe(
      'PostgresStore: pool takes a Pool of pg, as a connection that breaks has to be replaced; got a Client.',
    );
  });

  it.each<[string, object, RegExp]>([
    [
      'an option that does not exist',
      { tableName: 'x' },
      /has no option tableName; it has pool, schema, table, endings\.$/,
    ],
    ['an option of connect-pg-simple', { conObject: {} }, /has no option conObject/],
    ['a table that is empty', { table: '' }, /table takes a name of 1 to 40 bytes, without \$ and NUL; got ''/],
    ['a table that is null', { table: null }, /table takes .*; got null/],
    ['a table that is a number', { table: 7 }, /table takes .*; got 7/],
    ['a table of 41 bytes', { table: 't'.repeat(41) }, /table takes a name of 1 to 40 bytes.*; got 't{41}'/],
    ['a table of 41 bytes in 40 characters', { table: `${'t'.repeat(39)}ü` }, /table takes a name of 1 to 40 bytes/],
    [
      'a table with $',
      { table: '$nts$; DROP TABLE x' },
      /table takes .*without \$ and NUL; got "\$nts\$; DROP TABLE x"/,
    ],
    ['a table with NUL', { table: 'a\0b' }, /table takes .*; got "a\\u0000b"/],
    ['a table with a lone surrogate', { table: 'a\ud800' }, /table takes .*; got "a\\ud800"/],
    ['a schema that is empty', { schema: '' }, /schema takes a name of 1 to 63 bytes, without \$ and NUL; got ''/],
    ['a schema of 64 bytes', { schema: 's'.repeat(64) }, /schema takes .*; got 's{60}…'/],
    ['a schema with $', { schema: 'a$b' }, /schema takes .*; got "a\$b"/],
    ['a schema that is an object', { schema: {} }, /schema takes .*; got an object/],
  ])('%s, and postgresSchema() too', (_what, options, message) => {
    expect(refusalOf(() => new PostgresStore({ pool, ...options })).message).toMatch(message);
    const of = refusalOf(() => postgresSchema(options));
    if (!message.source.startsWith('has no option')) expect(of.message).toMatch(message);
    expect(of.message).toMatch(/^postgresSchema: /);
  });
});

describe('boot: PostgresStore refuses', () => {
  it.each<[string, unknown, RegExp]>([
    ['text', 'yes', /got 'yes'/],
    ['null', null, /got null/],
    ['an object without a pool', {}, /got an object/],
    ['an object whose pool is none', { pool: 'postgres://localhost' }, /got an object/],
  ])('endings that are %s', (_what, endings, got) => {
    const { message } = refusalOf(() => new PostgresStore({ pool, endings: endings as never }));
    expect(message).toMatch(/^PostgresStore: endings takes true, false or \{ pool \}, a Pool of pg; /);
    expect(message).toMatch(got);
  });

  it('nothing of endings that are true, false or another pool', () => {
    expect(new PostgresStore({ pool, endings: true }).endings).toBeDefined();
    expect(new PostgresStore({ pool, endings: { pool } }).endings).toBeDefined();
    expect(new PostgresStore({ pool, endings: false }).endings).toBeUndefined();
  });
});

describe('boot: postgresSchema() refuses', () => {
  it.each<[string, unknown]>([
    ['null', null],
    ['text', 'token_session'],
    ['an array', []],
    ['a number', 7],
  ])('%s', (_what, options) => {
    expect(refusalOf(() => postgresSchema(options as object)).message).toMatch(/^postgresSchema: /);
  });

  it('an option of the store', () => {
    expect(refusalOf(() => postgresSchema({ pool } as object)).message).toBe(
      'postgresSchema: has no option pool; it has schema, table.',
    );
  });
});

it('takes a pool of pg, and whatever has its shape, and asks nothing of it before it is attached', () => {
  const asked: string[] = [];
  const shaped: PostgresPool = {
    connect: () => Promise.reject(new Error(String(asked.push('connect')))),
    query: () => Promise.reject(new Error(String(asked.push('query')))),
  };
  expect(() => new PostgresStore({ pool })).not.toThrow();
  expect(
    () => new PostgresStore({ pool: shaped, schema: undefined as never, table: undefined as never }),
  ).not.toThrow();
  expect(asked).toEqual([]);
});
