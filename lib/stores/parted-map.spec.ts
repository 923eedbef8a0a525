import { randomBytes } from 'node:crypto';
import { PartedMap } from './parted-map.js';

/** How many of the keys are in the fullest of its maps. */
function fullest(keys: readonly string[]): number {
  const map = new PartedMap<number>();
  keys.forEach((key, at) => {
    map.set(key, at);
  });
  const { parts } = map as unknown as { parts: Map<string, number>[] };
  return Math.max(...parts.map(({ size }) => size));
}

describe('a map in parts', () => {
  it('is a map', () => {
    const map = new PartedMap<number>();
    for (const key of ['', 'a', 'ab', '__proto__', 'äöü']) {
      expect(map.get(key)).toBeUndefined();
      map.set(key, 1);
      map.set(key, 2);
      expect(map.get(key)).toBe(2);
      map.delete(key);
      expect(map.get(key)).toBeUndefined();
    }
    map.set('a', 1);
    map.clear();
    expect(map.get('a')).toBeUndefined();
  });

  it.each([
    ['ids', () => randomBytes(32).toString('base64url')],
    ['numbers', (at: number) => String(at)],
    ['addresses', (at: number) => `user${String(at)}@example.com`],
    ['padded names', (at: number) => `customer-${String(at).padStart(10, '0')}-eu`],
  ])('F80: spreads %s', (_what, keyOf) => {
    expect(fullest(Array.from({ length: 10_000 }, (_, at) => keyOf(at)))).toBeLessThan(500);
  });
});
