import * as assert from '../assertions.js';
import { A, ALL, B, C, D, HOUR, byId, type Rule } from './user-subject.js';

/** Text that has a meaning somewhere: as a property, a pattern, a separator, a path, a statement. */
const ODD_IDS = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  '0',
  ' ',
  'ada ',
  'Ada',
  'ada:1',
  'ada}{tag}',
  '*',
  '../../etc/passwd',
  "' OR 1=1--",
  '"\\',
  'a\r\nb',
  '\u00e9',
  'e\u0301',
  '\u{1f980}',
  '\u202eada',
  'x'.repeat(255),
  'x'.repeat(256),
  '\u{1f980}'.repeat(128),
];

/** What is there, and in which order. */
export function listRules(rule: Rule): void {
  rule('what was removed is gone, revoked or not', async (subject) => {
    await subject.have(A, B, C, D);
    await subject.revokes({ only: A }, [A]);
    await subject.index.remove('ada', [A, B]);
    await subject.lists(C, D);
    await subject.revokes(ALL, [C, D]);
    await subject.index.remove('ada', [C, D]);
    await subject.revokes(ALL, []);
  });

  rule('what is not there can be removed', async (subject) => {
    await subject.index.remove('ada', [A]);
    await subject.have(A);
    await subject.index.remove('ada', [B]);
    await subject.index.remove('ada', []);
    await subject.lists(A);
  });

  rule('a user without entries has an empty list', (subject) => subject.lists());
}

/** Users have nothing to do with each other, whatever they are called. */
export function userRules(rule: Rule): void {
  rule('what is done for one user changes nothing of another', async ({ index }) => {
    for (const user of ['ada', 'bob']) {
      for (const id of [A, B]) await index.add(user, id, HOUR, { max: 2 });
      assert.equal(await index.settle(user, A, HOUR), true, 'users.settle gives true for an entry that was added');
    }
    assert.deepEqual(
      [...(await index.revoke('ada', ALL))].sort(),
      [A, B].sort(),
      'users.revoke gives all entries of this user',
    );
    await index.remove('ada', [A]);
    assert.equal(
      (await index.add('ada', C, HOUR, { max: 1 })).added,
      true,
      'users.add counts the entries of this user only',
    );
    assert.deepEqual(
      byId(await index.list('bob')),
      byId([
        { id: A, settled: true },
        { id: B, settled: false },
      ]),
      'users.list gives the entries of this user, whatever was done for others',
    );
    assert.deepEqual(await index.revoke('bob', { only: C }), [], 'users.revoke finds no entry of another user');
    assert.equal(
      (await index.add('bob', C, HOUR, { replaces: B })).added,
      true,
      'users.add finds the entry of this user that is to be replaced',
    );
    assert.equal(await index.settle('eve', A, HOUR), false, 'users.settle gives false for an entry of another user');
    assert.equal(
      (await index.add('eve', B, HOUR, { replaces: A })).added,
      false,
      'users.add replaces no entry of another user',
    );
  });

  rule('odd user ids are users like any other, each a user of its own', async ({ index }) => {
    for (const user of ODD_IDS)
      assert.deepEqual(await index.list(user), [], `users.list of a user without entries is empty: ${user}`);
    for (const [number, user] of ODD_IDS.entries()) {
      const id = idOf(number);
      assert.deepEqual(
        await index.add(user, id, HOUR, { max: 1 }),
        { added: true, revoked: [] },
        `users.add adds for this user: ${user}`,
      );
      assert.equal(await index.settle(user, id, HOUR), true, `users.settle settles for this user: ${user}`);
    }
    for (const [number, user] of ODD_IDS.entries()) {
      assert.deepEqual(
        await index.list(user),
        [{ id: idOf(number), settled: true }],
        `users.list gives the entry of this user: ${user}`,
      );
      assert.deepEqual(
        await index.revoke(user, ALL),
        [idOf(number)],
        `users.revoke gives the entry of this user: ${user}`,
      );
      await index.remove(user, [idOf(number)]);
      assert.deepEqual(await index.list(user), [], `users.list of a user without entries is empty: ${user}`);
    }
    assert.equal(({} as Record<string, unknown>)[A], undefined, 'objects have no property of an index');
  });

  rule('odd user ids change no prototype', async ({ index }) => {
    const before = Reflect.ownKeys(Object.prototype).length;
    await index.add('__proto__', A, HOUR, {});
    await index.settle('__proto__', A, HOUR);
    assert.equal(Reflect.ownKeys(Object.prototype).length, before, 'Object.prototype is as it was');
  });
}

function idOf(number: number): string {
  return `${String(number).padStart(2, '0')}${A.slice(2)}`;
}
