import { CookieSignature } from './cookie-signature.js';

const SECRET = 'a secret of the test';
const OLD = 'an old secret';
const TEXT = '{"userId":"ada"}';

describe('the seal of what is kept beside the data of express-session', () => {
  it('ASVS 13.3.4: the first secret seals, all verify; one that was taken out does not any more', () => {
    const before = new CookieSignature(OLD).seal(TEXT);
    const between = new CookieSignature([SECRET, OLD]);
    const after = new CookieSignature([SECRET]);
    expect([between.isSealed(TEXT, before), after.isSealed(TEXT, before)]).toEqual([true, false]);
    expect(between.seal(TEXT)).toBe(after.seal(TEXT));
    expect(after.isSealed(TEXT, between.seal(TEXT))).toBe(true);
  });

  it('ASVS 13.3.4: what an earlier version of the package sealed stays sealed', () => {
    const sealed = 'H3W68LbORVaNnk5AAnz88gHlTYtKaV6diyioSKGr6S4';
    expect(new CookieSignature(SECRET).isSealed(TEXT, sealed)).toBe(true);
  });

  it('ASVS 11.2.4: another text, another seal, one that is cut off or goes on: none throws, none is sealed', () => {
    const signature = new CookieSignature(SECRET);
    const seal = signature.seal(TEXT);
    expect(Buffer.from(seal, 'base64url')).toHaveLength(32);
    for (const given of ['', 'A', 'A'.repeat(43), seal.slice(0, 40), `${seal}AAAA`, `${seal}${seal}`]) {
      expect([given, signature.isSealed(TEXT, given)]).toEqual([given, false]);
    }
    expect(signature.isSealed(`${TEXT} `, seal)).toBe(false);
  });

  it('a key signs cookies or seals, never both: one does not pass for the other', () => {
    const signature = new CookieSignature(SECRET);
    const signed = /\.(.*)$/.exec(signature.sign(TEXT))?.[1] as string;
    expect(signature.isSealed(TEXT, signed)).toBe(false);
    expect(signature.open(`s:${TEXT}.${signature.seal(TEXT)}`)).toBe('');
    expect(signature.open(`s:${TEXT}.${signed}`)).toBe(TEXT);
  });
});
