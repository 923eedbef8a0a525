import * as assert from '../assertions.js';
import type { RuleOf } from '../conformance-test.js';
import { asJson, ONE, TTL, TWO, type SimpleSubject } from './simple-subject.js';

type Rule = RuleOf<SimpleSubject>;

/** JSON that a backend may read as something else. */
const ODD_DATA: readonly Record<string, unknown>[] = [
  {},
  { nested: { list: [1, [2, { three: null }], '', false] }, zero: 0, none: null },
  { text: 'x\u{1f600}e\u0301\u2028"\\\n\t\u0001', empty: '' },
  { '': 1, ' ': 2, 'a.b': 3, $set: 4, '10': 5, '9': 6, 'a"b': 7 },
  { id: 'x', _id: 'y', sess: {}, expire: 1, ttl: 1, length: 3, constructor: 'z', toJSON: 1, then: 1 },
  { cookie: { maxAge: 1, expires: '2020-01-01T00:00:00.000Z' }, expires: '2020-01-01T00:00:00.000Z' },
  { big: 1e21, tiny: 5e-324, most: Number.MAX_SAFE_INTEGER, fraction: 0.1 },
  { date: '2026-01-01T00:00:00.000Z', number: '012', truth: 'true' },
];

export function simpleRules(rule: Rule): void {
  rule('get: a session that was never set is missing, and no error', async (subject) => {
    await subject.holds(ONE, undefined);
    await subject.set(TWO, subject.session());
    await subject.holds(ONE, undefined);
  });

  rule('set: what get gives equals it, also through JSON', async (subject) => {
    for (const data of ODD_DATA) {
      const session = await subject.set(ONE, subject.session(data));
      assert.deepEqual(
        asJson(await subject.get(ONE)),
        asJson(session),
        `get gives what set was given: ${JSON.stringify(data)}`,
      );
    }
  });

  rule('set: replaces the whole session, and no other one', async (subject) => {
    const other = await subject.set(TWO, subject.session({ other: true }));
    await subject.set(ONE, subject.session({ a: { deep: 1 }, b: 2 }));
    await subject.holds(ONE, await subject.set(ONE, subject.session({ a: { other: 1 } })));
    await subject.holds(TWO, other);
  });

  rule('D42: what is done to a session that get gave changes nothing stored', async (subject) => {
    const session = await subject.set(ONE, subject.session({ list: [1], deep: { er: 1 } }));
    const got = (await subject.get(ONE)) as { list: number[]; deep: Record<string, unknown>; views?: number };
    got.list.push(2);
    got.deep['er'] = 2;
    got.views = 3;
    await subject.holds(ONE, session);
  });

  rule('destroy: then the session is missing, and others are there', async (subject) => {
    const other = await subject.set(TWO, subject.session({ other: true }));
    await subject.set(ONE, subject.session());
    await subject.destroy(ONE);
    await subject.holds(ONE, undefined);
    await subject.holds(TWO, other);
    await subject.holds(ONE, await subject.set(ONE, subject.session({ anew: true })));
  });

  rule('destroy: a missing session is destroyed already, and that is no error', async (subject) => {
    await subject.destroy(ONE);
    await subject.set(ONE, subject.session());
    await subject.destroy(ONE);
    await subject.destroy(ONE);
    await subject.holds(ONE, undefined);
  });

  rule('ttl: a session is kept as long as it says', async (subject) => {
    const session = await subject.set(ONE, subject.session(), TTL);
    subject.clock.advance(TTL - 1);
    await subject.holds(ONE, session);
  });

  rule('ttl: from each set on it counts anew', async (subject) => {
    await subject.set(ONE, subject.session(), TTL);
    subject.clock.advance(TTL - 1);
    const session = await subject.set(ONE, subject.session({ views: 2 }), TTL);
    subject.clock.advance(TTL - 1);
    await subject.holds(ONE, session);
  });

  rule('ttl: after it the session is missing or still there, and it can be set again', async (subject) => {
    const session = await subject.set(ONE, subject.session(), 1);
    subject.clock.advance(TTL);
    const got = await subject.get(ONE);
    if (got !== undefined)
      assert.deepEqual(asJson(got), asJson(session), 'get after the ttl gives the session as it was, or nothing');
    await subject.destroy(ONE);
    await subject.holds(ONE, await subject.set(ONE, subject.session({ anew: true })));
  });

  rule('C48: a ttl of years is no timer that runs out at once', async (subject) => {
    for (const ttl of [2 ** 31, 90 * 24 * 3_600_000, 1e12]) {
      const session = await subject.set(ONE, subject.session(), ttl);
      await timersThatOverflow();
      await subject.holds(ONE, session);
    }
  });

  rule('R59: touch brings no session back, and keeps what is stored', async (subject) => {
    if (!('touch' in subject.store)) return;
    await subject.touch(ONE, subject.session());
    await subject.holds(ONE, undefined);
    const session = await subject.set(ONE, subject.session(), TTL);
    subject.clock.advance(TTL - 1);
    await subject.touch(ONE, session, TTL);
    subject.clock.advance(TTL - 1);
    assert.equal((await subject.get(ONE))?.['views'], 1, 'get after touch gives the data that were set');
    await subject.destroy(ONE);
    await subject.touch(ONE, session);
    await subject.holds(ONE, undefined);
  });

  rule('length and all: tell of what is there', async (subject) => {
    const has = (method: 'length' | 'all'): boolean => method in subject.store;
    if (has('length')) assert.equal(await subject.whole('length'), 0, 'length of a store without sessions is 0');
    if (has('all'))
      assert.deepEqual(asJson(await subject.whole('all')), {}, 'all of a store without sessions gives none');
    const sessions = { [ONE]: subject.session({ one: 1 }), [TWO]: subject.session({ two: 2 }) };
    for (const [sid, session] of Object.entries(sessions)) await subject.set(sid, session);
    if (has('length')) assert.equal(await subject.whole('length'), 2, 'length gives how many sessions there are');
    if (has('all'))
      assert.deepEqual(asJson(await subject.whole('all')), asJson(sessions), 'all gives the sessions by their ids');
    await subject.destroy(ONE);
    if (has('length'))
      assert.equal(await subject.whole('length'), 1, 'length after destroy leaves out what was destroyed');
    if (has('all'))
      assert.deepEqual(
        Object.keys((await subject.whole('all')) as object),
        [TWO],
        'all after destroy leaves out what was destroyed',
      );
  });

  rule('ASVS 7.4.5: clear removes every session, and may be called again', async (subject) => {
    if (!('clear' in subject.store)) return;
    for (const sid of [ONE, TWO]) await subject.set(sid, subject.session());
    await subject.whole('clear');
    for (const sid of [ONE, TWO]) await subject.holds(sid, undefined);
    await subject.whole('clear');
    await subject.holds(ONE, await subject.set(ONE, subject.session()));
  });

  rule('F79: every call is answered, once', async (subject) => {
    await subject.get(ONE);
    const session = await subject.set(ONE, subject.session());
    await subject.get(ONE);
    if ('touch' in subject.store) await subject.touch(ONE, session);
    await subject.destroy(ONE);
    await subject.destroy(ONE);
    await timersThatOverflow();
    assert.deepEqual(new Set(subject.answers), new Set([1]), 'the callback of each call is called once');
  });
}

/** A timer of more than 2^31 ms runs out after one: here those have that were set before. */
function timersThatOverflow(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, 5);
  });
}
