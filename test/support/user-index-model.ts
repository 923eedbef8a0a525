import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { UserIndexChoice, UserIndexEntry, UserIndexTerms } from 'nestjs-token-session';
import { TestClock } from './clock.js';
import { A, B, C, D, E, HOUR, MINUTE, byId, type OpenUserIndex } from './user-index-subject.js';

interface ModelEntry {
  readonly id: string;
  readonly replaces: string | undefined;
  /** What it has replaced. */
  readonly replaced?: string | undefined;
  endsAt: number;
  state: 'pending' | 'settled' | 'revoked';
}

/** One user's entries in the plainest form: a list, oldest first, and what the contract says of it. */
class Model {
  private entries: ModelEntry[] = [];

  pass(now: number): void {
    this.entries = this.entries.filter(({ endsAt }) => endsAt > now);
  }

  /** Whether adding this would make a chain of entries that replace each other, which no session layer does. */
  makesChain(id: string, replaces: string): boolean {
    const isReplaced = this.entries.some((entry) => entry.replaces === id);
    return id === replaces || isReplaced || this.find(replaces)?.replaces !== undefined;
  }

  add(id: string, endsAt: number, terms: UserIndexTerms): boolean {
    const { replaces, isThere = false, max = Infinity, evict = [] } = terms;
    const present = this.find(id);
    if (present?.state === 'revoked') return false;
    if (present === undefined && isThere) return false;
    if (present !== undefined && (!isThere || present.replaces === undefined)) return true;
    if (replaces !== undefined) {
      if (!this.isValid(replaces)) return false;
    } else {
      const others = this.entries.filter((entry) => entry !== present && entry.state !== 'revoked');
      const taken = new Set(others.filter((entry) => !this.isLeft(entry)).map((entry) => this.seat(entry.id)));
      const excess = Math.max(0, taken.size + 1 - max);
      const offered = [...new Set(evict.map((victim) => this.seat(victim)))].filter((seat) => taken.has(seat));
      if (offered.length < excess) return false;
      const given = offered.slice(0, excess);
      for (const entry of others) if (given.includes(this.seat(entry.id))) entry.state = 'revoked';
    }
    const added: ModelEntry = { id, replaces, endsAt, state: 'pending' };
    if (present === undefined) this.entries.push(added);
    else this.entries[this.entries.indexOf(present)] = added;
    return true;
  }

  settle(id: string, endsAt: number): boolean {
    const entry = this.find(id);
    if (entry === undefined || entry.state === 'revoked' || this.isLeft(entry)) return false;
    const replaced = entry.replaces ?? entry.replaced;
    const settled: ModelEntry = { id, replaces: undefined, replaced, endsAt, state: 'settled' };
    this.entries = this.entries
      .filter((other) => other.id !== entry.replaces)
      .map((other) => (other === entry ? settled : other));
    return true;
  }

  revoke(choice: UserIndexChoice): string[] {
    const name = 'only' in choice ? choice.only : choice.except;
    const heirs = this.entries.filter(({ replaced }) => replaced !== undefined && replaced === name);
    const seats = name === undefined ? [] : [this.seat(name), ...heirs.map(({ id }) => id)];
    const taken = this.entries.filter(({ id }) => seats.includes(this.seat(id)) === 'only' in choice);
    for (const entry of taken) entry.state = 'revoked';
    return taken.map(({ id }) => id);
  }

  remove(ids: readonly string[]): void {
    this.entries = this.entries.filter(({ id }) => !ids.includes(id));
  }

  list(): UserIndexEntry[] {
    return this.entries.flatMap(({ id, state, replaces }) => {
      if (state === 'revoked') return [];
      return [{ id, settled: state === 'settled', ...(replaces !== undefined && { replaces }) }];
    });
  }

  revoked(): string[] {
    return this.entries.flatMap(({ id, state }) => (state === 'revoked' ? [id] : []));
  }

  private find(id: string): ModelEntry | undefined {
    return this.entries.find((entry) => entry.id === id);
  }

  private isValid(id: string): boolean {
    return (this.find(id)?.state ?? 'revoked') !== 'revoked';
  }

  /** Whether what this entry was to replace has gone. */
  private isLeft({ replaces }: ModelEntry): boolean {
    return replaces !== undefined && this.find(replaces) === undefined;
  }

  /** Entries with one seat go together and count as one. */
  private seat(id: string): string {
    return this.find(id)?.replaces ?? id;
  }
}

const user = fc.constantFrom('ada', 'bob');
const id = fc.constantFrom(A, B, C, D, E);
const lifetime = fc.constantFrom(MINUTE, 5 * MINUTE, HOUR);
const operation = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      user,
      id,
      lifetime,
      terms: fc.oneof(
        fc.record({ replaces: id }),
        fc.record(
          { isThere: fc.boolean(), max: fc.integer({ min: 1, max: 4 }), evict: fc.array(id, { maxLength: 5 }) },
          { requiredKeys: [] },
        ),
      ),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('settle' as const), user, id, lifetime }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('revoke' as const),
      user,
      choice: fc.oneof(fc.record({ only: id }), fc.record({ except: fc.option(id, { nil: undefined }) })),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('remove' as const), user, ids: fc.uniqueArray(id) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), time: fc.constantFrom(1, MINUTE, HOUR) }) },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

/** Random operations on an index give what they give on the model; a failure tells its seed. */
export async function checkAgainstModel(open: OpenUserIndex): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(operation, { minLength: 1, maxLength: 40, size: 'max' }), async (operations) => {
      const clock = new TestClock();
      const index = await open(clock.now);
      const models = { ada: new Model(), bob: new Model() };
      for (const step of operations) {
        await take(step);
        for (const name of ['ada', 'bob'] as const) {
          models[name].pass(clock.now());
          assert.deepEqual(byId(await index.list(name)), byId(models[name].list()));
        }
      }

      async function take(step: Operation): Promise<void> {
        if (step.do === 'wait') {
          clock.advance(step.time);
          return;
        }
        const model = models[step.user];
        switch (step.do) {
          case 'add': {
            const { replaces } = step.terms as UserIndexTerms;
            const terms: UserIndexTerms =
              replaces !== undefined && model.makesChain(step.id, replaces) ? {} : step.terms;
            const { added, revoked } = await index.add(step.user, step.id, step.lifetime, terms);
            assert.equal(added, model.add(step.id, clock.now() + step.lifetime, terms));
            assert.deepEqual([...revoked].sort(), model.revoked().sort());
            return;
          }
          case 'settle':
            assert.equal(
              await index.settle(step.user, step.id, step.lifetime),
              model.settle(step.id, clock.now() + step.lifetime),
            );
            return;
          case 'revoke':
            assert.deepEqual(
              [...(await index.revoke(step.user, step.choice))].sort(),
              model.revoke(step.choice).sort(),
            );
            return;
          case 'remove':
            await index.remove(step.user, step.ids);
            model.remove(step.ids);
        }
      }
    }),
    { numRuns: 300 },
  );
}
