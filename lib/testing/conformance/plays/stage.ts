import { AsyncLocalStorage } from 'node:async_hooks';
import type { AtomicSessionStore, Awaitable } from '../../../stores/session-store.js';
import type { UserIndex } from '../../../stores/user-index.js';
import type { Random } from '../random.js';

interface Waiting {
  readonly name: string;
  readonly carryOut: () => Promise<void>;
}

/** Which program asks. One for all stages: each more would cost every promise of the process. */
const ACTING = new AsyncLocalStorage<number>();

/** Carries out the operations of concurrent programs on a store one at a time, in a random order. */
export class Stage {
  /** What was carried out so far, for messages. */
  readonly trace: string[] = [];
  private readonly waiting: Waiting[] = [];

  /** The same store, each of whose operations waits for its turn; outside of programs there is none to wait for. */
  steered(store: AtomicSessionStore): AtomicSessionStore {
    const { users } = store;
    return {
      load: (id) => this.step('load', () => store.load(id)),
      create: (id, record) => this.step('create', () => store.create(id, record)),
      update: (id, record, version) => this.step('update', () => store.update(id, record, version)),
      touch: (id, times) => this.step('touch', () => store.touch(id, times)),
      destroy: (id, version) => this.step('destroy', () => store.destroy(id, version)),
      users: users && this.steeredIndex(users),
    };
  }

  /** Starts programs and takes them to their end. */
  async run(programs: readonly (() => Promise<void>)[], random: Random): Promise<void> {
    const ends = programs.map((program, number) => ACTING.run(number, program));
    // Nothing but the store makes these programs wait, so after a turn of the event loop all stand at a step.
    await turn();
    while (this.waiting.length > 0) {
      const [next] = this.waiting.splice(random.below(this.waiting.length), 1) as [Waiting];
      this.trace.push(next.name);
      await next.carryOut();
      await turn();
    }
    await Promise.all(ends);
  }

  private steeredIndex(users: UserIndex): UserIndex {
    return {
      add: (userId, ...entry) => this.step('users.add', () => users.add(userId, ...entry)),
      settle: (userId, ...entry) => this.step('users.settle', () => users.settle(userId, ...entry)),
      revoke: (userId, choice) => this.step('users.revoke', () => users.revoke(userId, choice)),
      remove: (userId, ids) => this.step('users.remove', () => users.remove(userId, ids)),
      list: (userId) => this.step('users.list', () => users.list(userId)),
    };
  }

  private async step<T>(name: string, act: () => Awaitable<T>): Promise<T> {
    const program = ACTING.getStore();
    if (program === undefined) return act();
    return new Promise<T>((resolve, reject) => {
      // What it fails with is whatever the store fails with.
      const fail: (reason: unknown) => void = reject;
      const carryOut = (): Promise<void> => Promise.resolve().then(act).then(resolve, fail);
      this.waiting.push({ name: `${String(program + 1)} ${name}`, carryOut });
    });
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
