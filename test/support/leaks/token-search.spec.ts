import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { OutputWatch } from './output-watch.js';
import { TokenSearch } from './token-search.js';

const bytes = randomBytes(32);
const token = bytes.toString('base64url');
const search = new TokenSearch();
search.learn(token);

const percent = (text: string): string =>
  text.replace(/./g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
const spaced = (all: Buffer): string => all.toString('hex').match(/../g)?.join(' ') as string;

/** Ways in which outputs have shown secrets, each with the form that is reported. */
const LEAKS: readonly [string, string | Uint8Array, string][] = [
  ['a line', `GET / 200 ${token}`, 'as it is'],
  ['a header', `X-Auth-Token:${token}\r\n`, 'as it is'],
  ['a path', `/sessions/${token}/`, 'as it is'],
  ['the beginning of it', `token=${token.slice(0, 16)}...`, 'as it is'],
  ['the end of it', `…${token.slice(-16)}`, 'as it is'],
  ['a part of it', `…${token.slice(8, 32)}…`, 'as it is'],
  ['JSON in JSON', JSON.stringify(JSON.stringify({ token })), 'as it is'],
  ['standard base64 of its bytes', bytes.toString('base64'), 'as it is'],
  ['a signed cookie', `connect.sid=s%3A${token}.c2lnbmVk; Path=/`, 'as it is'],
  ['percent-encoding', `?next=${percent(token)}`, 'percent-encoded'],
  ['base64 of Basic credentials', `Basic ${Buffer.from(`a:${token}`).toString('base64')}`, 'base64'],
  ['base64url within other text', `x${Buffer.from(`session ${token} ended`).toString('base64url')}`, 'base64'],
  ['hex of its text', Buffer.from(token).toString('hex'), 'hex'],
  ['hex of its bytes', `\\x${bytes.toString('hex').toUpperCase()}`, 'hex'],
  ['hex of the beginning of its bytes', bytes.toString('hex', 0, 12), 'hex'],
  ['a Buffer as inspect shows it', inspect(Buffer.from(token)), 'hex'],
  ['its bytes as inspect shows them', inspect(new Uint8Array(bytes)), 'a list of bytes'],
  ['a Buffer as JSON', JSON.stringify({ data: Buffer.from(`id ${token}`) }), 'a list of bytes'],
  ['hex with colons', spaced(bytes).replaceAll(' ', ':'), 'hex'],
  ['written bytes', Buffer.from(`a line with ${token}\n`), 'bytes'],
  ['its bytes in a file', Buffer.concat([Buffer.from('four'), bytes, Buffer.alloc(9)]), 'bytes'],
];

describe('law 2: what the leak check finds', () => {
  it.each(LEAKS)('%s', (_name, output, form) => {
    expect(search.find(output)).toMatchObject({ form });
  });

  it('any part of 24 characters of any of many tokens, wherever it stands, and nothing in clean text', () => {
    const many = Array.from({ length: 200 }, () => randomBytes(32).toString('base64url'));
    const known = new TokenSearch();
    for (const each of many) known.learn(each);
    const text = fc.string({ unit: 'binary', maxLength: 200 });
    const part = fc.tuple(fc.constantFrom(...many), fc.nat(19)).map(([each, start]) => each.slice(start, start + 24));
    fc.assert(
      fc.property(text, part, text, (before, shown, after) => {
        expect(known.find(before + shown + after)).toBeDefined();
        expect(known.find(before + after)).toBeUndefined();
      }),
    );
  });

  it.each([
    ['nothing', ''],
    ['an id', `session_created id=${randomBytes(32).toString('base64url')}`],
    ['too little to guess the rest', `${token.slice(0, 15)} … ${token.slice(-15)}`],
    ['a stack', new Error('a message').stack ?? ''],
    ['hex and base64 of something else', randomBytes(200).toString('hex') + randomBytes(200).toString('base64')],
    ['other bytes', randomBytes(10_000)],
    ['a broken percent-encoding', '%E0%A4%A %'],
  ])('not: %s', (_name, output) => {
    expect(search.find(output)).toBeUndefined();
  });

  it('what is shown of a finding holds no token', () => {
    expect(search.find(`first ${token}, then ${token}`)?.before).toBe('first ');
    const other = randomBytes(32).toString('base64url');
    expect(search.find(`not known ${other}, then ${token}`)?.before).toBe(`not known ${other.slice(0, 4)}…, then `);
  });

  it('H25: of more tokens than it keeps, the oldest are forgotten', () => {
    const many = Array.from({ length: 10_000 }, () => randomBytes(32).toString('base64url'));
    const known = new TokenSearch();
    for (const each of many) known.learn(each);
    const found = many.map((each) => known.find(each) !== undefined);
    expect(found.indexOf(true)).toBe(10_000 - 8_192);
    expect(found.lastIndexOf(false)).toBe(10_000 - 8_192 - 1);
  });

  it('its work grows with the output, not with the number of tokens', () => {
    const known = new TokenSearch();
    for (let count = 0; count < 20_000; count++) known.learn(randomBytes(32).toString('base64url'));
    const output = `session_created id=${randomBytes(32).toString('base64url')}\n`.repeat(2_000);
    const started = performance.now();
    expect(known.find(output)).toBeUndefined();
    // Looking for each of them in turn would take minutes.
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe('law 2: what the leak check hears', () => {
  const failuresOf = (...values: unknown[]): string[] => {
    const watch = new OutputWatch(search, () => 'the test');
    watch.hear('the log', ...values);
    return watch.failures();
  };

  it.each<[string, unknown]>([
    ['a line', `a ${token}`],
    ['a warning with an error', Object.assign(new Error('refused'), { command: { args: ['GET', `s:${token}`] } })],
    ['the cause of a cause', new Error('a', { cause: new Error('b', { cause: new Error(token) }) })],
    ['an object', { headers: { cookie: [`__Host-sid=${token}`] } }],
    ['a Map within a list', [new Map([['token', token]])]],
    ['bytes', Buffer.from(token)],
    ['bytes in an object', { body: Buffer.from(token) }],
  ])('%s, with the place and the test and without the token', (_name, value) => {
    const failures = failuresOf('before', value);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toContain('written to the log');
    expect(failures[0]).toContain('"the test"');
    expect(new TokenSearch().find(failures[0] as string)).toBeUndefined();
    expect(search.find(failures[0] as string)).toBeUndefined();
  });

  it('nothing in clean values', () => {
    expect(failuresOf('a line', { id: 'x' }, new Error('none'), undefined, null, 42, Symbol('s'))).toEqual([]);
  });
});
