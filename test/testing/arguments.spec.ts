import { describe as describeInJest, it as itInJest } from '@jest/globals';
import { describe as describeInNode, it as itInNode } from 'node:test';
import { MemoryStore } from 'nestjs-token-session';
import { describeSessionStore, type TestRunner } from 'nestjs-token-session/testing';
import type { describe as describeInVitest, it as itInVitest } from 'vitest';
import { SEED_VARIABLE } from '../../lib/testing/conformance/capabilities.js';
import { rulesFor } from './support/failed-rules.js';

const open = (): MemoryStore => new MemoryStore();
const runner: TestRunner = { describe: (_name, body) => body(), it: () => undefined };

/** What the compiler says of it is the test. */
export const OF_OTHERS = (vitest: { describe: typeof describeInVitest; it: typeof itInVitest }): TestRunner[] => [
  vitest,
  { describe: describeInJest, it: itInJest },
  { describe: describeInNode, it: itInNode },
];

describe('the arguments of describeSessionStore', () => {
  afterEach(() => {
    Reflect.deleteProperty(process.env, SEED_VARIABLE);
  });

  it.each<[string, unknown[], RegExp]>([
    ['an unknown capability', ['x', open, { resend: true }, runner], /knows no capability resend; it knows .*resends/],
    ['a flag that is none', ['x', open, { resends: 1 }, runner], /resends takes true or false; got 1/],
    [
      'an unknown contract',
      ['x', open, { contract: 'strong' }, runner],
      /contract takes 'atomic' or 'simple'; got 'strong'/,
    ],
    ['reopen that is no function', ['x', open, { reopen: true }, runner], /reopen takes a function .*; got true/],
    [
      'a payload that is too small',
      ['x', open, { maxPayload: 100 }, runner],
      /maxPayload takes .* from 65536 on; got 100/,
    ],
    ['a batch of nothing', ['x', open, { sweepBatch: 0 }, runner], /sweepBatch takes .* at least 1; got 0/],
    ['a seed that is no number', ['x', open, { seed: 1.5 }, runner], /seed .* a whole number; got 1.5/],
    [
      'no capabilities',
      ['x', open, undefined, runner],
      /capabilities as its third argument, \{\} for none; got undefined/,
    ],
    ['the runner in their place', ['x', open, runner], /knows no capability describe/],
    ['no name', ['', open, {}, runner], /the store's name as its first argument; got ''/],
    [
      'a store in place of the factory',
      ['x', new MemoryStore(), {}, runner],
      /a function that opens a store .*; got an object/,
    ],
    [
      'a class in place of the factory',
      ['x', MemoryStore, {}, runner],
      /\(\) => new MyStore\(\); got the class MemoryStore/,
    ],
    ['no factory', ['x', undefined, {}, runner], /a function that opens a store .*; got undefined/],
    [
      'a class for reopen',
      ['x', open, { reopen: MemoryStore }, runner],
      /reopen takes a function .*; got the class MemoryStore/,
    ],
    ['no runner', ['x', open, {}], /\{ describe, it \} of the test runner/],
    ['half a runner', ['x', open, {}, { describe }], /\{ describe, it \} of the test runner/],
  ])('refuse %s', (_name, args, message) => {
    const call = describeSessionStore as (...given: unknown[]) => void;
    expect(() => call(...args)).toThrow(message);
    expect(() => call(...args)).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  it('refuse a seed of the environment that is no number', () => {
    process.env[SEED_VARIABLE] = 'seven';
    expect(() => rulesFor(open, {})).toThrow(/SESSION_STORE_SEED take a whole number; got 'seven'/);
  });

  it('take the seed of the environment before that of the capabilities', () => {
    const seeds = (): string[] => [
      ...new Set(rulesFor(open, { seed: 7 }).flatMap(({ title }) => /seed \d+/.exec(title) ?? [])),
    ];
    expect(seeds()).toContain('seed 7');
    process.env[SEED_VARIABLE] = '4711';
    expect(seeds()).toContain('seed 4711');
    expect(seeds()).not.toContain('seed 7');
  });

  it('give titles that are unique, in whatever a store declares', () => {
    const capabilities = { contract: 'atomic', resends: true, reopen: open, sweepBatch: 10 } as const;
    for (const given of [capabilities, { contract: 'simple', reopen: open } as const]) {
      const titles = rulesFor(open, given).map(({ title }) => title);
      expect(titles.filter((title, index) => titles.indexOf(title) !== index)).toEqual([]);
    }
  });
});
