import * as assert from '../assertions.js';
import type { SessionRecord, SweepResult } from '../../../stores/session-store.js';
import {
  areThere,
  atOnce,
  callers,
  haveMany,
  HOUR,
  idOf,
  IDLE,
  MINUTE,
  type Rule,
  type Subject,
} from './record-subject.js';

/** More batches than any sweep of so few sessions takes. */
const MAX_BATCHES = 1_000;

const NEVER_DONE = `sweep gives { done: true } within ${String(MAX_BATCHES)} batches`;

export function sweepRules(rule: Rule): void {
  rule('ASVS 14.2.7: a sweep removes the sessions that have ended, and only those', async (subject) => {
    const living = await haveMany(subject, 10, { idleTimeout: 2 * HOUR });
    await haveMany(subject, 15, { idleTimeout: HOUR }, 100);
    await haveMany(subject, 5, { idleTimeout: 3 * HOUR, absoluteTimeout: HOUR }, 200);
    assert.equal(await swept(subject), 0, 'sweep removes nothing while all live');
    subject.clock.advance(HOUR);
    assert.equal(await swept(subject), 20, 'sweep tells how many it removed: those that had ended');
    await areThere(subject, living);
    assert.equal(await swept(subject), 0, 'sweep once more finds nothing to remove');
  });

  rule('a sweep of a store without sessions is done at once', async (subject) => {
    assert.deepEqual(
      await sweepOnce(subject),
      { removed: 0, done: true },
      'sweep of a store without sessions gives { removed: 0, done: true }',
    );
  });

  rule('a sweep leaves no place for what it removed: the ids are free', async (subject) => {
    await haveMany(subject, 10, {});
    subject.clock.advance(IDLE);
    await swept(subject);
    await areThere(subject, await haveMany(subject, 10, {}));
  });

  rule('sweeps at the same time remove each session once, and come to an end', async (subject) => {
    const living = await haveMany(subject, 5, { idleTimeout: 2 * IDLE }, 100);
    await haveMany(subject, 25, {});
    subject.clock.advance(IDLE);
    const removed = await Promise.all([1, 2, 3].map(() => swept(subject)));
    assert.equal(
      removed.reduce((sum, one) => sum + one, 0),
      25,
      'sweeps at the same time tell together how many have ended',
    );
    await areThere(subject, living);
  });

  rule('R64: a session that takes the place of an ended one while a sweep goes on lives', async (subject) => {
    for (let round = 0; round < 5; round++) {
      await haveMany(subject, callers.length, {});
      subject.clock.advance(IDLE);
      const records = callers.map(() => subject.record());
      const sweeping = swept(subject);
      const created = await atOnce((caller) => subject.store.create(idOf(caller), records[caller] as SessionRecord));
      await sweeping;
      assert.deepEqual(
        new Set(created),
        new Set([true]),
        'create succeeds in the place of an ended session, while a sweep goes on',
      );
      for (const [caller, record] of records.entries()) {
        assert.deepEqual(
          await subject.store.load(idOf(caller)),
          record,
          'load gives a session that was created during a sweep',
        );
      }
      subject.clock.advance(IDLE);
      await swept(subject);
    }
  });

  rule('R64: a session that is touched or updated while a sweep goes on lives', async (subject) => {
    const records = await haveMany(subject, callers.length, {});
    subject.clock.advance(IDLE - 1);
    const usedAt = subject.clock.now();
    const kept = atOnce((caller) => {
      const [id, record] = [idOf(caller), records.get(idOf(caller)) as SessionRecord];
      if (caller % 2 === 0) return subject.store.touch(id, { ...record, usedAt });
      return subject.store.update(id, subject.next(record, { usedAt }), record.version);
    });
    const sweeping = swept(subject);
    // From here on they have ended for whoever did not hear of the touch.
    subject.clock.advance(MINUTE);
    const answers = await kept;
    await sweeping;
    await swept(subject);
    for (const [caller, answer] of answers.entries()) {
      const isKept = answer === true || (typeof answer === 'object' && answer.status === 'updated');
      const loaded = await subject.store.load(idOf(caller));
      assert.equal(
        loaded !== undefined,
        isKept,
        `load finds a session whose touch or update ${isKept ? 'succeeded' : 'did not succeed'} during a sweep`,
      );
    }
  });

  rule('a clock that is put back after a sweep finds what had not ended', async (subject) => {
    const living = await haveMany(subject, 5, { idleTimeout: 3 * HOUR });
    subject.clock.advance(HOUR);
    await swept(subject);
    subject.clock.advance(-HOUR);
    await swept(subject);
    await areThere(subject, living);
  });
}

/** A sweep's batches have a bound, which the store declares. */
export function batchRules(size: number): (rule: Rule) => void {
  return (rule) =>
    rule('ASVS 14.2.7: a sweep goes in batches of the declared size, till all are removed', async (subject) => {
      const count = 2 * size + 1;
      await haveMany(subject, count, {});
      subject.clock.advance(IDLE);
      let removed = 0;
      for (let batches = 0; ; batches++) {
        const result = await sweepOnce(subject);
        assert.ok(result.removed <= size, `${String(result.removed)} removed by one batch`);
        removed += result.removed;
        if (result.done) break;
        assert.ok(batches < MAX_BATCHES, NEVER_DONE);
      }
      assert.equal(removed, count, 'sweeps remove all sessions that have ended, and tell how many');
    });
}

async function sweepOnce({ store }: Subject): Promise<SweepResult> {
  const result = await store.sweep?.();
  assert.ok(result, 'the store has sweep, and it gives { removed, done }');
  return result;
}

/** Sweeps till it is done; gives how many were removed. */
async function swept(subject: Subject): Promise<number> {
  let removed = 0;
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    const result = await sweepOnce(subject);
    removed += result.removed;
    if (result.done) return removed;
  }
  return assert.fail(NEVER_DONE);
}
