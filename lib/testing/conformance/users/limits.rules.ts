import * as assert from '../assertions.js';
import { A, ALL, B, C, D, E, FREE, MINUTE, type Rule } from './user-subject.js';

/** How many entries a user may have, and who makes room. */
export function limitRules(rule: Rule): void {
  rule('ASVS 7.1.2: max counts the entry that is added, and those that are not settled', async (subject) => {
    await subject.accepts(A, { max: 2 });
    await subject.have(B);
    await subject.refuses(C, { max: 2 });
    await subject.accepts(C, { max: 3 });
  });

  rule('without max takes any number', async (subject) => {
    for (let number = 0; number < 200; number++)
      await subject.accepts(`${String(number).padStart(3, '0')}${A.slice(3)}`);
    assert.equal((await subject.ids()).length, 200, 'users.list gives all 200 entries');
  });

  rule('max counts nothing that was revoked, removed or has run out', async (subject) => {
    await subject.have(A, B);
    await subject.accepts(C, FREE, MINUTE);
    await subject.revokes({ only: A }, [A]);
    await subject.index.remove('ada', [B]);
    subject.clock.advance(MINUTE);
    assert.equal((await subject.add(D, { max: 1 })).added, true, 'users.add does not count what is gone');
    await subject.lists(D);
  });

  rule('of additions at the same time no more succeed than max allows', async (subject) => {
    const ids = Array.from({ length: 50 }, (_, number) => `${String(number).padStart(2, '0')}${A.slice(2)}`);
    const added = await Promise.all(ids.map(async (id) => (await subject.add(id, { max: 3 })).added));
    assert.equal(added.filter(Boolean).length, 3, 'of 50 additions at once with max 3 three succeed');
    assert.equal((await subject.ids()).length, 3, 'users.list gives 3 entries after 50 additions at once with max 3');
  });

  rule('an entry and the one that replaces it count as one', async (subject) => {
    await subject.have(A);
    await subject.accepts(B, { replaces: A, max: 1 });
    await subject.refuses(C, { max: 1 });
    await subject.accepts(C, { max: 2 });
    await subject.settles(B);
    await subject.refuses(D, { max: 2 });
    await subject.lists(B, C);
  });

  rule('all that are to replace one entry count as one with it', async (subject) => {
    await subject.have(A);
    for (const id of [B, C]) await subject.accepts(id, { replaces: A, max: 1 });
    await subject.refuses(D, { max: 1 });
    await subject.accepts(D, { max: 2 });
  });

  rule(
    'ASVS 7.1.2: of those that are to replace one entry, one takes its place; others need their own',
    async (subject) => {
      await subject.have(A);
      for (const id of [B, C]) await subject.accepts(id, { replaces: A, max: 1 });
      await subject.settles(B);
      await subject.doesNotSettle(C);
      await subject.refuses(C, { isThere: true, max: 1 });
      await subject.doesNotSettle(C);
      await subject.accepts(C, { isThere: true, max: 2 });
      await subject.settles(C);
      await subject.refuses(D, { max: 2 });
    },
  );

  rule('an entry whose place is taken makes room for itself, as any other', async (subject) => {
    await subject.have(A);
    for (const id of [B, C]) await subject.accepts(id, { replaces: A });
    await subject.settles(B);
    assert.deepEqual(
      await subject.add(C, { isThere: true, max: 1, evict: [C, B] }),
      { added: true, revoked: [B] },
      'users.add evicts the other entry, and names it',
    );
    await subject.settles(C);
    await subject.lists(C);
  });

  rule('an entry whose place is taken does not count until it was added for itself', async (subject) => {
    await subject.have(A);
    await subject.accepts(B, { replaces: A });
    await subject.index.remove('ada', [A]);
    await subject.accepts(C, { max: 1 });
    await subject.refuses(B, { isThere: true, max: 1 });
  });

  rule('evicts in the order given, and no more than it has to', async (subject) => {
    await subject.have(A, B, C);
    assert.deepEqual(
      await subject.add(D, { max: 3, evict: [B, C, A] }),
      { added: true, revoked: [B] },
      'users.add evicts the first that is named, and names it',
    );
    await subject.lists(A, C, D);
    await subject.index.remove('ada', [B]);
    assert.deepEqual(
      await subject.add(E, { max: 2, evict: [C, A, D] }),
      { added: true, revoked: [A, C].sort() },
      'users.add evicts the first two that are named, and names them',
    );
    await subject.lists(D, E);
    await subject.doesNotSettle(A);
  });

  rule('evicts nobody when there is room', async (subject) => {
    await subject.have(A);
    await subject.accepts(B, { max: 2, evict: [A] });
    await subject.accepts(C, { evict: [A] });
    await subject.lists(A, B, C);
  });

  rule('evicts nobody when that would not be enough', async (subject) => {
    await subject.have(A, B, C);
    await subject.refuses(D, { max: 2, evict: [B] });
    await subject.refuses(D, { max: 1, evict: [A, C] });
    await subject.settles(B);
    await subject.settles(A);
  });

  rule('passes over what is not there or was revoked', async (subject) => {
    await subject.have(A, B, C);
    await subject.revokes({ only: A }, [A]);
    const { added } = await subject.add(D, { max: 2, evict: [E, A, B] });
    assert.equal(added, true, 'users.add passes over what is not there, and evicts the one that is');
    await subject.lists(C, D);
    await subject.doesNotSettle(B);
  });

  rule('evicts an entry together with the one that replaces it', async (subject) => {
    await subject.have(A, C);
    await subject.accepts(B, { replaces: A });
    assert.deepEqual(
      await subject.add(D, { max: 2, evict: [A] }),
      { added: true, revoked: [A, B].sort() },
      'users.add evicts an entry with the one that replaces it, and names both',
    );
    await subject.lists(C, D);
    await subject.doesNotSettle(B);
  });

  rule('evicts a pair by either name, and once', async (subject) => {
    await subject.have(A, C);
    await subject.accepts(B, { replaces: A });
    await subject.refuses(D, { max: 1, evict: [A, B] });
    await subject.refuses(D, { max: 1, evict: [A, A] });
    assert.deepEqual(
      await subject.add(D, { max: 2, evict: [B, C] }),
      { added: true, revoked: [A, B].sort() },
      'users.add evicts an entry with the one that it replaces, and names both',
    );
    await subject.lists(C, D);
  });

  rule('every addition names all that are revoked, until they are removed: whoever adds ends them', async (subject) => {
    await subject.have(A, B, C);
    await subject.revokes({ only: A }, [A]);
    assert.deepEqual(
      await subject.add(D),
      { added: true, revoked: [A] },
      'users.add names what was revoked and not removed',
    );
    assert.deepEqual(
      await subject.add(E, { max: 3, evict: [B] }),
      { added: true, revoked: [A, B].sort() },
      'users.add names what it evicts and what was revoked before',
    );
    await subject.index.remove('ada', [A]);
    assert.deepEqual(
      (await subject.add(A, { replaces: C })).revoked,
      [B],
      'users.add names what was revoked and not removed',
    );
    await subject.index.remove('ada', [B]);
    await subject.accepts(B);
  });

  rule('F70: an addition that is sent again names the evicted again', async (subject) => {
    await subject.have(A);
    const terms = { max: 1, evict: [A] };
    const first = await subject.add(B, terms);
    // The reply of the first was lost: whom nobody names, nobody ends.
    assert.deepEqual(await subject.add(B, terms), first, 'users.add that is sent again names the evicted again');
  });

  rule('what was evicted is revoked: it can be ended once more', async (subject) => {
    await subject.have(A);
    assert.deepEqual(
      await subject.add(B, { max: 1, evict: [A] }),
      { added: true, revoked: [A] },
      'users.add evicts the entry, and names it',
    );
    await subject.revokes(ALL, [A, B]);
  });
}
