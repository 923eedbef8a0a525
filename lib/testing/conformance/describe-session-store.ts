import {
  checkArguments,
  resolveCapabilities,
  type ResolvedCapabilities,
  type StoreCapabilities,
} from './capabilities.js';
import { contractRules } from './contract.rules.js';
import { ConformanceTest, type OpenStore, type RuleOf, type TestRunner } from './conformance-test.js';
import { sessionRaceRules, userRaceRules } from './plays/at-once.rules.js';
import { sessionPlayRules, userPlayRules } from './plays/plays.rules.js';
import { againRules } from './records/again.rules.js';
import { clockRules } from './records/clocks.rules.js';
import { clearRules, countRules, exactCountRules } from './records/count.rules.js';
import { createRules, loadRules } from './records/create.rules.js';
import { endingsRules } from './records/endings.rules.js';
import { idRules } from './records/ids.rules.js';
import { modelRules } from './records/model.rules.js';
import { repeatRules, resendRules } from './records/resend.rules.js';
import { batchRules, sweepRules } from './records/sweep.rules.js';
import { destroyRules, touchRules } from './records/touch.rules.js';
import { timeRules, updateRules } from './records/update.rules.js';
import { payloadRules } from './records/payloads.rules.js';
import { valueRules } from './records/values.rules.js';
import { simpleRules } from './simple/simple.rules.js';
import { Subjects, type SubjectOf } from './subjects.js';
import { addRules, settleRules } from './users/add.rules.js';
import { lifetimeRules } from './users/lifetime.rules.js';
import { limitRules } from './users/limits.rules.js';
import { listRules, userRules } from './users/list.rules.js';
import { modelRules as userModelRules } from './users/model.rules.js';
import { recordsAndIndexRules } from './users/records-and-index.rules.js';
import { revokeRules } from './users/revoke.rules.js';

/** How many random runs there are, each with a seed of its own. */
const RUNS = 5;

/**
 * The contract of a session store as tests, for any runner: a store that passes them keeps the laws of the session
 * layer. Each title is a rule of the contract.
 *
 * ```ts
 * describeSessionStore('my store', () => new MyStore(), {}, { describe, it });
 * ```
 *
 * @param factory opens a fresh store without sessions, of either contract; it is called anew for each test, which
 *   attaches the store and closes it at its end
 * @param capabilities what the suite can't see from the store; `{}` for none
 * @param runner `describe` and `it` of Jest, Vitest, Mocha or node:test
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function describeSessionStore(
  name: string,
  factory: OpenStore,
  capabilities: StoreCapabilities,
  runner: TestRunner,
): void {
  const resolved = resolveCapabilities(capabilities);
  checkArguments(name, factory, runner);
  const { contract, reopen } = resolved;
  const group = groups(name, runner);
  const subjects = new Subjects(factory, resolved.abilities);

  group('contract', subjects.opened, contractRules(resolved));
  if (contract === 'simple') group('get, set and destroy', subjects.simple, simpleRules);
  recordGroups(group, subjects, resolved);
  userGroups(group, subjects, resolved);
  if (reopen === undefined) return;
  group('opened again', subjects.reopened(reopen), againRules);
  if (contract === 'simple') return;
  const both = groups(name, runner, 'two processes: ');
  recordGroups(both, new Subjects(factory, resolved.abilities, reopen), resolved);
  userGroups(both, new Subjects(factory, resolved.abilities, reopen), resolved);
}

/** Declares one group of rules: a subject for each, opened anew, and the operation that they are about. */
type Group = <S>(title: string, open: SubjectOf<S>, rules: (rule: RuleOf<S>) => void, about?: string) => void;

/** The laws and sources that a title begins with: `law 6, R59: `. */
const SOURCES = /^(?:(?:law \d+|ASVS [\d.]+|[A-Z]\d+\w?)(?:, |: ))*/;

/** @param prefix what the titles of all rules begin with */
function groups(name: string, { describe, it }: TestRunner, prefix = ''): Group {
  return (title, open, rules, about) => {
    // A title says by itself what it is about: many reports leave the group out.
    const full = (rule: string): string =>
      prefix + (about === undefined ? rule : rule.replace(SOURCES, (sources) => `${sources}${about}: `));
    describe(`${name}: ${prefix}${title}`, () => {
      rules((rule, test) =>
        it(full(rule), () =>
          ConformanceTest.run(async (running) => {
            const subject = await open(running);
            if (subject !== undefined) await test(subject);
          }),
        ),
      );
    });
  };
}

function recordGroups(group: Group, subjects: Subjects, capabilities: ResolvedCapabilities): void {
  const { contract, resends, maxPayload, expiresByItself, sweepBatch, abilities, seed } = capabilities;
  const { record, processes } = subjects;
  group('load', record, loadRules, 'load');
  group('create', record, createRules, 'create');
  group('update', record, updateRules, 'update');
  group('touch', record, touchRules, 'touch');
  group('destroy', record, destroyRules, 'destroy');
  group('time', record, timeRules);
  group('clocks', record, clockRules);
  group('ids', record, idRules);
  group('payloads', record, payloadRules(maxPayload));
  group('values', record, valueRules);
  group('sent again', record, repeatRules);
  if (resends) group('sent again by the driver', record, resendRules);
  group('all together', record, modelRules(seedsFrom(seed)));
  group('requests at once', processes, sessionRaceRules);
  group('requests in every order', processes, sessionPlayRules(seed));
  if (abilities.endings !== false) group('endings', subjects.telling, endingsRules, 'endings');
  if (subjects.isOfTwo) return;
  if (abilities.sweep !== false) group('sweep', subjects.having('sweep'), sweepRules);
  if (sweepBatch !== undefined) group('sweep in batches', record, batchRules(sweepBatch));
  if (abilities.count !== false) group('count', subjects.having('count'), countRules);
  const isExact = contract === 'atomic' && !expiresByItself;
  if (abilities.count !== false && isExact) group('count to the ms', subjects.having('count'), exactCountRules);
  if (abilities.clear !== false) group('clear', subjects.having('clear'), clearRules);
}

function userGroups(group: Group, subjects: Subjects, { abilities, seed }: ResolvedCapabilities): void {
  if (abilities.users === false) return;
  const { users, usersOf, processesOf } = subjects;
  group('users, add', users, addRules, 'users.add');
  group('users, settle', users, settleRules, 'users.settle');
  group('users, revoke', users, revokeRules, 'users.revoke');
  group('users, remove and list', users, listRules, 'users');
  group('users, max', users, limitRules, 'users.add');
  group('users, lifetime', users, lifetimeRules, 'users');
  group('users, whatever they are called', users, userRules, 'users');
  group('users and their sessions', usersOf, recordsAndIndexRules);
  group('users, all together', users, userModelRules(seedsFrom(seed)));
  group('logins at once', processesOf, userRaceRules);
  group('logins in every order', processesOf, userPlayRules(seed));
}

function seedsFrom(seed: number): number[] {
  return Array.from({ length: RUNS }, (_, run) => seed + run);
}
