import assert from 'node:assert/strict';
import { MemoryStore, type SessionRecord, type SessionStore } from 'nestjs-token-session';
import { TestClock, type OpenStore, type StoreCapabilities } from 'nestjs-token-session/testing';
import { ID } from '../../lib/testing/conformance/records/record-subject.js';
import { ONE, SimpleSubject } from '../../lib/testing/conformance/simple/simple-subject.js';
import { BROKEN_RECORDS } from './support/broken-records.js';
import { soundSimple } from './support/broken-simple-stores.js';
import { broken } from './support/broken-store.js';
import { failedRules, rulesFor } from './support/failed-rules.js';

const FRESH = /^the factory has to give a store without sessions: use `key` as prefix or table \(/;

/** As a store does whose driver tells only how many rows were deleted. */
const SILENT_DESTROY = broken(({ destroy }) => ({
  destroy: async (id, version) => {
    await destroy(id, version);
    return undefined;
  },
}));

async function failures(open: OpenStore, capabilities: StoreCapabilities = {}): Promise<Map<string, Error>> {
  return failedRules(rulesFor(open, capabilities));
}

describe('what the failure of a rule tells', () => {
  it('which operation and what was expected, in words, and the difference below', async () => {
    const failed = await failures(SILENT_DESTROY);
    const failure = failed.get('law 6: destroy: gives what was there; then the session is missing');
    expect(failure?.message).toMatch(/^destroy gives the record that was there\n\n.*\+ undefined\n- \{/s);
    expect(failure).toBeInstanceOf(assert.AssertionError);
    expect(failure).toMatchObject({ actual: undefined, expected: expect.objectContaining({ userId: 'ada' }) });
  });

  it('after which operation', async () => {
    const failed = await failures(broken(() => ({ touch: () => true })));
    const failure = failed.get('touch: moves the idle clock; data, version and user stay');
    expect(failure?.message).toMatch(/^load after touch gives the record as it has to be by then\n/);
  });

  it('D37: and payloads have nothing to do with what destroy gives', async () => {
    const failed = await failures(SILENT_DESTROY);
    expect(failed.size).toBeGreaterThan(5);
    expect([...failed.keys()].filter((title) => title.startsWith('D37'))).toEqual([]);
  });

  it.each<[string, OpenStore]>([
    ['whose conflict tells of its own record', BROKEN_RECORDS['whose conflict tells of its own record']],
    ['whose create overwrites', BROKEN_RECORDS['whose create overwrites']],
  ])('a sentence, not values only: of a store %s', async (_name, open) => {
    const failed = await failures(open);
    expect(failed.size).toBeGreaterThan(0);
    for (const { message } of failed.values()) expect(message).not.toMatch(/^(Expected|true |false |\d+ !==)/);
  });
});

describe('a factory that gives a store with sessions', () => {
  const RULE = 'update: replaces the whole record at the expected version';
  const SIMPLE_RULE = 'set: replaces the whole session, and no other one';
  const YEARS = 1e12;

  async function failureOf(
    open: OpenStore,
    capabilities: StoreCapabilities,
    rule: string,
  ): Promise<string | undefined> {
    const failed = await failedRules(rulesFor(open, capabilities).filter(({ title }) => title === rule));
    return failed.get(rule)?.message;
  }

  it.each<[string, (store: MemoryStore, record: SessionRecord) => unknown, RegExp]>([
    ['one of a test', (store, record) => store.create(ID, record), /load finds a session/],
    ['another one', (store, record) => store.create('x'.repeat(43), record), /count gives 1 before/],
    ['an entry', (store) => store.users.add('ada', ID, YEARS, {}), /users\.list finds an entry/],
  ])('is told so: %s', async (_name, fill, found) => {
    const store = new MemoryStore();
    const now = new TestClock().now();
    const limits = { idleTimeout: YEARS, absoluteTimeout: YEARS };
    expect(await fill(store, { payload: '', version: '1', startedAt: now, usedAt: now, ...limits })).toBeTruthy();
    expect(await failureOf(() => store, {}, RULE)).toMatch(FRESH);
    expect(await failureOf(() => store, {}, RULE)).toMatch(found);
    expect(await failureOf(() => new MemoryStore(), {}, RULE)).toBeUndefined();
  });

  it('is told so: one of a simple store', async () => {
    const store = await soundSimple({ now: new TestClock().now, key: '', after: () => undefined });
    const subject = new SimpleSubject(store as SessionStore, new TestClock());
    await subject.set(ONE, subject.session());
    expect(await failureOf(() => store, { contract: 'simple' }, SIMPLE_RULE)).toMatch(FRESH);
    expect(await failureOf(() => store, { contract: 'simple' }, RULE)).toMatch(FRESH);
    expect(await failureOf(soundSimple, { contract: 'simple' }, SIMPLE_RULE)).toBeUndefined();
  });

  it('is not told so when it is the store that fails', async () => {
    const away = broken(() => ({ count: () => Promise.reject(new Error('no rights to count')) }));
    expect(await failureOf(away, {}, RULE)).toBeUndefined();
    expect(await failureOf(away, {}, 'count tells how many sessions there are')).toBe('no rights to count');
  });
});
