import { createHmac, createSecretKey, generateKeyPairSync, randomBytes, webcrypto, type KeyObject } from 'node:crypto';
import { inspect } from 'node:util';
import fc from 'fast-check';
import { resolveOptions } from '../session.options.js';
import { encrypted, type EncryptedOptions } from './encrypted.codec.js';
import type { EncryptionKey } from './encryption-keys.js';
import { jsonCodec } from './json.codec.js';
import type { SealContext, SealOpening, SessionCodec } from './session-codec.js';

const KEY = randomBytes(32);
const FIRST: EncryptionKey = { id: '2026-11', key: KEY };
const SECOND: EncryptionKey = { id: '2026-12', key: randomBytes(32) };
const CONTEXT: SealContext = {
  id: randomBytes(32).toString('base64url'),
  userId: 'ada',
  startedAt: 1_790_000_000_000,
  idleTimeout: 1_800_000,
  absoluteTimeout: 43_200_000,
};
const TEXT = '1{"label":"phone"}\n{"cart":["book"]}';

type Sealing = Required<Pick<SessionCodec, 'seal' | 'open'>> & SessionCodec;

const codecWith = (...keys: EncryptionKey[]): Sealing => encrypted({ keys }) as Sealing;

/** What came in from JavaScript or the environment, whatever the types say. */
const made = (options: unknown): SessionCodec => encrypted(options as EncryptedOptions);
const madeWith = (key: unknown, id: unknown = 'a'): SessionCodec => made({ keys: [{ id, key }] });

function refusal(act: () => unknown): { message: string; code?: string; name: string } {
  try {
    act();
  } catch (error) {
    return error as { message: string; code?: string; name: string };
  }
  throw new Error('It was taken.');
}

/** A key, in every form in which it might show. */
function formsOf(key: Buffer): string[] {
  const forms = (['base64', 'base64url', 'hex', 'latin1'] as const).map((encoding) => key.toString(encoding));
  return [...forms, forms[0]?.replace('=', '') as string, key.join(', '), inspect(key).slice(8, 40)];
}

function expectNoKey(shown: string, key: Buffer = KEY): void {
  for (const form of formsOf(key)) expect(shown).not.toContain(form);
}

const text = fc.string({ unit: 'grapheme' });
const context: fc.Arbitrary<SealContext> = fc.record({
  id: text,
  userId: fc.option(text, { nil: undefined }),
  startedAt: fc.maxSafeNat(),
  idleTimeout: fc.maxSafeNat(),
  absoluteTimeout: fc.maxSafeNat(),
});

describe('law 11: what is sealed comes out as it was', () => {
  it('whatever JSON data it is, whatever it is bound to', () => {
    const codec = codecWith(FIRST);
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ unit: 'binary' }), fc.jsonValue({ stringUnit: 'binary' })),
        context,
        (generated, bound) => {
          const data = JSON.parse(JSON.stringify(generated)) as Record<string, unknown>;
          const opening = codec.open(codec.seal(codec.encode(data), bound), bound);
          expect(opening.kind === 'opened' && codec.decode(opening.text)).toEqual(data);
        },
      ),
    );
  });

  it('encode and decode are those of the inner codec: how a change is noticed stays as it is', () => {
    const reversed: SessionCodec = {
      encode: (data) => Buffer.from(jsonCodec.encode(data)).reverse().toString(),
      decode: (given) => jsonCodec.decode(Buffer.from(given).reverse().toString()),
    };
    const codec = encrypted({ keys: [FIRST], codec: reversed });
    expect(codec.encode({ a: 1 })).toBe('}1:"a"{');
    expect(codec.decode('}1:"a"{')).toEqual({ a: 1 });
    expect(codecWith(FIRST).encode({ a: 1 })).toBe('{"a":1}');
  });

  it('D37: refuses half a character of an inner codec, which bytes can not hold', () => {
    const codec = encrypted({ keys: [FIRST], codec: { encode: () => 'a\ud800', decode: () => ({}) } });
    expect(refusal(() => codec.encode({}))).toMatchObject({ code: 'DATA_NOT_STORABLE' });
    // JSON has it as an escape.
    const json = codecWith(FIRST);
    const opening = json.open(json.seal(json.encode({ a: '\ud800' }), CONTEXT), CONTEXT) as { text: string };
    expect(json.decode(opening.text)).toEqual({ a: '\ud800' });
  });
});

describe('ASVS 11.3.3: a seal', () => {
  const codec = codecWith(FIRST);
  const sealed = codec.seal(TEXT, CONTEXT);
  const isRefused = (seal: string, bound = CONTEXT): void => {
    expect(codec.open(seal, bound)).toEqual({ kind: 'broken' });
  };

  it('names its key, and holds a nonce, as many bytes as the text and a tag of 16 bytes', () => {
    expect(sealed).toMatch(/^2026-11\.[\w-]+$/);
    const body = sealed.slice('2026-11.'.length);
    expect(Buffer.from(body, 'base64url')).toHaveLength(12 + Buffer.byteLength(TEXT) + 16);
    expect(codec.open(sealed, CONTEXT)).toEqual({ kind: 'opened', text: TEXT });
  });

  it('is refused with any bit of its text altered', () => {
    for (let at = 0; at < sealed.length; at++) {
      for (let bit = 0; bit < 7; bit++) {
        const altered = String.fromCharCode(sealed.charCodeAt(at) ^ (1 << bit));
        const { kind } = codec.open(sealed.slice(0, at) + altered + sealed.slice(at + 1), CONTEXT);
        // The name of another key tells nothing of the rest.
        expect(kind).toBe(at < '2026-11'.length && /[\w-]/.test(altered) ? 'unknown-key' : 'broken');
      }
    }
  });

  it('is refused with any bit of its bytes altered', () => {
    const bytes = Buffer.from(sealed.split('.')[1] as string, 'base64url');
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const altered = Buffer.from(bytes);
      altered[bit >> 3] = (altered[bit >> 3] as number) ^ (1 << (bit & 7));
      isRefused(`2026-11.${altered.toString('base64url')}`);
    }
  });

  it('is refused when it is cut, lengthened, or no seal at all', () => {
    for (let length = 0; length < sealed.length; length++) isRefused(sealed.slice(0, length));
    for (const more of ['A', '=', '\n', ' ', '.', 'AAAA']) isRefused(sealed + more);
    for (const other of ['', '.', '..', '2026-11', '2026-11.', '.AAAA', TEXT, `a b.${sealed.slice(8)}`])
      isRefused(other);
    isRefused(`${'k'.repeat(33)}.${sealed.slice(8)}`);
  });

  it.each<[string, Partial<SealContext>]>([
    ['of another session', { id: randomBytes(32).toString('base64url') }],
    ['of another user', { userId: 'bob' }],
    ['of nobody', { userId: undefined }],
    ['that began later', { startedAt: CONTEXT.startedAt + 1 }],
    ['that may be idle longer', { idleTimeout: CONTEXT.idleTimeout + 1 }],
    ['that lives longer', { absoluteTimeout: CONTEXT.absoluteTimeout + 1 }],
    ['with both limits swapped', { idleTimeout: 43_200_000, absoluteTimeout: 1_800_000 }],
    ['whose user is part of its id', { id: `${CONTEXT.id}","ada`, userId: '' }],
  ])('is refused in a record %s', (_name, changes) => {
    isRefused(sealed, { ...CONTEXT, ...changes });
  });

  it('opens with an equal context only, whatever the contexts are', () => {
    fc.assert(
      fc.property(context, context, (one, other) => {
        const isEqual = JSON.stringify(one) === JSON.stringify(other);
        expect(codec.open(codec.seal(TEXT, one), other).kind).toBe(isEqual ? 'opened' : 'broken');
      }),
    );
  });

  it('tells nobody from a user whose id is "null"', () => {
    const ofNobody = codec.seal(TEXT, { ...CONTEXT, userId: undefined });
    isRefused(ofNobody, { ...CONTEXT, userId: 'null' });
    expect(codec.open(ofNobody, { ...CONTEXT, userId: undefined }).kind).toBe('opened');
  });

  it('ASVS 11.3.4: has a nonce of its own each time: 10,000 of one text differ in nonce and bytes', () => {
    const nonces = new Set<string>();
    const starts = new Set<string>();
    for (let n = 0; n < 10_000; n++) {
      const bytes = Buffer.from(codec.seal(TEXT, CONTEXT).slice(8), 'base64url');
      nonces.add(bytes.toString('hex', 0, 12));
      starts.add(bytes.toString('hex', 12, 28));
    }
    expect([nonces.size, starts.size]).toEqual([10_000, 10_000]);
  });

  it('is not made with the key itself, nor with its plain HMAC: each session has a key of its own', async () => {
    const bytes = Buffer.from(sealed.slice(8), 'base64url');
    const aad = Buffer.from(JSON.stringify(Object.values(CONTEXT)));
    const opensWith = async (raw: Buffer): Promise<boolean> => {
      const key = await webcrypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['decrypt']);
      const terms = { name: 'AES-GCM', iv: bytes.subarray(0, 12), additionalData: aad };
      return webcrypto.subtle.decrypt(terms, key, bytes.subarray(12)).then(
        (opened) => Buffer.from(opened).toString() === TEXT,
        () => false,
      );
    };
    const derived = (purpose: string): Buffer => createHmac('sha256', KEY).update(purpose).digest();
    // The format, read by another implementation: what is stored today has to open for good.
    expect(await opensWith(derived(`nestjs-token-session: the seal of session ${CONTEXT.id}`))).toBe(true);
    expect(await opensWith(KEY)).toBe(false);
    expect(await opensWith(derived(CONTEXT.id))).toBe(false);
  });
});

describe('ASVS 13.3.4: rotation of keys', () => {
  const bySecond = codecWith(SECOND).seal(TEXT, CONTEXT);

  it('the first seals, all open', () => {
    const rotated = codecWith(SECOND, FIRST);
    const before = codecWith(FIRST, SECOND);
    for (const codec of [rotated, before]) {
      for (const seal of [bySecond, codecWith(FIRST).seal(TEXT, CONTEXT)]) {
        expect(codec.open(seal, CONTEXT)).toEqual({ kind: 'opened', text: TEXT });
      }
    }
    expect(rotated.seal(TEXT, CONTEXT)).toMatch(/^2026-12\./);
    expect(before.seal(TEXT, CONTEXT)).toMatch(/^2026-11\./);
  });

  it('a key that is not there is told by its id, not as a broken seal', () => {
    const opening: SealOpening = codecWith(FIRST).open(bySecond, CONTEXT);
    expect(opening).toEqual({ kind: 'unknown-key', keyId: '2026-12' });
  });

  it('another key under the same id opens nothing', () => {
    const other = codecWith({ id: SECOND.id, key: randomBytes(32) });
    expect(other.open(bySecond, CONTEXT)).toEqual({ kind: 'broken' });
  });
});

describe('keys', () => {
  const seal = codecWith(FIRST).seal(TEXT, CONTEXT);

  it.each<[string, EncryptionKey['key']]>([
    ['a Buffer', KEY],
    ['a Uint8Array', new Uint8Array(KEY)],
    ['a part of a larger buffer', new Uint8Array(Buffer.concat([randomBytes(5), KEY, randomBytes(3)])).subarray(5, 37)],
    ['a KeyObject', createSecretKey(KEY)],
    ['base64', KEY.toString('base64')],
    ['base64 without padding', KEY.toString('base64').replace('=', '')],
    ['base64url', KEY.toString('base64url')],
    ['base64url with padding', `${KEY.toString('base64url')}=`],
    ['hex', KEY.toString('hex')],
    ['hex in capitals', KEY.toString('hex').toUpperCase()],
  ])('are taken as %s', (_name, key) => {
    expect(codecWith({ id: '2026-11', key }).open(seal, CONTEXT)).toEqual({ kind: 'opened', text: TEXT });
  });

  it('are copied: bytes that are wiped after boot change nothing', () => {
    const given = Buffer.from(KEY);
    const codec = codecWith({ id: '2026-11', key: given });
    given.fill(0);
    expect(codec.open(seal, CONTEXT).kind).toBe('opened');
  });

  const publicKey: KeyObject = generateKeyPairSync('ed25519').publicKey;
  const passphrase = 'correct horse battery staple, 32';

  it.each<[string, unknown, RegExp]>([
    ['nothing, as of a variable that is not set', undefined, /got undefined/],
    ['null', null, /got null/],
    ['empty text', '', /got empty text/],
    ['a passphrase', 'correct horse battery staple', /got text of 28 characters/],
    ['a passphrase of 32 characters', passphrase, /got text of 32 characters/],
    ['the bytes of one', Buffer.from(passphrase), /got a passphrase: 32 bytes of plain text/],
    ['one in base64', Buffer.from(passphrase).toString('base64'), /got a passphrase/],
    ['16 bytes', randomBytes(16), /got 16 bytes/],
    ['16 bytes in hex', randomBytes(16).toString('hex'), /got text of 32 characters/],
    ['31 bytes in base64', randomBytes(31).toString('base64'), /got text of 44 characters/],
    ['33 bytes', randomBytes(33), /got 33 bytes/],
    ['33 bytes in base64', randomBytes(33).toString('base64'), /got text of 44 characters/],
    ['64 bytes', randomBytes(64), /got 64 bytes/],
    ['the bytes of hex', Buffer.from(KEY.toString('hex')), /got 64 bytes/],
    ['a line break at its end', `${KEY.toString('base64')}\n`, /got text of 45 characters/],
    ['two alphabets in one', `+-${'A'.repeat(41)}`, /got text of 43 characters/],
    ['base64url that is not canonical', `${'Ab3-'.repeat(10)}xyB`, /got text of 43 characters/],
    ['zeros', Buffer.alloc(32), /got 32 bytes of which most are the same/],
    ['zeros in hex', '0'.repeat(64), /got 32 bytes of which most are the same/],
    ['a KeyObject of 16 bytes', createSecretKey(randomBytes(16)), /got a KeyObject of 16 bytes/],
    ['a public KeyObject', publicKey, /got a public KeyObject/],
    ['a number', 42, /got a number/],
    ['a list of bytes', [...KEY], /got a list/],
    ['an ArrayBuffer', new Uint8Array(KEY).buffer, /got an object/],
    ['a function', () => KEY, /got a function/],
  ])('at boot refuses %s, by the place, the kind of thing and the remedy', (_name, key, came) => {
    const error = refusal(() => madeWith(key));
    expect(error).toMatchObject({ name: 'SessionConfigError', code: 'INVALID_OPTION' });
    expect(error.message).toMatch(/^encrypted keys\[0\]\.key: takes 32 random bytes .*openssl rand -base64 32/);
    expect(error.message).toMatch(came);
    expectNoKey(inspect(error));
    if (typeof key === 'string' && key !== '') expect(inspect(error)).not.toContain(key);
    expect(inspect(error)).not.toContain(passphrase);
  });

  const good = KEY.toString('base64');

  it.each<[string, unknown, RegExp]>([
    ['no options', undefined, /^encrypted options: takes an object with keys; got undefined/],
    ['no keys', {}, /^encrypted keys: takes a list .* got undefined/],
    ['an empty list', { keys: [] }, /^encrypted keys: .* got an empty list/],
    ['a key in place of the list', { keys: good }, /^encrypted keys: .* got text of 44 characters/],
    ['a list of keys without ids', { keys: [good] }, /^encrypted keys\[0\]: takes an object.* got text of 44/],
    ['bytes in the list', { keys: [KEY] }, /^encrypted keys\[0\]: takes an object.* got 32 bytes/],
    [
      'an option that there is not',
      { key: good, keys: [] },
      /^encrypted options: takes keys, codec, plainText only; .*"key"/,
    ],
    [
      'a name that there is not',
      { keys: [{ id: 'a', secret: good }] },
      /^encrypted keys\[0\]: takes id, key only; .*"secret"/,
    ],
    [
      'a codec that is none',
      { keys: [FIRST], codec: {} },
      /^encrypted codec: takes .* encode and decode; got an object/,
    ],
    [
      'a codec that seals',
      { keys: [FIRST], codec: codecWith(FIRST) },
      /^encrypted codec: takes one that does not seal/,
    ],
    [
      'plainText: true',
      { keys: [FIRST], plainText: true },
      /^encrypted plainText: takes 'refuse', 'read' or 'write'; got a boolean/,
    ],
    ['plainText: "yes"', { keys: [FIRST], plainText: 'yes' }, /^encrypted plainText: .* got text of 3 characters/],
    ['null for plainText', { keys: [FIRST], plainText: null }, /^encrypted plainText: .* got null/],
  ])('at boot refuses %s', (_name, options, message) => {
    const error = refusal(() => made(options));
    expect(error).toMatchObject({ name: 'SessionConfigError', code: 'INVALID_OPTION' });
    expect(error.message).toMatch(message);
    expectNoKey(inspect(error));
  });

  it.each<[string, unknown]>([
    ['none', undefined],
    ['an empty one', ''],
    ['one with a dot, which ends it in a record', '2026.11'],
    ['one with a line break', 'a\n'],
    ['one with a blank', 'a b'],
    ['one of 33 characters', 'a'.repeat(33)],
    ['a number', 7],
    ['the key itself by mistake', good],
  ])('at boot refuses an id that is %s, and does not show it', (_name, id) => {
    const error = refusal(() => made({ keys: [SECOND, { id, key: KEY }] }));
    expect(error.message).toMatch(/^encrypted keys\[1\]\.id: takes 1 to 32 letters, digits, - or _; got /);
    expectNoKey(inspect(error));
  });

  it('at boot refuses an id that stands twice', () => {
    const error = refusal(() => made({ keys: [FIRST, SECOND, { id: FIRST.id, key: randomBytes(32) }] }));
    expect(error.message).toMatch(/^encrypted keys\[2\]\.id: takes an id of its own; got that of another key/);
  });

  it('law 2: show neither in inspect, nor in JSON, nor as properties', () => {
    const codec = encrypted({ keys: [FIRST, SECOND] });
    for (const shown of [
      inspect(codec, { depth: 9, showHidden: true }),
      JSON.stringify(codec),
      Object.entries(codec).join(),
    ]) {
      expectNoKey(shown);
      expectNoKey(shown, SECOND.key as Buffer);
      expect(shown).not.toMatch(/KeyObject/);
    }
  });
});

describe('the option codec', () => {
  const half = { encode: jsonCodec.encode, decode: jsonCodec.decode };

  it.each<[string, object, RegExp]>([
    [
      'seal without open',
      { ...half, seal: () => '' },
      /option codec: takes an object with both of seal and open, or neither/,
    ],
    [
      'open without seal',
      { ...half, open: () => '' },
      /option codec: takes an object with both of seal and open, or neither/,
    ],
    ['open that is no function', { ...half, seal: () => '', open: true }, /option codec: takes an object with both/],
    ['another plainText', { ...half, plainText: 'yes' }, /option codec\.plainText: takes 'refuse', 'read' or 'write'/],
    ['encrypted without its call', encrypted, /option codec: takes an object with encode and decode; got .*encrypted/],
  ])('at boot refuses %s', (_name, codec, message) => {
    const error = refusal(() => resolveOptions({ codec: codec as SessionCodec }));
    expect(error).toMatchObject({ name: 'SessionConfigError', code: 'INVALID_OPTION' });
    expect(error.message).toMatch(message);
  });

  it('takes one that seals, and one that does not', () => {
    const codec = encrypted({ keys: [FIRST] });
    expect(resolveOptions({ codec }).codec).toBe(codec);
    expect(resolveOptions({ codec: half }).codec).toBe(half);
  });
});
