import * as assert from '../assertions.js';
import type { SessionRecord } from '../../../stores/session-store.js';
import { endOf } from '../../../stores/session-store.js';
import { HOUR, ID, MINUTE, type Rule } from './record-subject.js';

const ODD_VERSIONS = [
  '0',
  ' ',
  'a b',
  ' a ',
  'a,b',
  ',',
  '"\\',
  "it's",
  'a\nb',
  'a\r\nb\u0000',
  '%',
  '%2C',
  '{}',
  '}',
  '?',
  '-',
  'nil',
  'NIL',
  'undefined',
  '__proto__',
  '\u00e9',
  'e\u0301',
  '\u{1f600}',
  '\u{1f600}'.repeat(60),
  'v'.repeat(255),
];

const ODD_USERS = [
  ...ODD_VERSIONS,
  'user:{1}',
  'null',
  '\u202eada',
  '\u2028',
  '\u{1f600}'.repeat(128),
  'x'.repeat(2_000),
];

export function valueRules(rule: Rule): void {
  rule('S57: odd versions are equal to themselves and to nothing else', async (subject) => {
    let record = await subject.have({ version: 'first' });
    for (const version of ODD_VERSIONS) {
      record = await subject.haveNext(record, { version });
      await subject.holds(record);
      for (const other of [...ODD_VERSIONS, '']) {
        if (other === version) continue;
        const result = await subject.store.update(ID, subject.next(record), other);
        const versions = `${JSON.stringify(other)}, where ${JSON.stringify(version)} is stored,`;
        assert.deepEqual(result, { status: 'conflict', current: record }, `update at ${versions} gives a conflict`);
        assert.deepEqual(await subject.store.destroy(ID, other), record, `destroy at ${versions} gives what is there`);
      }
    }
    for (const version of ODD_VERSIONS) {
      await subject.store.destroy(ID);
      const created = await subject.have({ version });
      await subject.holds(created);
      assert.deepEqual(
        await subject.store.destroy(ID, version),
        created,
        'destroy at the version that is stored gives the record that was there',
      );
      await subject.isMissing();
    }
  });

  rule('S57: odd user ids come back as they are', async (subject) => {
    let record = await subject.have();
    for (const userId of ODD_USERS) {
      record = await subject.haveNext(record, { userId });
      await subject.holds(record);
      await subject.touches(record, subject.clock.now());
      await subject.holds(record);
    }
    for (const userId of ODD_USERS) {
      await subject.store.destroy(ID);
      await subject.holds(await subject.have({ userId }));
    }
  });

  rule('C48: fractions of a ms move the end of a session by less than one', async (subject) => {
    const now = subject.clock.now();
    const times = { startedAt: now + 0.25, usedAt: now + 0.75, idleTimeout: MINUTE + 0.6, absoluteTimeout: HOUR + 0.1 };
    const record = await subject.have(times);
    await comesBackWithin(1, record);
    const changed = await subject.haveNext(record, { idleTimeout: HOUR / 7, usedAt: now + 1e-9 });
    await comesBackWithin(1, changed);
    await subject.touches(changed, now + 0.5);
    const touched = { ...changed, usedAt: now + 0.5 };
    await comesBackWithin(1, touched);
    subject.clock.advance(Math.ceil(HOUR / 7) - 2);
    await comesBackWithin(1, touched);
    subject.clock.advance(4);
    await subject.isMissing();

    async function comesBackWithin(ms: number, wanted: SessionRecord): Promise<void> {
      const loaded = await subject.store.load(ID);
      assert.ok(loaded, 'load gives the session, whose times have fractions');
      const { payload, version, userId } = loaded;
      assert.deepEqual(
        { payload, version, userId },
        { userId: undefined, ...only(wanted) },
        'load gives payload, version and user as they were stored',
      );
      assert.ok(
        Math.abs(endOf(loaded) - endOf(wanted)) < ms,
        `a session ends less than a ms from ${endOf(wanted)}; it ends at ${endOf(loaded)}`,
      );
    }
  });

  rule('C48: a clock between two ms', async (subject) => {
    subject.clock.advance(0.5);
    const record = await subject.have();
    subject.clock.advance(10.3);
    await subject.touches(record, subject.clock.now());
    const next = await subject.haveNext(record);
    assert.deepEqual(
      only(await subject.store.load(ID)),
      only(next),
      'load gives payload and version as they were stored',
    );
    subject.clock.advance(next.idleTimeout + 1);
    await subject.isMissing();
  });

  rule('C48: the tiniest lives are over a ms later', async (subject) => {
    for (const idleTimeout of [1, 0.5, 1e-9, Number.MIN_VALUE]) {
      await subject.store.create(ID, subject.record({ idleTimeout }));
      subject.clock.advance(1);
      await subject.isMissing();
    }
  });

  for (const limit of [1e12, Number.MAX_SAFE_INTEGER, 1e21, Number.MAX_VALUE]) {
    rule(`C48: limits of ${limit} ms are kept as long as anything is`, async (subject) => {
      const record = await subject.have({ idleTimeout: limit, absoluteTimeout: limit });
      const next = await subject.haveNext(record, { idleTimeout: limit, absoluteTimeout: limit });
      subject.clock.advance(30 * 365 * 24 * HOUR);
      await subject.touches(next, subject.clock.now());
      subject.clock.advance(MINUTE);
      assert.deepEqual(
        only(await subject.store.load(ID)),
        only(next),
        'load gives payload and version as they were stored',
      );
      assert.deepEqual(
        only(await subject.store.destroy(ID)),
        only(next),
        'destroy gives payload and version as they were stored',
      );
      await subject.isMissing();
    });
  }

  rule('a session from the beginning of time', async (subject) => {
    const long = subject.clock.now() + HOUR;
    const record = await subject.have({ startedAt: 0, usedAt: 1, idleTimeout: long, absoluteTimeout: long });
    await subject.holds(record);
    await subject.touches(record, 35);
    await subject.holds({ ...record, usedAt: 35 });
    subject.clock.advance(HOUR - 1);
    await subject.holds({ ...record, usedAt: 35 });
    subject.clock.advance(1);
    await subject.isMissing();
  });
}

/** What a store may not round. */
function only(record: SessionRecord | undefined): Partial<SessionRecord> {
  return { payload: record?.payload ?? 'missing', version: record?.version ?? 'missing' };
}
