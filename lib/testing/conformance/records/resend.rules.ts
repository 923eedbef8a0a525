import * as assert from '../assertions.js';
import { atOnce, ID, MINUTE, OTHER, type Rule } from './record-subject.js';

/** A command that is sent again, as a driver or a proxy may do: harmless at every store. */
export function repeatRules(rule: Rule): void {
  rule('F70: a create that is sent again changes nothing', async (subject) => {
    const record = await subject.have();
    await subject.store.create(ID, record);
    await subject.holds(record);
    const next = await subject.haveNext(record);
    await subject.store.create(ID, record);
    await subject.holds(next);
  });

  rule('F70: an update that is sent again changes nothing, and tells what is there', async (subject) => {
    const first = await subject.have();
    const second = await subject.haveNext(first);
    const result = await subject.store.update(ID, second, first.version);
    if (result.status !== 'updated')
      assert.deepEqual(
        result,
        { status: 'conflict', current: second },
        "update that is sent again gives 'updated', or a conflict with what is there",
      );
    await subject.holds(second);
  });

  rule('F70: an update that is sent again does not undo what was written since', async (subject) => {
    const first = await subject.have();
    const second = await subject.haveNext(first);
    const third = await subject.haveNext(second, { payload: 'third' });
    await subject.store.update(ID, second, first.version);
    await subject.holds(third);
  });

  rule('F70: a destroy that is sent again finds nothing', async (subject) => {
    const record = await subject.have();
    await subject.store.destroy(ID, record.version);
    assert.equal(
      await subject.store.destroy(ID, record.version),
      undefined,
      'destroy that is sent again gives undefined',
    );
    await subject.isMissing();
  });

  rule('F70, law 6: nothing that is sent again brings a session back', async (subject) => {
    const first = await subject.have();
    const second = await subject.haveNext(first);
    await subject.store.destroy(ID);
    assert.deepEqual(
      await subject.store.update(ID, second, first.version),
      { status: 'missing' },
      "update of a destroyed session gives { status: 'missing' }",
    );
    assert.equal(await subject.store.touch(ID, second), false, 'touch of a destroyed session gives false');
    await subject.isMissing();
  });

  rule('F70: a touch that is sent again late changes nothing', async (subject) => {
    const record = await subject.have();
    const [early, late] = [record.usedAt + MINUTE, record.usedAt + 2 * MINUTE];
    subject.clock.advance(3 * MINUTE);
    for (const usedAt of [early, late, early, late, early]) await subject.touches(record, usedAt);
    await subject.holds({ ...record, usedAt: late });
  });
}

/** What a store has to know whose driver sends commands again. */
export function resendRules(rule: Rule): void {
  rule('F70: a create that is sent again succeeds', async (subject) => {
    const record = await subject.have({ userId: 'ada' });
    await subject.creates(record);
    await subject.touches(record, subject.clock.now() + 1);
    await subject.creates(record);
    await subject.holds({ ...record, usedAt: subject.clock.now() + 1 });
    assert.equal(
      await subject.store.create(ID, subject.record()),
      false,
      'create of another record gives false where a session is',
    );
  });

  rule('F70: an update that is sent again succeeds and changes nothing', async (subject) => {
    const first = await subject.have();
    const second = await subject.haveNext(first);
    subject.clock.advance(MINUTE);
    await subject.touches(second, subject.clock.now());
    await subject.updates(second, first.version);
    await subject.holds({ ...second, usedAt: subject.clock.now() });
  });

  rule('F70: an update counts once, though others have written before it is sent again', async (subject) => {
    const first = await subject.have();
    const second = await subject.haveNext(first);
    const written = [second];
    for (let round = 0; round < 10; round++) {
      const last = written.at(-1) as typeof second;
      written.push(await subject.haveNext(last, { payload: String(round), userId: `user ${round}` }));
      for (const [index, record] of written.entries()) {
        await subject.updates(record, (written[index - 1] ?? first).version);
      }
      await subject.holds(written.at(-1));
    }
  });

  rule('F70: of 20 copies at the same time all succeed, and it counts once', async (subject) => {
    const first = await subject.have({ payload: '0' });
    const second = subject.next(first, { payload: '1' });
    const results = await atOnce(() => subject.store.update(ID, second, first.version));
    assert.deepEqual(
      new Set(results.map(({ status }) => status)),
      new Set(['updated']),
      "all 20 copies of an update are told { status: 'updated' }",
    );
    await subject.holds(second);
  });

  rule(
    'F70: only what was written is known: not a part of it, not what failed, not of another session',
    async (subject) => {
      const first = await subject.have({ version: '1-abc' });
      const second = await subject.haveNext(first, { version: '2-abc' });
      const third = await subject.haveNext(second, { version: '3,abc' });
      const fourth = await subject.haveNext(third, { version: '4-abc' });
      const refused = subject.next(first, { version: 'refused' });
      const other = subject.record({ version: 'other' });
      assert.equal(await subject.store.create(OTHER, other), true, 'create at a free id gives true');
      for (const version of [
        '2',
        'abc',
        '-abc',
        '2-ab',
        '2-abcd',
        '3',
        '3,',
        '2-abc,3',
        '',
        'other',
        'refused',
        '.-abc',
      ]) {
        const result = await subject.store.update(ID, { ...refused, version }, first.version);
        assert.deepEqual(
          result,
          { status: 'conflict', current: fourth },
          `update that never was, of version ${version}, gives a conflict`,
        );
      }
      await subject.holds(fourth);
    },
  );

  rule('F70: nothing is known of a session that was there before under the same id', async (subject) => {
    const first = await subject.have();
    const second = await subject.haveNext(first);
    await subject.store.destroy(ID);
    const anew = await subject.have();
    assert.deepEqual(
      await subject.store.update(ID, second, first.version),
      { status: 'conflict', current: anew },
      'update with what an earlier session of this id was written with gives a conflict',
    );
  });
}
