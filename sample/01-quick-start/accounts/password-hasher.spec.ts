import { QuickHasher } from '../testing/app.js';
import { PasswordHasher } from './password-hasher.js';

describe('PasswordHasher', () => {
  const hasher = new QuickHasher();

  it('makes text with the cost that OWASP asks for, a salt of 128 bits and a key of 256', async () => {
    const [scheme, N, r, p, salt, key] = (await new PasswordHasher().hash('first-program')).split('$');
    expect([scheme, N, r, p]).toEqual(['scrypt', '16384', '8', '5']);
    expect(Buffer.from(salt ?? '', 'base64url')).toHaveLength(16);
    expect(Buffer.from(key ?? '', 'base64url')).toHaveLength(32);
  });

  it('takes the right password only, also in another Unicode form', async () => {
    const hash = await hasher.hash('caf\u00e9 au lait');
    expect(await hasher.matches('caf\u00e9 au lait', hash)).toBe(true);
    expect(await hasher.matches('cafe\u0301 au lait', hash)).toBe(true);
    expect(await hasher.matches('cafe au lait', hash)).toBe(false);
    expect(await hasher.matches('', hash)).toBe(false);
  });

  it('gives two users with one password two hashes', async () => {
    expect(await hasher.hash('first-program')).not.toBe(await hasher.hash('first-program'));
  });

  it('still checks hashes of another cost, lower or higher', async () => {
    // RFC 7914, section 12, the first two vectors.
    const vectors = [
      [
        '',
        '',
        [16, 1, 1],
        '77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906',
      ],
      [
        'password',
        'NaCl',
        [1024, 8, 16],
        'fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b3731622eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640',
      ],
    ] as const;
    for (const [password, salt, cost, key] of vectors) {
      const [saltText, keyText] = [Buffer.from(salt), Buffer.from(key, 'hex')].map((it) => it.toString('base64url'));
      expect(await hasher.matches(password, ['scrypt', ...cost, saltText, keyText].join('$'))).toBe(true);
    }
  });
});
