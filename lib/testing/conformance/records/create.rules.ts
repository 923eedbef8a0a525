import * as assert from '../assertions.js';
import type { SessionRecord } from '../../../stores/session-store.js';
import { atOnce, callers, ID, IDLE, OTHER, type Rule } from './record-subject.js';

export function loadRules(rule: Rule): void {
  rule('an id that was never stored is missing for every operation, and is no error', (subject) => subject.isMissing());

  rule('gives the whole record, with and without a user', async (subject) => {
    await subject.holds(await subject.have());
    const record = subject.record({ userId: 'ada' });
    assert.equal(await subject.store.create(OTHER, record), true, 'create at a free id gives true');
    assert.deepEqual(await subject.store.load(OTHER), record, 'load gives the record as it was stored last');
  });

  rule('a record that was given stays as it is when others write', async (subject) => {
    const record = await subject.have();
    const given = await subject.store.load(ID);
    await subject.haveNext(record);
    assert.deepEqual(given, record, 'what load gave before an update is still as it was');
  });

  rule('ids are told apart to the letter', async (subject) => {
    await subject.have();
    for (const id of [ID.toLowerCase(), ID.toUpperCase(), `${ID.slice(0, -1)}_`]) {
      assert.equal(await subject.store.load(id), undefined, `load of ${id}, which was never stored, gives undefined`);
    }
  });
}

export function createRules(rule: Rule): void {
  rule('never overwrites (tower-sessions: an upsert took over a colliding id)', async (subject) => {
    const first = await subject.have({ userId: 'ada' });
    assert.equal(
      await subject.store.create(ID, subject.record({ payload: 'theirs' })),
      false,
      'create gives false where a session is',
    );
    await subject.holds(first);
  });

  rule('of 20 at the same time for one id one succeeds, and its record is there', async (subject) => {
    const records = callers.map((caller) => subject.record({ payload: String(caller) }));
    const created = await atOnce((caller) => subject.store.create(ID, records[caller] as SessionRecord));
    const winners = records.filter((_, caller) => created[caller] === true);
    assert.equal(winners.length, 1, 'of 20 calls of create for one id one gives true');
    await subject.holds(winners[0]);
  });

  rule('leaves other sessions alone', async (subject) => {
    const record = await subject.have();
    assert.equal(
      await subject.store.create(OTHER, subject.record({ payload: 'other' })),
      true,
      'create at a free id gives true',
    );
    await subject.holds(record);
    await subject.store.destroy(OTHER);
    await subject.holds(record);
  });

  rule('takes the place of a record that has ended', async (subject) => {
    await subject.have({ userId: 'ada' });
    subject.clock.advance(IDLE);
    const second = await subject.have();
    await subject.holds(second);
  });

  rule('of 20 at the same time in the place of a record that has ended one succeeds', async (subject) => {
    await subject.have();
    subject.clock.advance(IDLE);
    const created = await atOnce((caller) => subject.store.create(ID, subject.record({ payload: String(caller) })));
    assert.equal(created.filter(Boolean).length, 1, 'of 20 calls of create for one id one gives true');
  });

  rule('takes the place of a record that was destroyed', async (subject) => {
    await subject.have();
    await subject.store.destroy(ID);
    await subject.holds(await subject.have());
  });

  rule('C48: a record that is over already is never seen', async (subject) => {
    for (const changes of [
      { idleTimeout: 0 },
      { idleTimeout: -5_000 },
      { absoluteTimeout: 0 },
      { absoluteTimeout: -1 },
      { usedAt: subject.clock.now() - IDLE },
      { startedAt: 0 },
    ]) {
      await subject.store.create(ID, subject.record(changes));
      await subject.isMissing();
    }
    await subject.holds(await subject.have());
  });
}
