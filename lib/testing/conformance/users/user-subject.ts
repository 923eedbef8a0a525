import * as assert from '../assertions.js';
import { hash } from 'node:crypto';
import type { UserIndex, UserIndexChoice, UserIndexEntry, UserIndexTerms } from '../../../stores/user-index.js';
import type { TestClock } from '../../test-clock.js';
import type { RuleOf } from '../conformance-test.js';

/** Ids have the form of sessions' ids, whatever a test calls them. */
const named = (name: string): string => hash('sha256', name, 'base64url');
export const [A, B, C, D, E] = [named('a'), named('b'), named('c'), named('d'), named('e')];

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const FREE: UserIndexTerms = {};
export const ALL: UserIndexChoice = { except: undefined };

/** One test of an index: a rule of its contract. */
export type Rule = RuleOf<Subject>;

/** The index of one test: its entries live for an hour, its user is Ada. */
export class Subject {
  constructor(
    readonly index: UserIndex,
    readonly clock: TestClock,
  ) {}

  async add(id: string, terms = FREE, lifetime = HOUR): Promise<{ added: boolean; revoked: string[] }> {
    const { added, revoked } = await this.index.add('ada', id, lifetime, terms);
    return { added, revoked: [...revoked].sort() };
  }

  /** An entry whose session is stored. */
  async have(...ids: string[]): Promise<void> {
    for (const id of ids) {
      await this.accepts(id);
      await this.settles(id);
    }
  }

  async accepts(id: string, terms = FREE, lifetime = HOUR): Promise<void> {
    assert.deepEqual(
      await this.add(id, terms, lifetime),
      { added: true, revoked: [] },
      'users.add gives { added: true } and names nothing that was revoked',
    );
  }

  async refuses(id: string, terms: UserIndexTerms): Promise<void> {
    const before = await this.index.list('ada');
    assert.equal(
      (await this.add(id, terms)).added,
      false,
      'users.add gives { added: false } for what its terms do not allow',
    );
    assert.deepEqual(
      await this.index.list('ada'),
      before,
      'users.list after a refused users.add gives what it gave before',
    );
  }

  async settles(id: string, lifetime = HOUR): Promise<void> {
    assert.equal(
      await this.index.settle('ada', id, lifetime),
      true,
      'users.settle gives true for an entry that is there',
    );
  }

  async doesNotSettle(id: string): Promise<void> {
    const before = await this.index.list('ada');
    assert.equal(
      await this.index.settle('ada', id, HOUR),
      false,
      'users.settle gives false for an entry that is not there, was revoked or has lost its place',
    );
    assert.deepEqual(
      await this.index.list('ada'),
      before,
      'users.list after a refused users.settle gives what it gave before',
    );
  }

  async revokes(choice: UserIndexChoice, expected: string[]): Promise<void> {
    assert.deepEqual(
      [...(await this.index.revoke('ada', choice))].sort(),
      [...expected].sort(),
      'users.revoke gives the ids of all that it is asked to revoke, those revoked before too',
    );
  }

  async lists(...ids: string[]): Promise<void> {
    assert.deepEqual(
      (await this.ids()).sort(),
      ids.sort(),
      'users.list gives all that is there, but not what was revoked',
    );
  }

  async ids(): Promise<string[]> {
    return (await this.index.list('ada')).map(({ id }) => id);
  }
}

/** A list has no order of its own. */
export function byId(entries: readonly UserIndexEntry[]): UserIndexEntry[] {
  return [...entries].sort((a, b) => (a.id < b.id ? -1 : 1));
}
