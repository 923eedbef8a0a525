import * as assert from '../assertions.js';
import { ABSOLUTE, atOnce, HOUR, ID, IDLE, MINUTE, type Rule } from './record-subject.js';

export function touchRules(rule: Rule): void {
  rule('moves the idle clock; data, version and user stay', async (subject) => {
    const record = await subject.have({ userId: 'ada', payload: '1\n{"a":"\u{1f600}"}' });
    subject.clock.advance(10 * MINUTE);
    await subject.touches(record, subject.clock.now());
    const touched = { ...record, usedAt: subject.clock.now() };
    await subject.holds(touched);
    subject.clock.advance(IDLE - 1);
    await subject.holds(touched);
    subject.clock.advance(1);
    await subject.isMissing();
  });

  rule('moves nothing but the idle clock, whatever times come with it', async (subject) => {
    const record = await subject.have();
    const usedAt = subject.clock.now() + MINUTE;
    subject.clock.advance(MINUTE);
    const other = { startedAt: usedAt, usedAt, idleTimeout: 90 * HOUR, absoluteTimeout: 90 * HOUR };
    assert.equal(await subject.store.touch(ID, other), true, 'touch of a session that is there gives true');
    await subject.holds({ ...record, usedAt });
  });

  rule('one that comes late does not move the clock back', async (subject) => {
    const record = await subject.have();
    subject.clock.advance(10 * MINUTE);
    await subject.touches(record, subject.clock.now());
    for (const late of [1, MINUTE, 10 * MINUTE]) await subject.touches(record, subject.clock.now() - late);
    await subject.holds({ ...record, usedAt: subject.clock.now() });
  });

  rule('of 20 at the same time the latest counts', async (subject) => {
    const record = await subject.have();
    subject.clock.advance(10 * MINUTE);
    const now = subject.clock.now();
    await atOnce((caller) => subject.touches(record, now - ((caller * 7) % 20) * 1_000));
    await subject.holds({ ...record, usedAt: now });
  });

  rule('C46: a time that lies in the future is of a clock that was put back, and does not count', async (subject) => {
    const record = await subject.have();
    subject.clock.advance(-HOUR);
    await subject.touches(record, subject.clock.now());
    await subject.holds({ ...record, usedAt: subject.clock.now() });
    subject.clock.advance(IDLE);
    await subject.isMissing();
  });

  rule('C47: one of a clock that is ahead counts as it says, until it can be seen through', async (subject) => {
    const record = await subject.have();
    const ahead = subject.clock.now() + 5 * MINUTE;
    await subject.touches(record, ahead);
    await subject.holds({ ...record, usedAt: ahead });
    subject.clock.advance(MINUTE);
    await subject.touches(record, subject.clock.now());
    await subject.holds({ ...record, usedAt: subject.clock.now() });
  });

  rule('R59, law 6: does not bring back what was destroyed or has ended', async (subject) => {
    const record = await subject.have();
    await subject.store.destroy(ID);
    assert.equal(await subject.store.touch(ID, record), false, 'touch of a destroyed session gives false');
    await subject.isMissing();
    const second = await subject.have();
    subject.clock.advance(IDLE);
    assert.equal(
      await subject.store.touch(ID, { ...second, usedAt: subject.clock.now() }),
      false,
      'touch of a session that has ended gives false',
    );
    await subject.isMissing();
  });

  rule('law 8: does not lengthen the absolute limit', async (subject) => {
    const record = await subject.have({ idleTimeout: ABSOLUTE });
    subject.clock.advance(ABSOLUTE - MINUTE);
    await subject.touches(record, subject.clock.now());
    subject.clock.advance(MINUTE);
    await subject.isMissing();
  });

  rule('lets a writer go on with the version that it has', async (subject) => {
    const record = await subject.have();
    subject.clock.advance(MINUTE);
    await subject.touches(record, subject.clock.now());
    await subject.holds(await subject.haveNext(record));
  });
}

export function destroyRules(rule: Rule): void {
  rule('law 6: gives what was there; then the session is missing', async (subject) => {
    const record = await subject.have({ userId: 'ada' });
    assert.deepEqual(await subject.store.destroy(ID), record, 'destroy gives the record that was there');
    await subject.isMissing();
  });

  rule('law 7: with a version removes only what has it, and gives what was there', async (subject) => {
    const first = await subject.have();
    const second = await subject.haveNext(first);
    for (const version of [first.version, '', `${second.version}0`]) {
      assert.deepEqual(
        await subject.store.destroy(ID, version),
        second,
        'destroy at another version gives the record that is there, and removes nothing',
      );
      await subject.holds(second);
    }
    assert.deepEqual(
      await subject.store.destroy(ID, second.version),
      second,
      'destroy at the version that is stored gives the record that was there',
    );
    await subject.isMissing();
  });

  rule('gives what was touched and updated last', async (subject) => {
    const record = await subject.haveNext(await subject.have());
    subject.clock.advance(MINUTE);
    await subject.touches(record, subject.clock.now());
    assert.deepEqual(
      await subject.store.destroy(ID),
      { ...record, usedAt: subject.clock.now() },
      'destroy gives the record with its last touch and update',
    );
  });

  rule('of 20 at the same time one finds the session', async (subject) => {
    const record = await subject.have();
    const found = (await atOnce(() => subject.store.destroy(ID))).filter((one) => one !== undefined);
    assert.deepEqual(found, [record], 'of 20 calls of destroy one gives the record, the others undefined');
    await subject.isMissing();
  });
}
