import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { SessionRecord, UpdateResult } from 'nestjs-token-session';
import { endOf, laterUse } from '../../lib/stores/session-store.js';
import { TestClock } from './clock.js';
import { ID, MINUTE, OTHER, Subject, THIRD, type OpenStore } from './store-rules-subject.js';

/** The contract in the plainest form: a map, and one line for each operation. */
class Model {
  private readonly records = new Map<string, SessionRecord>();

  constructor(private readonly now: () => number) {}

  load(id: string): SessionRecord | undefined {
    const record = this.records.get(id);
    return record !== undefined && endOf(record) > this.now() ? record : undefined;
  }

  create(id: string, record: SessionRecord): boolean {
    if (this.load(id) !== undefined) return false;
    this.records.set(id, record);
    return true;
  }

  update(id: string, record: SessionRecord, expectedVersion: string): UpdateResult {
    const current = this.load(id);
    if (current === undefined) return { status: 'missing' };
    if (current.version !== expectedVersion) return { status: 'conflict', current };
    this.records.set(id, record);
    return { status: 'updated' };
  }

  touch(id: string, touched: SessionRecord): boolean {
    const current = this.load(id);
    if (current === undefined) return false;
    this.records.set(id, { ...current, usedAt: laterUse(current, touched, this.now()) });
    return true;
  }

  destroy(id: string, version?: string): SessionRecord | undefined {
    const current = this.load(id);
    if (current !== undefined && (version === undefined || version === current.version)) this.records.delete(id);
    return current;
  }
}

/** Whole minutes, so that no backend's own expiry comes before that of the clock. */
const minutes = (...choice: number[]): fc.Arbitrary<number> => fc.constantFrom(...choice.map((one) => one * MINUTE));

const id = fc.constantFrom(ID, OTHER, THIRD);
/** The version that a caller has in hand: this one, or the one before it, or none that ever was. */
const held = fc.constantFrom('current', 'current', 'earlier', 'unknown');
const changes = fc.record({
  payload: fc.string({ unit: 'grapheme', maxLength: 20 }),
  idleTimeout: minutes(1, 5, 30),
  absoluteTimeout: minutes(1, 10, 720),
  user: fc.constantFrom(undefined, 'ada', 'bob'),
});
const operation = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('create' as const), id, changes }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('update' as const), id, changes, held }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('touch' as const), id, by: minutes(-5, -1, 0, 0, 0, 1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('destroy' as const), id, held: fc.option(held) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), time: minutes(1, 1, 4, 29, 60) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** Random operations on a store give what they give on the model; a failure tells its seed. */
export async function checkAgainstModel(open: OpenStore): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 60, size: 'max' }), async (operations) => {
      const clock = new TestClock();
      const store = await open(clock.now);
      const model = new Model(clock.now);
      const subject = new Subject(store, clock);
      const versions = new Map<string, string[]>();
      for (const step of operations) {
        await take(step);
        for (const one of [ID, OTHER, THIRD]) assert.deepEqual(await store.load(one), model.load(one));
      }

      async function take(step: Operation): Promise<void> {
        switch (step.do) {
          case 'wait':
            clock.advance(step.time);
            return;
          case 'create': {
            const record = recordOf(step.changes);
            const created = model.create(step.id, record);
            assert.equal(await store.create(step.id, record), created);
            if (created) versions.set(step.id, [record.version]);
            return;
          }
          case 'update': {
            const started = model.load(step.id)?.startedAt ?? clock.now();
            const record = { ...recordOf(step.changes), startedAt: started };
            const wanted = model.update(step.id, record, versionOf(step.id, step.held));
            assert.deepEqual(await store.update(step.id, record, versionOf(step.id, step.held)), wanted);
            if (wanted.status === 'updated') versions.get(step.id)?.unshift(record.version);
            return;
          }
          case 'touch': {
            const touched = { ...subject.record(), usedAt: clock.now() + step.by };
            assert.equal(await store.touch(step.id, touched), model.touch(step.id, touched));
            return;
          }
          case 'destroy': {
            const version = step.held === null ? undefined : versionOf(step.id, step.held);
            assert.deepEqual(await store.destroy(step.id, version), model.destroy(step.id, version));
          }
        }
      }

      function versionOf(of: string, which: string): string {
        if (which === 'unknown') return 'never-was';
        return versions.get(of)?.[which === 'current' ? 0 : 1] ?? 'none';
      }

      function recordOf({ user, ...rest }: Extract<Operation, { do: 'create' }>['changes']): SessionRecord {
        return subject.record({ ...rest, ...(user !== undefined && { userId: user }) });
      }
    }),
    { numRuns: 100 },
  );
}
