import * as assert from '../assertions.js';
import type { AtomicSessionStore } from '../../../stores/session-store.js';
import type { RuleOf } from '../conformance-test.js';
import { areThere, haveMany, HOUR, ID, type Subject } from './record-subject.js';

/** A store, and another one on the same data that can be opened when it is wanted. */
export interface Reopened {
  readonly subject: Subject;
  /** Opens and attaches another store on the same data. */
  readonly again: () => Promise<AtomicSessionStore>;
}

/** What the next process finds, and the one beside this. */
export function againRules(rule: RuleOf<Reopened>): void {
  rule('another store on the same data finds every session as it is', async ({ subject, again }) => {
    const records = await haveMany(subject, 5, { userId: 'ada', payload: '1\n{"text":"\u{1f600}"}' });
    const other = await again();
    for (const [id, record] of records)
      assert.deepEqual(await other.load(id), record, 'load of the other store gives the record that this one stored');
    await areThere(subject, records);
  });

  rule('another store on the same data finds the sessions of every user', async ({ subject, again }) => {
    const { users } = subject.store;
    if (users === undefined) return;
    for (const user of ['ada', 'bob']) {
      await users.add(user, ID, HOUR, {});
      await users.settle(user, ID, HOUR);
    }
    await users.revoke('bob', { except: undefined });
    const other = await again();
    assert.deepEqual(
      await other.users?.list('ada'),
      [{ id: ID, settled: true }],
      'users.list of the other store gives the settled entry',
    );
    assert.deepEqual(
      await other.users?.revoke('bob', { only: ID }),
      [ID],
      'users.revoke of the other store finds what was revoked by this one',
    );
  });

  rule('what one store has written and destroyed the other one sees at once', async ({ subject, again }) => {
    const other = await again();
    const first = await subject.have();
    assert.deepEqual(
      await other.load(ID),
      first,
      'load of the other store gives the record that this one has just created',
    );
    const second = subject.next(first);
    assert.deepEqual(
      await other.update(ID, second, first.version),
      { status: 'updated' },
      'update of the other store succeeds at the version that this one stored',
    );
    await subject.holds(second);
    assert.deepEqual(await other.destroy(ID), second, 'destroy of the other store gives what it wrote');
    await subject.isMissing();
  });
}
