import * as assert from '../assertions.js';
import { endOf, laterUse, type SessionRecord, type UpdateResult } from '../../../stores/session-store.js';
import { takeSteps, type Random } from '../random.js';
import { hash } from 'node:crypto';
import { MINUTE, type Rule, type Subject } from './record-subject.js';

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

/** How many steps one seed takes: each is up to five operations. */
const STEPS = 120;

/** Random operations on a store give what they give on the model. */
export function modelRules(seeds: readonly number[]): (rule: Rule) => void {
  return (rule) => {
    for (const seed of seeds) {
      rule(`random operations give what a simple model gives (seed ${String(seed)})`, (subject) =>
        new ModelPlay(subject, seed).run(),
      );
    }
  };
}

class ModelPlay {
  private readonly model: Model;
  private readonly ids: readonly string[];
  /** The versions that a session had, the latest first. */
  private readonly versions = new Map<string, string[]>();

  constructor(
    private readonly subject: Subject,
    private readonly seed: number,
  ) {
    this.model = new Model(subject.clock.now);
    this.ids = ['x', 'y', 'z'].map((name) => hash('sha256', `${String(seed)} ${name}`, 'base64url'));
  }

  run(): Promise<void> {
    return takeSteps(this.seed, STEPS, async (random, note) => {
      await this.step(random, note);
      const loaded = await Promise.all(this.ids.map(async (id) => this.subject.store.load(id)));
      const wanted = this.ids.map((id) => this.model.load(id));
      assert.deepEqual(loaded, wanted, 'load of the three sessions after the last step gives what the model has');
    });
  }

  private async step(random: Random, note: (text: string) => void): Promise<void> {
    const { subject, model } = this;
    const { store, clock } = subject;
    const which = random.below(this.ids.length);
    const id = this.ids[which] as string;
    const name = 'xyz'[which] as string;
    const kind = random.weighed({ create: 4, update: 6, touch: 3, destroy: 2, wait: 3 });
    switch (kind) {
      case 'wait': {
        // Whole minutes, so that no backend's own expiry comes before that of the clock.
        const minutes = random.pick(1, 1, 4, 29, 60);
        note(`${String(minutes)} minutes pass`);
        clock.advance(minutes * MINUTE);
        return;
      }
      case 'create': {
        const record = this.record(random);
        note(`create ${name}: ${JSON.stringify(record)}`);
        const created = model.create(id, record);
        assert.equal(
          await store.create(id, record),
          created,
          'create gives true where there is no session, else false',
        );
        if (created) this.versions.set(id, [record.version]);
        return;
      }
      case 'update': {
        const record = { ...this.record(random), startedAt: model.load(id)?.startedAt ?? clock.now() };
        const version = this.held(id, random);
        note(`update ${name} at ${version}: ${JSON.stringify(record)}`);
        const wanted = model.update(id, record, version);
        assert.deepEqual(
          await store.update(id, record, version),
          wanted,
          'update tells whether the session is there at the expected version',
        );
        if (wanted.status === 'updated') this.versions.get(id)?.unshift(record.version);
        return;
      }
      case 'touch': {
        const minutes = random.pick(-5, -1, 0, 0, 0, 1);
        note(`touch ${name}, used ${String(minutes)} minutes from now`);
        const touched = { ...subject.record(), usedAt: clock.now() + minutes * MINUTE };
        assert.equal(
          await store.touch(id, touched),
          model.touch(id, touched),
          'touch gives whether the session is there',
        );
        return;
      }
      case 'destroy': {
        const version = random.pick(true, false) ? this.held(id, random) : undefined;
        note(`destroy ${name} at ${version ?? 'any version'}`);
        const wanted = model.destroy(id, version);
        assert.deepEqual(await store.destroy(id, version), wanted, 'destroy gives what was there, removed or not');
      }
    }
  }

  /** The version that a caller has in hand: this one, or the one before it, or none that ever was. */
  private held(id: string, random: Random): string {
    const known = this.versions.get(id) ?? [];
    return random.pick(known[0], known[0], known[1], 'never-was') ?? 'none';
  }

  private record(random: Random): SessionRecord {
    const userId = random.pick(undefined, 'ada', 'bob');
    return this.subject.record({
      payload: random.pick('', '1\n{"views":1}', 'e\u0301', '\u{1f468}\u200d\u{1f469}', '0', 'a b\tc', '\u0000', '"\\'),
      idleTimeout: random.pick(1, 5, 30) * MINUTE,
      absoluteTimeout: random.pick(1, 10, 720) * MINUTE,
      ...(userId !== undefined && { userId }),
    });
  }
}
