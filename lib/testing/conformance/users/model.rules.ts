import * as assert from '../assertions.js';
import type { UserIndexChoice, UserIndexTerms } from '../../../stores/user-index.js';
import { takeSteps, type Random } from '../random.js';
import { UserIndexModel } from './user-index-model.js';
import { A, B, C, D, E, byId, HOUR, MINUTE, type Rule, type Subject } from './user-subject.js';

/** How many steps one seed takes: each is three operations at most. */
const STEPS = 200;
const IDS = [A, B, C, D, E];
const USERS = ['ada', 'bob'] as const;

/** Random operations on an index give what they give on the model. */
export function modelRules(seeds: readonly number[]): (rule: Rule) => void {
  return (rule) => {
    for (const seed of seeds) {
      rule(`random operations of users give what a simple model gives (seed ${String(seed)})`, (subject) =>
        new ModelPlay(subject).run(seed),
      );
    }
  };
}

class ModelPlay {
  private readonly models = { ada: new UserIndexModel(), bob: new UserIndexModel() };

  constructor(private readonly subject: Subject) {}

  run(seed: number): Promise<void> {
    const { index, clock } = this.subject;
    return takeSteps(seed, STEPS, async (random, note) => {
      await this.step(random, note);
      const lists = await Promise.all(USERS.map(async (user) => await index.list(user)));
      for (const [number, user] of USERS.entries()) {
        this.models[user].pass(clock.now());
        assert.deepEqual(
          byId(lists[number] ?? []),
          byId(this.models[user].list()),
          `users.list of ${user} after the last step gives what the model has`,
        );
      }
    });
  }

  private async step(random: Random, note: (text: string) => void): Promise<void> {
    const { index, clock } = this.subject;
    const user = random.pick(...USERS);
    const model = this.models[user];
    const id = random.pick(...IDS);
    const lifetime = random.pick(MINUTE, 5 * MINUTE, HOUR);
    const endsAt = clock.now() + lifetime;
    switch (random.weighed({ add: 6, settle: 5, revoke: 3, remove: 2, wait: 2 })) {
      case 'wait': {
        const time = random.pick(1, 1, MINUTE, MINUTE, MINUTE, HOUR);
        note(`${String(time)} ms pass`);
        clock.advance(time);
        return;
      }
      case 'add': {
        const wanted = termsOf(random);
        const terms = wanted.replaces !== undefined && model.makesChain(id, wanted.replaces) ? {} : wanted;
        note(`${user} add ${nameOf(id)} for ${String(lifetime)} ms: ${shown(terms)}`);
        const { added, revoked } = await index.add(user, id, lifetime, terms);
        assert.equal(added, model.add(id, endsAt, terms), 'users.add tells whether it added');
        assert.deepEqual([...revoked].sort(), model.revoked().sort(), 'users.add names all that are revoked');
        return;
      }
      case 'settle':
        note(`${user} settle ${nameOf(id)} for ${String(lifetime)} ms`);
        assert.equal(
          await index.settle(user, id, lifetime),
          model.settle(id, endsAt),
          'users.settle tells whether the entry is settled',
        );
        return;
      case 'revoke': {
        const choice: UserIndexChoice = random.pick({ only: id }, { except: id }, { except: undefined });
        note(`${user} revoke ${shown(choice)}`);
        assert.deepEqual(
          [...(await index.revoke(user, choice))].sort(),
          model.revoke(choice).sort(),
          'users.revoke gives what it is asked to revoke',
        );
        return;
      }
      case 'remove': {
        const ids = random.some(...IDS);
        note(`${user} remove ${ids.map(nameOf).join(' ')}`);
        await index.remove(user, ids);
        model.remove(ids);
      }
    }
  }
}

function termsOf(random: Random): UserIndexTerms {
  if (random.pick(true, false, false)) return { replaces: random.pick(...IDS) };
  return {
    ...(random.below(6) === 0 && { isThere: random.pick(true, true, false) }),
    ...(random.below(3) > 0 && { max: 1 + random.below(4) }),
    ...(random.below(3) > 0 && { evict: random.some(...IDS) }),
  };
}

function nameOf(id: string): string {
  return 'ABCDE'[IDS.indexOf(id)] ?? id;
}

function shown(terms: object): string {
  return JSON.stringify(terms, (_, value: unknown) => (typeof value === 'string' ? nameOf(value) : value));
}
