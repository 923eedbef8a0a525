import * as assert from '../assertions.js';
import { areThere, haveMany, ID, idOf, IDLE, MINUTE, type Rule, type Subject } from './record-subject.js';

export function countRules(rule: Rule): void {
  rule('count tells how many sessions there are', async (subject) => {
    await counts(subject, 0);
    await haveMany(subject, 12, {});
    await counts(subject, 12);
    await subject.store.destroy(idOf(0));
    await subject.store.destroy(idOf(1), 'other');
    await subject.store.destroy('no such session');
    await counts(subject, 11);
    await subject.store.touch(idOf(2), subject.record());
    await subject.have({ userId: 'ada' });
    await counts(subject, 12);
  });
}

/** Where every session that has ended is known to have. */
export function exactCountRules(rule: Rule): void {
  rule('count leaves out what has ended, swept or not', async (subject) => {
    await haveMany(subject, 7, {});
    await haveMany(subject, 5, { idleTimeout: 2 * IDLE }, 100);
    subject.clock.advance(IDLE - 1);
    await counts(subject, 12);
    subject.clock.advance(1);
    await counts(subject, 5);
    await subject.store.sweep?.();
    await counts(subject, 5);
  });

  rule('count leaves out what the index of users holds', async (subject) => {
    await haveMany(subject, 2, { userId: 'ada' });
    for (const number of [0, 5]) await subject.store.users?.add('ada', idOf(number), MINUTE, {});
    await subject.store.users?.revoke('ada', { only: idOf(5) });
    await counts(subject, 2);
  });
}

export function clearRules(rule: Rule): void {
  rule('ASVS 7.4.5: clear ends every session, and may be called again', async (subject) => {
    await haveMany(subject, 20, { userId: 'ada' });
    await subject.have();
    await cleared(subject);
    await subject.isMissing();
    for (let number = 0; number < 20; number++)
      assert.equal(
        await subject.store.load(idOf(number)),
        undefined,
        'load gives undefined for every session after clear',
      );
    await cleared(subject);
  });

  rule('law 6: what is sent again after clear brings nothing back', async (subject) => {
    const record = await subject.have();
    await cleared(subject);
    assert.deepEqual(
      await subject.store.update(ID, subject.next(record), record.version),
      { status: 'missing' },
      "update after clear gives { status: 'missing' }",
    );
    assert.equal(await subject.store.touch(ID, record), false, 'touch after clear gives false');
    await subject.isMissing();
  });

  rule('ASVS 7.4.5: clear empties the index of users, of what was revoked, too', async (subject) => {
    const { users } = subject.store;
    if (users === undefined) return;
    for (const user of ['ada', 'bob', 'e\u0301}{*']) await users.add(user, ID, MINUTE, {});
    await users.add('ada', idOf(1), MINUTE, {});
    await users.revoke('ada', { only: ID });
    await cleared(subject);
    for (const user of ['ada', 'bob', 'e\u0301}{*'])
      assert.deepEqual(await users.list(user), [], `users.list of ${user} is empty after clear`);
    assert.deepEqual(
      await users.add('ada', ID, MINUTE, {}),
      { added: true, revoked: [] },
      'users.add after clear adds, and names nothing that was revoked before',
    );
  });

  rule('a store that was cleared takes sessions as a new one does', async (subject) => {
    await haveMany(subject, 3, {});
    await cleared(subject);
    await areThere(subject, await haveMany(subject, 3, { payload: 'anew' }));
  });
}

async function counts({ store }: Subject, wanted: number): Promise<void> {
  assert.equal(await store.count?.(), wanted, 'count gives how many sessions live');
}

async function cleared({ store }: Subject): Promise<void> {
  await store.clear?.();
}
