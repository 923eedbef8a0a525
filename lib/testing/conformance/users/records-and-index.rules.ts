import * as assert from '../assertions.js';
import type { UserIndex } from '../../../stores/user-index.js';
import { ID, OTHER, type Subject as RecordSubject } from '../records/record-subject.js';
import type { RuleOf } from '../conformance-test.js';
import { ALL, byId, HOUR } from './user-subject.js';

/** A store that has an index of users. */
export interface WithIndex {
  readonly records: RecordSubject;
  readonly index: UserIndex;
}

/** What the index of a store has to do with its records: an entry stands before the session, and until it is removed. */
export function recordsAndIndexRules(rule: RuleOf<WithIndex>): void {
  rule('an entry stands before its session is stored, and is no session', async ({ records, index }) => {
    assert.deepEqual(
      await index.add('ada', ID, HOUR, {}),
      { added: true, revoked: [] },
      'users.add adds before there is a session',
    );
    await records.holds(undefined);
    assert.deepEqual(
      await index.list('ada'),
      [{ id: ID, settled: false }],
      'users.list gives an entry before there is its session',
    );
    await records.have({ userId: 'ada' });
    assert.deepEqual(
      await index.list('ada'),
      [{ id: ID, settled: false }],
      'create of a session leaves its entry as it was',
    );
    assert.equal(await index.settle('ada', ID, HOUR), true, 'users.settle settles the entry once there is its session');
  });

  rule('records alone make no entries: the session layer does', async ({ records, index }) => {
    const first = await records.have({ userId: 'ada' });
    await records.haveNext(first, { userId: 'bob' });
    await records.store.touch(ID, first);
    for (const user of ['ada', 'bob'])
      assert.deepEqual(await index.list(user), [], `users.list of ${user} has no entry that nobody added`);
  });

  rule('what becomes of a session, while it lives, changes no entry', async ({ records, index }) => {
    const entries = [
      { id: ID, settled: true },
      { id: OTHER, settled: true },
    ];
    for (const { id } of entries) {
      await index.add('ada', id, HOUR, {});
      await index.settle('ada', id, HOUR);
    }
    const first = await records.have({ userId: 'ada' });
    const next = await records.haveNext(first, { userId: 'bob' });
    await records.touches(next, records.clock.now());
    await records.store.destroy(ID, 'another version');
    await records.store.update(ID, first, 'another version');
    assert.deepEqual(
      byId(await index.list('ada')),
      byId(entries),
      'users.list gives the entries as they were, whatever was done to the session',
    );
    const { userId: _, ...anonymous } = records.next(next);
    await records.updates(anonymous, next.version);
    assert.deepEqual(
      byId(await index.list('ada')),
      byId(entries),
      'users.list gives the entries as they were, whatever was done to the session',
    );
  });

  rule('the end of one session leaves the entries of others', async ({ records, index }) => {
    for (const id of [ID, OTHER]) {
      await index.add('ada', id, HOUR, {});
      await index.settle('ada', id, HOUR);
    }
    await records.have({ userId: 'ada' });
    await records.store.destroy(ID);
    assert.ok(
      (await index.list('ada')).some(({ id }) => id === OTHER),
      'users.list gives the entry of another session, when one was destroyed',
    );
    assert.ok(
      (await index.revoke('ada', ALL)).includes(OTHER),
      'users.revoke gives the entry of another session, when one was destroyed',
    );
  });

  rule('ASVS 7.4.3: revoking ends no session by itself, nor does it lose one', async ({ records, index }) => {
    const record = await records.have({ userId: 'ada' });
    await index.add('ada', ID, HOUR, {});
    await index.settle('ada', ID, HOUR);
    assert.deepEqual(await index.revoke('ada', ALL), [ID], 'users.revoke gives the entry');
    await records.holds(record);
    assert.deepEqual(await records.store.destroy(ID), record, 'destroy gives the session, whose entry was revoked');
    assert.deepEqual(await index.list('ada'), [], 'users.list leaves out what was revoked');
  });
}
