import * as assert from './assertions.js';
import type { AtomicSessionStore, SessionStore } from '../../stores/session-store.js';
import type { Ability, ResolvedCapabilities } from './capabilities.js';
import type { RuleOf } from './conformance-test.js';

/** A store as the factory gave it, and in the strong contract. */
export interface Opened {
  readonly plain: SessionStore | AtomicSessionStore;
  readonly store: AtomicSessionStore;
}

/** What was said of the store is so: else rules that should hold would not be asked for. */
export function contractRules({ contract, abilities }: ResolvedCapabilities): (rule: RuleOf<Opened>) => void {
  return (rule) => {
    rule(
      'the store is of the contract that is declared, and has the abilities that are declared',
      ({ plain, store }) => {
        const actual = plain === store ? 'atomic' : 'simple';
        assert.equal(actual, contract, `declare { contract: '${actual}' }: the store has the methods of that contract`);
        for (const [ability, isDeclared] of Object.entries(abilities) as [Ability, boolean | undefined][]) {
          if (isDeclared === undefined) continue;
          const has = store[ability] !== undefined;
          const found = has ? 'has it' : 'does not have it';
          assert.equal(
            has,
            isDeclared,
            `capability ${ability}: declared ${String(isDeclared)}, and the store ${found}`,
          );
        }
      },
    );

    rule('the index of users is whole', ({ store: { users } }) => {
      if (users === undefined) return;
      for (const name of ['add', 'settle', 'revoke', 'remove', 'list'] as const) {
        assert.equal(typeof users[name], 'function', `the index of users has the method ${name}`);
      }
    });
  };
}
