import type { AtomicSessionStore, SessionStore } from '../../stores/session-store.js';
import type { Abilities, Ability } from './capabilities.js';
import type { ConformanceTest, OpenStore } from './conformance-test.js';
import type { Opened } from './contract.rules.js';
import { checkFresh, checkFreshSimple } from './fresh.js';
import type { Processes } from './plays/plays.rules.js';
import type { Reopened } from './records/again.rules.js';
import type { Telling } from './records/endings.rules.js';
import { Subject } from './records/record-subject.js';
import { SimpleSubject } from './simple/simple-subject.js';
import { takingTurns } from './taking-turns.js';
import type { WithIndex } from './users/records-and-index.rules.js';
import { Subject as UserSubject } from './users/user-subject.js';

/** Opens what one rule is about; undefined when the store does not have it. */
export type SubjectOf<S> = (running: ConformanceTest) => Promise<S | undefined>;

/** What rules are about, each opened anew: one store, or two on the same data that take turns. */
export class Subjects {
  /** @param reopen opens the second store */
  constructor(
    private readonly factory: OpenStore,
    private readonly abilities: Abilities,
    private readonly reopen?: OpenStore,
  ) {}

  get isOfTwo(): boolean {
    return this.reopen !== undefined;
  }

  readonly opened: SubjectOf<Opened> = async (running) => {
    const plain = await running.openPlain(this.factory);
    return { plain, store: await running.attached(plain) };
  };

  /** A simple store as it comes. */
  readonly simple: SubjectOf<SimpleSubject> = async (running) => {
    const store = (await running.openPlain(this.factory)) as SessionStore;
    // The look has a subject of its own: rules count the answers of theirs.
    await checkFreshSimple((sid) => new SimpleSubject(store, running.clock).get(sid));
    return new SimpleSubject(store, running.clock);
  };

  readonly record = async (running: ConformanceTest): Promise<Subject> =>
    new Subject(takingTurns(await this.stores(running)), running.clock);

  readonly users: SubjectOf<UserSubject> = async (running) => {
    const { users } = takingTurns(await this.stores(running));
    return users && new UserSubject(users, running.clock);
  };

  readonly usersOf: SubjectOf<WithIndex> = async (running) => {
    const records = await this.record(running);
    const { users: index } = records.store;
    return index && { records, index };
  };

  readonly processes = async (running: ConformanceTest): Promise<Processes> => ({
    stores: await this.stores(running),
    clock: running.clock,
  });

  readonly processesOf: SubjectOf<Processes> = async (running) => {
    const processes = await this.processes(running);
    return processes.stores.every(({ users }) => users !== undefined) ? processes : undefined;
  };

  readonly telling: SubjectOf<Telling> = async (running) => {
    const processes = await this.processes(running);
    const tells = processes.stores.every(({ endings }) => endings !== undefined);
    return tells ? { ...processes, after: (stop) => running.after(stop) } : undefined;
  };

  /** A store that has this. */
  having(ability: Ability): SubjectOf<Subject> {
    return async (running) => {
      const subject = await this.record(running);
      return subject.store[ability] === undefined ? undefined : subject;
    };
  }

  reopened(reopen: OpenStore): SubjectOf<Reopened> {
    return async (running) => ({
      subject: new Subject(await this.fresh(running), running.clock),
      again: () => running.open(reopen),
    });
  }

  private async fresh(running: ConformanceTest): Promise<AtomicSessionStore> {
    const store = await running.open(this.factory);
    await checkFresh(store, this.abilities);
    return store;
  }

  private async stores(running: ConformanceTest): Promise<AtomicSessionStore[]> {
    const first = await this.fresh(running);
    return this.reopen === undefined ? [first] : [first, await running.open(this.reopen)];
  }
}
