import { DecodedTexts } from './decoded-texts.js';

const decoded = (text: string) => ({ text, data: { text } });

describe('decoded texts', () => {
  it('are known by session and text', () => {
    const texts = new DecodedTexts();
    const one = decoded('1');
    texts.set('a', one);
    expect(texts.get('a', '1')).toBe(one);
    expect(texts.get('a', '2')).toBeUndefined();
    expect(texts.get('b', '1')).toBeUndefined();
    const two = decoded('2');
    texts.set('a', two);
    expect([texts.get('a', '1'), texts.get('a', '2')]).toEqual([undefined, two]);
    texts.delete('a');
    expect(texts.get('a', '2')).toBeUndefined();
  });

  it('F80: are forgotten when many others come, but those that are asked for', () => {
    const texts = new DecodedTexts();
    const long = 'x'.repeat(10_000);
    texts.set('used', decoded(long));
    texts.set('unused', decoded(long));
    let known = 0;
    for (let other = 0; other < 200; other++) {
      texts.set(String(other), decoded(long));
      expect(texts.get('used', long)).toBeDefined();
    }
    expect(texts.get('unused', long)).toBeUndefined();
    for (let other = 0; other < 200; other++) if (texts.get(String(other), long) !== undefined) known++;
    // Two generations of 256 K characters, and what entries take besides.
    expect(known).toBeLessThan(60);
    expect(known).toBeGreaterThan(20);
  });

  it('F80: one session that is written all the time fills no memory', () => {
    const texts = new DecodedTexts();
    texts.set('other', decoded('1'));
    for (let write = 0; write < 1_000; write++) texts.set('busy', decoded(`${String(write)} ${'x'.repeat(1_000)}`));
    expect(texts.get('other', '1')).toBeUndefined();
  });

  it('F80: of sessions with next to nothing in them are bounded too', () => {
    const texts = new DecodedTexts();
    let known = 0;
    for (let session = 0; session < 100_000; session++) texts.set(String(session), decoded('{}'));
    for (let session = 0; session < 100_000; session++) if (texts.get(String(session), '{}') !== undefined) known++;
    expect(known).toBeLessThan(2_000);
  });

  it('are forgotten with the store', () => {
    const texts = new DecodedTexts();
    texts.set('a', decoded('1'));
    texts.clear();
    expect(texts.get('a', '1')).toBeUndefined();
  });

  it('that are very long are not kept', () => {
    const texts = new DecodedTexts();
    const long = 'x'.repeat(65_537);
    texts.set('a', decoded(long));
    expect(texts.get('a', long)).toBeUndefined();
  });
});
