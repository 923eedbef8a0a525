import * as assert from '../assertions.js';
import type { SessionRecord } from '../../../stores/session-store.js';
import { ABSOLUTE, atOnce, callers, HOUR, ID, IDLE, MINUTE, type Rule } from './record-subject.js';

export function updateRules(rule: Rule): void {
  rule('replaces the whole record at the expected version', async (subject) => {
    const first = await subject.have();
    await subject.holds(await subject.haveNext(first));
  });

  rule('law 6: never creates', async (subject) => {
    assert.deepEqual(
      await subject.store.update(ID, subject.record(), ''),
      { status: 'missing' },
      "update of a session that is missing gives { status: 'missing' }",
    );
    await subject.isMissing();
    const record = await subject.have();
    await subject.store.destroy(ID);
    assert.deepEqual(
      await subject.store.update(ID, subject.next(record), record.version),
      { status: 'missing' },
      "update of a destroyed session gives { status: 'missing' }",
    );
    await subject.isMissing();
  });

  rule('law 5: at another version changes nothing and gives the current record', async (subject) => {
    const first = await subject.have({ userId: 'ada' });
    const second = await subject.haveNext(first, { userId: 'bob', usedAt: subject.clock.now() + 1 });
    for (const version of [first.version, '', `${second.version} `, second.version.slice(0, -1)]) {
      const result = await subject.store.update(ID, subject.next(first), version);
      assert.deepEqual(
        result,
        { status: 'conflict', current: second },
        "update at another version than the one that is stored gives { status: 'conflict' } with the current record",
      );
    }
    await subject.holds(second);
  });

  rule('law 5: of 20 at the same time from one version one succeeds, the others see its record', async (subject) => {
    const first = await subject.have();
    const records = callers.map((caller) => subject.next(first, { payload: String(caller) }));
    const results = await atOnce((caller) => subject.store.update(ID, records[caller] as SessionRecord, first.version));
    const winner = records[results.findIndex(({ status }) => status === 'updated')];
    assert.equal(
      results.filter(({ status }) => status === 'updated').length,
      1,
      "of 20 updates from one version one gives { status: 'updated' }",
    );
    for (const result of results) {
      if (result.status !== 'updated')
        assert.deepEqual(
          result,
          { status: 'conflict', current: winner },
          'the other updates give a conflict with the record of the one that succeeded',
        );
    }
    await subject.holds(winner);
  });

  rule('law 5: 20 counters that try again count to 20', async (subject) => {
    await subject.have({ payload: '0' });
    await atOnce(async () => {
      for (;;) {
        const current = await subject.store.load(ID);
        assert.ok(current, 'load gives the session while others update it');
        const next = subject.next(current, { payload: String(Number(current.payload) + 1) });
        if ((await subject.store.update(ID, next, current.version)).status === 'updated') return;
      }
    });
    assert.equal((await subject.store.load(ID))?.payload, '20', '20 counters that try again at a conflict count to 20');
  });

  rule('law 6: of an update and a destroy at the same time nothing is left', async (subject) => {
    for (let round = 0; round < 10; round++) {
      const record = await subject.have();
      await Promise.all([
        subject.store.update(ID, subject.next(record), record.version),
        subject.store.destroy(ID),
        subject.store.touch(ID, record),
        subject.store.update(ID, subject.next(record), record.version),
      ]);
      await subject.isMissing();
    }
  });

  rule('sets, changes and removes the user', async (subject) => {
    let record = await subject.have();
    for (const userId of ['ada', 'bob', '']) {
      record = await subject.haveNext(record, { userId });
      await subject.holds(record);
    }
    const { userId: _, ...anonymous } = subject.next(record);
    await subject.updates(anonymous, record.version);
    await subject.holds(anonymous);
  });

  rule('shortens the life of a session, as a tombstone does', async (subject) => {
    const record = await subject.have();
    await subject.haveNext(record, { idleTimeout: MINUTE, absoluteTimeout: MINUTE });
    subject.clock.advance(MINUTE - 1);
    assert.ok(await subject.store.load(ID), 'load gives the session till its limit has passed');
    subject.clock.advance(1);
    await subject.isMissing();
  });

  rule('lengthens the life of a session', async (subject) => {
    const record = await subject.have({ idleTimeout: MINUTE, absoluteTimeout: MINUTE });
    const longer = await subject.haveNext(record, { idleTimeout: 90 * 24 * HOUR, absoluteTimeout: 90 * 24 * HOUR });
    subject.clock.advance(90 * 24 * HOUR - 1);
    await subject.holds(longer);
    subject.clock.advance(1);
    await subject.isMissing();
  });

  rule('starts both clocks anew, as a login does', async (subject) => {
    const record = await subject.have();
    subject.clock.advance(IDLE - MINUTE);
    const now = subject.clock.now();
    const renewed = await subject.haveNext(record, { startedAt: now, usedAt: now });
    subject.clock.advance(IDLE - 1);
    await subject.holds(renewed);
  });

  rule('that ends the session leaves nothing', async (subject) => {
    const record = await subject.have();
    await subject.store.update(ID, subject.next(record, { idleTimeout: 0 }), record.version);
    await subject.isMissing();
  });
}

export function timeRules(rule: Rule): void {
  rule('law 8, C50: the idle clock ends a session to the ms', async (subject) => {
    const record = await subject.have();
    subject.clock.advance(IDLE - 1);
    await subject.holds(record);
    subject.clock.advance(1);
    await subject.isMissing();
  });

  rule('law 8, C50: the absolute clock ends a session to the ms, however much it is used', async (subject) => {
    const record = await subject.have();
    for (let passed = 0; passed < ABSOLUTE - IDLE; passed += IDLE / 2) {
      subject.clock.advance(IDLE / 2);
      await subject.touches(record, subject.clock.now());
    }
    const last = { ...record, usedAt: subject.clock.now() };
    subject.clock.advance(record.startedAt + ABSOLUTE - 1 - subject.clock.now());
    await subject.holds(last);
    subject.clock.advance(1);
    await subject.isMissing();
  });

  rule('law 8: each record has limits of its own', async (subject) => {
    await subject.have({ idleTimeout: 90 * 24 * HOUR, absoluteTimeout: HOUR });
    subject.clock.advance(HOUR - 1);
    assert.ok(await subject.store.load(ID), 'load gives the session till its limit has passed');
    subject.clock.advance(1);
    await subject.isMissing();
  });

  rule('C46: a clock that is put back finds what it had stored', async (subject) => {
    const record = await subject.have();
    subject.clock.advance(-HOUR);
    await subject.holds(record);
    await subject.holds(await subject.haveNext(record));
    assert.equal(
      (await subject.store.destroy(ID))?.startedAt,
      record.startedAt,
      'destroy gives the record that was there, after the clock was put back',
    );
    await subject.isMissing();
  });
}
