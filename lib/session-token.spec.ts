import { jest } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { createToken, idOf, isToken } from './session-token.js';

describe('session tokens', () => {
  it('ASVS 7.2.3: 32 random bytes in 43 characters of base64url, each its own', () => {
    const tokens = new Set(Array.from({ length: 10_000 }, createToken));
    expect(tokens.size).toBe(10_000);
    for (const token of tokens) {
      expect(token).toMatch(/^[\w-]{43}$/);
      expect(Buffer.from(token, 'base64url')).toHaveLength(32);
      expect(isToken(token)).toBe(true);
    }
  });

  it('ASVS 7.2.3: every bit of a token is as often 0 as 1', () => {
    const TOKENS = 4_000;
    const ones = new Array<number>(256).fill(0);
    for (let count = 0; count < TOKENS; count++) {
      Buffer.from(createToken(), 'base64url').forEach((byte, index) => {
        for (let bit = 0; bit < 8; bit++)
          ones[index * 8 + bit] = (ones[index * 8 + bit] as number) + ((byte >> bit) & 1);
      });
    }
    // Eight standard deviations: by chance once in 10^12 runs.
    const tolerance = 8 * Math.sqrt(TOKENS / 4);
    for (const count of ones) expect(Math.abs(count - TOKENS / 2)).toBeLessThan(tolerance);
  });

  it('ASVS 7.2.3: Math.random has no part in it', () => {
    const random = jest.spyOn(Math, 'random').mockReturnValue(0.5);
    expect(createToken()).not.toBe(createToken());
    expect(random).not.toHaveBeenCalled();
    random.mockRestore();
  });

  it('H2, H3: exactly the canonical form of 32 bytes is a token', () => {
    const near = fc
      .uint8Array({ minLength: 30, maxLength: 34 })
      .map((bytes) => Buffer.from(bytes).toString('base64url'));
    const last = fc.tuple(near, fc.string({ maxLength: 2 })).map(([token, end]) => token.slice(0, 42) + end);
    fc.assert(
      fc.property(fc.oneof(near, last, fc.string({ unit: 'binary', minLength: 41, maxLength: 45 })), (value) => {
        const bytes = Buffer.from(value, 'base64url');
        expect(isToken(value)).toBe(bytes.length === 32 && bytes.toString('base64url') === value);
      }),
      { numRuns: 2_000 },
    );
  });

  it.each(['', '\n', `${'A'.repeat(43)}\n`, `\n${'A'.repeat(42)}`, 'Ａ'.repeat(43), 'A'.repeat(42), 'A'.repeat(44)])(
    'H2, H3: %j is none',
    (value) => {
      expect(isToken(value)).toBe(false);
    },
  );

  it('H6: the work does not grow with the length', () => {
    const long = 'A'.repeat(1 << 28);
    const started = process.hrtime.bigint();
    for (let count = 0; count < 1_000; count++) expect(isToken(long)).toBe(false);
    // Looking at each character a thousand times would take minutes.
    expect(Number(process.hrtime.bigint() - started) / 1e9).toBeLessThan(5);
  });

  it('law 2: the id is SHA-256 of the token as it is written', () => {
    const token = createToken();
    expect(idOf(token)).toBe(createHash('sha256').update(token, 'ascii').digest('base64url'));
  });
});
