import * as assert from '../assertions.js';
import { A, ALL, B, byId, C, D, FREE, MINUTE, type Rule } from './user-subject.js';

/** How an entry comes into the index, before its session is stored. */
export function addRules(rule: Rule): void {
  rule('lists what was added, as not settled', async (subject) => {
    await subject.accepts(A);
    assert.deepEqual(
      await subject.index.list('ada'),
      [{ id: A, settled: false }],
      'users.list gives the entry, not settled',
    );
  });

  rule('F70: succeeds for what is there already, and changes nothing', async (subject) => {
    await subject.accepts(A);
    await subject.accepts(B);
    await subject.accepts(A, { max: 1 });
    await subject.accepts(A, { replaces: D });
    await subject.lists(A, B);
    await subject.accepts(C, { replaces: A });
    await subject.accepts(C, { replaces: A });
    await subject.settles(C);
    await subject.lists(B, C);
  });

  rule('F70: a command that is sent again late leaves a settled entry as it is', async (subject) => {
    await subject.have(A);
    await subject.accepts(A, FREE, MINUTE);
    assert.deepEqual(
      await subject.index.list('ada'),
      [{ id: A, settled: true }],
      'users.list gives the entry, settled',
    );
    subject.clock.advance(MINUTE);
    await subject.lists(A);
  });

  rule('does not bring back what was revoked', async (subject) => {
    await subject.accepts(A);
    await subject.revokes(ALL, [A]);
    for (const terms of [FREE, { max: 9 }, { replaces: B }, { isThere: true }]) await subject.refuses(A, terms);
    await subject.doesNotSettle(A);
  });

  rule('adds for itself only what is there already', async (subject) => {
    await subject.refuses(A, { isThere: true });
    await subject.have(A);
    await subject.accepts(A, { isThere: true, max: 1 });
    assert.deepEqual(
      await subject.index.list('ada'),
      [{ id: A, settled: true }],
      'users.list gives the entry, settled',
    );
    await subject.index.remove('ada', [A]);
    await subject.refuses(A, { isThere: true });
  });

  rule('frees what is added for itself from what it was to replace', async (subject) => {
    await subject.have(A);
    await subject.accepts(B, { replaces: A });
    await subject.accepts(B, { isThere: true });
    await subject.revokes({ only: A }, [A]);
    await subject.settles(B);
    await subject.lists(B);
  });

  rule('takes again what was removed', async (subject) => {
    await subject.have(A);
    await subject.index.remove('ada', [A]);
    await subject.accepts(A);
    assert.deepEqual(
      await subject.index.list('ada'),
      [{ id: A, settled: false }],
      'users.list gives the entry, not settled',
    );
  });

  rule('replaces only what is there', async (subject) => {
    await subject.refuses(B, { replaces: A });
    await subject.have(A);
    await subject.accepts(B, { replaces: A });
    assert.deepEqual(
      byId(await subject.index.list('ada')),
      byId([
        { id: A, settled: true },
        { id: B, settled: false, replaces: A },
      ]),
      'users.list gives both entries, and which one is to replace the other',
    );
  });

  rule('does not replace what was revoked, removed or has run out', async (subject) => {
    await subject.have(A, B);
    await subject.accepts(C, FREE, MINUTE);
    await subject.revokes({ only: A }, [A]);
    await subject.index.remove('ada', [B]);
    subject.clock.advance(MINUTE);
    for (const gone of [A, B, C]) await subject.refuses(D, { replaces: gone });
  });
}

/** How an entry is told that its session is stored. */
export function settleRules(rule: Rule): void {
  rule('notes that the session is stored', async (subject) => {
    await subject.have(A);
    assert.deepEqual(
      await subject.index.list('ada'),
      [{ id: A, settled: true }],
      'users.list gives the entry, settled',
    );
  });

  rule('F70: may be sent again', async (subject) => {
    await subject.have(A);
    await subject.settles(A);
    await subject.lists(A);
  });

  rule('is refused for what is not there, was revoked or removed', async (subject) => {
    await subject.doesNotSettle(A);
    await subject.have(A);
    await subject.revokes(ALL, [A]);
    await subject.doesNotSettle(A);
    await subject.index.remove('ada', [A]);
    await subject.doesNotSettle(A);
  });

  rule('removes the entry that is replaced, for good', async (subject) => {
    await subject.have(A);
    await subject.accepts(B, { replaces: A });
    await subject.settles(B);
    assert.deepEqual(
      await subject.index.list('ada'),
      [{ id: B, settled: true }],
      'users.list gives the entry, settled; what it replaced is gone',
    );
    await subject.revokes(ALL, [B]);
  });

  rule('is refused when the entry that is to be replaced has gone: another one has its place', async (subject) => {
    await subject.have(A);
    await subject.accepts(B, { replaces: A });
    await subject.accepts(C, { replaces: A });
    await subject.settles(C);
    await subject.doesNotSettle(B);
    await subject.lists(B, C);
  });

  rule('is done once the entry was added for itself', async (subject) => {
    await subject.have(A);
    await subject.accepts(B, { replaces: A });
    await subject.index.remove('ada', [A]);
    await subject.accepts(B, { isThere: true });
    assert.deepEqual(
      await subject.index.list('ada'),
      [{ id: B, settled: false }],
      'users.list gives the entry, not settled',
    );
    await subject.settles(B);
    await subject.lists(B);
  });

  rule('that comes too late leaves the replaced entry', async (subject) => {
    await subject.have(A);
    await subject.accepts(B, { replaces: A }, MINUTE);
    subject.clock.advance(MINUTE);
    await subject.doesNotSettle(B);
    await subject.lists(A);
  });
}
