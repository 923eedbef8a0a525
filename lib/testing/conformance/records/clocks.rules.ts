import * as assert from '../assertions.js';
import { HOUR, ID, MINUTE, type Rule } from './record-subject.js';

/** The moments at which clocks are put forth and back, on the wall: in Berlin, New York, Sydney, on Lord Howe, in Apia. */
const CHANGES = [
  Date.UTC(2026, 2, 29, 1),
  Date.UTC(2026, 9, 25, 1),
  Date.UTC(2026, 2, 8, 7),
  Date.UTC(2026, 10, 1, 6),
  Date.UTC(2026, 3, 4, 16),
  Date.UTC(2026, 9, 3, 15, 30),
  Date.UTC(2011, 11, 30, 10),
];

export function clockRules(rule: Rule): void {
  rule('C46: a clock that goes an hour forth and back ends nothing that is in time by both', async (subject) => {
    const record = await subject.have({ idleTimeout: 3 * HOUR });
    subject.clock.advance(HOUR);
    await subject.holds(record);
    await subject.touches(record, subject.clock.now());
    const touched = { ...record, usedAt: subject.clock.now() };
    subject.clock.advance(-HOUR);
    await subject.holds(touched);
    const next = await subject.haveNext(touched);
    await subject.holds(next);
    subject.clock.advance(HOUR);
    await subject.holds(next);
    assert.deepEqual(await subject.store.destroy(ID), next, 'destroy gives the record that was there');
    await subject.isMissing();
  });

  rule('C46: what was created an hour ahead of the clock is there, and ends when its record says', async (subject) => {
    const record = await subject.have({
      startedAt: subject.clock.now() + HOUR,
      usedAt: subject.clock.now() + HOUR,
      idleTimeout: MINUTE,
    });
    await subject.holds(record);
    subject.clock.advance(HOUR + MINUTE - 1);
    await subject.holds(record);
    subject.clock.advance(1);
    await subject.isMissing();
  });

  rule('C51: times come back to the ms around every change to and from summer time', async (subject) => {
    for (const change of CHANGES) {
      for (const distance of [-HOUR, -HOUR / 2, -1, 0, 1, HOUR / 2, HOUR, HOUR + 1]) {
        const at = change + distance;
        const long = subject.clock.now() - at + 24 * HOUR;
        const limit = Math.max(long, HOUR);
        const record = await subject.have({
          startedAt: at,
          usedAt: at,
          idleTimeout: limit,
          absoluteTimeout: limit + 1,
        });
        await subject.holds(record);
        await subject.store.destroy(ID);
        await subject.holds(undefined);
      }
    }
  });

  rule('times are taken from the clock that attach brings', async (subject) => {
    // No server's clock is near these.
    for (const year of [2001, 2100]) {
      subject.clock.advance(Date.UTC(year, 0, 1) - subject.clock.now());
      const record = await subject.have({ idleTimeout: MINUTE });
      subject.clock.advance(MINUTE - 1);
      await subject.holds(record);
      subject.clock.advance(1);
      await subject.isMissing();
    }
  });
}
