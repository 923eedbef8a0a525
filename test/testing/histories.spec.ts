import assert from 'node:assert/strict';
import type { OpenStore } from 'nestjs-token-session/testing';
import { Random, takeSteps } from '../../lib/testing/conformance/random.js';
import { BROKEN_INDEXES } from './support/broken-indexes.js';
import { BROKEN_LIMITS } from './support/broken-limits.js';
import { BROKEN_RECORDS } from './support/broken-records.js';
import { failedRules, rulesFor } from './support/failed-rules.js';

async function messageOf(open: OpenStore, title: string, seed: number): Promise<string> {
  const rules = rulesFor(open, { seed }).filter((rule) => rule.title === `${title} (seed ${String(seed)})`);
  expect(rules).toHaveLength(1);
  return (await failedRules(rules)).get(title)?.message ?? '';
}

describe('what a failure of random operations tells', () => {
  it('of a store: what was wrong, the seed, and each step that led there', async () => {
    const open = BROKEN_RECORDS['whose update writes over any version'];
    const message = await messageOf(open, 'random operations give what a simple model gives', 12);
    expect(message).toMatch(/conflict/);
    expect(message).toMatch(/seed 12, after:\n {2}1\. /);
    expect(message).toMatch(/\n {2}\d+\. update [xyz] at \S+: \{"payload":[^\n]*\n*$/);
  });

  it('of an index of users', async () => {
    const open = BROKEN_LIMITS['whose index evicts nobody'];
    const message = await messageOf(open, 'random operations of users give what a simple model gives', 12);
    expect(message).toMatch(/seed 12, after:\n {2}1\. /);
    expect(message).toMatch(/\n {2}\d+\. (ada|bob) add [A-E] for \d+ ms: \{.*"evict".*\}\n*$/);
  });

  it('of logins: the order of the operations, and what became of each', async () => {
    const open = BROKEN_INDEXES['whose index settles what was revoked'];
    const title = 'R60, ASVS 7.4.3: a login and a sign-out everywhere, in 25 orders';
    const message = await messageOf(open, title, 12);
    expect(message).toMatch(/order \d+ of the store's operations; 1 "login": done, 2 "end all": done:\n {2}1\. /);
    expect(message).toMatch(/\n {2}\d+\. 2 users\.revoke\n/);
  });

  it('is the same for the same seed, and another for another', async () => {
    const open = BROKEN_RECORDS['whose create overwrites'];
    const of = (seed: number): Promise<string> =>
      messageOf(open, 'random operations give what a simple model gives', seed);
    expect(await of(3)).toBe(await of(3));
    expect(await of(3)).not.toBe(await of(4));
  });
});

describe('random choices', () => {
  it('are those of mulberry32, and spread evenly', () => {
    const random = new Random(1);
    const counts = new Array<number>(7).fill(0);
    for (let round = 0; round < 70_000; round++) {
      const drawn = random.below(7);
      counts[drawn] = (counts[drawn] ?? 0) + 1;
    }
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(400);
    // The first values of the reference implementation for the seed 1.
    const first = new Random(1);
    expect([1, 2, 3].map(() => first.below(2 ** 32))).toEqual([2693262067, 11749833, 2265367787]);
  });

  it('keep to weights', () => {
    const random = new Random(5);
    const drawn = Array.from({ length: 1_000 }, () => random.weighed({ often: 9, seldom: 1, never: 0 }));
    expect(drawn.filter((one) => one === 'never')).toEqual([]);
    expect(drawn.filter((one) => one === 'often').length).toBeGreaterThan(800);
  });

  it('keep the class of what failed', async () => {
    const failing = (error: Error): Promise<unknown> =>
      takeSteps(1, 1, () => Promise.reject(error)).catch((thrown: unknown) => thrown);
    const assertion = new assert.AssertionError({ message: 'wrong', actual: 1, expected: 2, operator: 'strictEqual' });
    expect(await failing(assertion)).toMatchObject({ actual: 1, expected: 2, code: 'ERR_ASSERTION' });
    expect(await failing(new TypeError('broken'))).toMatchObject({ cause: expect.any(TypeError) });
  });
});
