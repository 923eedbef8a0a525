import { randomBytes } from 'node:crypto';
import { atomicStoreOf } from '../../stores/atomic-store-of.js';
import type { AtomicSessionStore, Awaitable, SessionStore, StoreHost } from '../../stores/session-store.js';
import { TestClock } from '../test-clock.js';

/** What the suite asks of a test runner: Jest, Vitest, Mocha and node:test have it. */
export interface TestRunner {
  readonly describe: (name: string, body: () => void) => unknown;
  readonly it: (name: string, test: () => Promise<void>) => unknown;
}

/** What one test gives those who open a store for it. */
export interface StoreContext {
  /** The clock of the test, in ms since the epoch. A strong store need not take it: `attach` brings it, too. */
  readonly now: () => number;
  /** Letters and digits, other ones in each test: for a prefix, a table, a file. */
  readonly key: string;
  /** Runs this at the end of the test, after the stores were closed; the last one given is run first. */
  after(release: () => unknown): void;
}

/** Opens a store for one test, not attached. */
export type OpenStore = (context: StoreContext) => Awaitable<SessionStore | AtomicSessionStore>;

/** One rule of a contract: a title that says it, and a test of it. */
export type RuleOf<Subject> = (title: string, test: (subject: Subject) => Awaitable<void>) => void;

/** How long an operation may take, in ms. */
const STORE_TIMEOUT = 5_000;

/** One test: its clock, the stores that it opens, and what is to be released in the end. */
export class ConformanceTest {
  readonly clock = new TestClock();
  private readonly context: StoreContext;
  private readonly releases: (() => unknown)[] = [];

  private constructor() {
    this.context = {
      now: this.clock.now,
      key: `t${randomBytes(6).toString('hex')}`,
      after: (release) => void this.releases.push(release),
    };
  }

  /** Runs a test and releases what it opened; what it failed with comes before what releasing failed with. */
  static async run(test: (running: ConformanceTest) => Awaitable<void>): Promise<void> {
    const running = new ConformanceTest();
    try {
      await test(running);
    } catch (error) {
      await running.release().catch(() => undefined);
      throw error;
    }
    await running.release();
  }

  /** A store as it comes, neither wrapped nor attached; it is closed at the end of the test. */
  async openPlain(open: OpenStore): Promise<SessionStore | AtomicSessionStore> {
    const store = await open(this.context);
    this.releases.push(() => store.close?.());
    return store;
  }

  /** Runs this at the end of the test, before what was opened earlier is closed. */
  after(release: () => unknown): void {
    this.releases.push(release);
  }

  /** A store in the strong contract, attached as the session layer attaches it. */
  async open(open: OpenStore): Promise<AtomicSessionStore> {
    return this.attached(await this.openPlain(open));
  }

  async attached(plain: SessionStore | AtomicSessionStore): Promise<AtomicSessionStore> {
    const store = atomicStoreOf(plain, STORE_TIMEOUT);
    const host: StoreHost = {
      now: this.clock.now,
      storeTimeout: STORE_TIMEOUT,
      evicted: () => undefined,
      notice: () => undefined,
    };
    // Whoever checks a table first takes its time.
    await store.attach?.(host);
    return store;
  }

  private async release(): Promise<void> {
    const failures: unknown[] = [];
    for (const release of this.releases.reverse()) {
      try {
        await release();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}
