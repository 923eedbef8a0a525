import { SessionConfigError } from '../session.errors.js';
import { outcomeUnknown } from '../stores/outcome-unknown.js';
import { Barrier } from './barrier.js';

/** An operation of a store, of either contract; those of a user's index begin with `users.`. */
export type StoreOperation =
  | 'load'
  | 'create'
  | 'update'
  | 'touch'
  | 'destroy'
  | 'sweep'
  | 'count'
  | 'clear'
  | 'get'
  | 'set'
  | 'length'
  | 'all'
  | 'users.add'
  | 'users.settle'
  | 'users.revoke'
  | 'users.remove'
  | 'users.list';

/** One operation, or several. */
export type StoreOperations = StoreOperation | readonly StoreOperation[];

/** When a fault holds. */
export interface FaultOptions {
  /** Only the next call. Default: each, until `recover()`. */
  once?: boolean;
}

/** A call that waits in the store. */
export interface HeldCall {
  /** Resolves when the call is there. */
  readonly arrived: Promise<void>;
  /** Lets it go on. */
  release(): void;
}

type Run = () => unknown;

interface Rule {
  /** Default: every operation. */
  readonly operations: readonly string[] | undefined;
  readonly once: boolean;
  act(run: Run): unknown;
}

/**
 * What a test may tell a store to do in place of answering. What is for one call comes first, in the order in which
 * it was given; else what was given last applies.
 */
export class StoreFaults {
  /** The operations that were called, in order: `['load', 'update']`. Empty it with `calls.length = 0`. */
  readonly calls: StoreOperation[] = [];
  private rules: Rule[] = [];
  private held: Barrier[] = [];

  /** @param known the operations that the store has */
  constructor(private readonly known: readonly StoreOperation[]) {}

  /**
   * The store is away: calls fail, and are not carried out.
   *
   * @param what which calls, or the error with which all fail; default every call
   * @param options.error default: an error that says it comes from here
   * @throws SessionConfigError `INVALID_OPTION` for an operation that the store does not have
   */
  fail(what?: StoreOperations | Error, options: FaultOptions & { error?: Error } = {}): void {
    const [operations, given] = what instanceof Error ? [undefined, what] : [what, options.error];
    const error = given ?? new Error('the store is away (FaultyStore)');
    this.add(operations, options, () => Promise.reject(error));
  }

  /** Calls are never answered, and not carried out: they end with `storeTimeout`, which a test makes short. */
  hang(operations?: StoreOperations, options: FaultOptions = {}): void {
    this.add(operations, options, () => new Promise(() => undefined));
  }

  /** Calls are carried out, but nobody gets the answer: they fail with `OUTCOME_UNKNOWN`. */
  loseReply(operations?: StoreOperations, options: FaultOptions = {}): void {
    this.add(operations, options, async (run) => {
      await run();
      throw outcomeUnknown(new Error('the reply was lost (FaultyStore)'));
    });
  }

  /** Holds the next call before it is carried out; `storeTimeout` limits for how long. */
  hold(operations?: StoreOperations): HeldCall {
    return this.holding(operations, (barrier) => async (run) => {
      await barrier.pass();
      return run();
    });
  }

  /** Carries the next call out, and holds the answer; `storeTimeout` limits for how long. */
  holdReply(operations?: StoreOperations): HeldCall {
    return this.holding(operations, (barrier) => async (run) => {
      try {
        return await run();
      } finally {
        await barrier.pass();
      }
    });
  }

  /** Ends all faults, and lets what is held go on. */
  recover(): void {
    this.rules = [];
    for (const barrier of this.held.splice(0)) barrier.open();
  }

  /** @internal */
  steer(operation: StoreOperation, run: Run, plainly: Run): unknown {
    this.calls.push(operation);
    const fitting = this.rules.filter(({ operations }) => operations?.includes(operation) ?? true);
    const rule = fitting.find(({ once }) => once) ?? fitting.at(-1);
    if (rule === undefined) return plainly();
    if (rule.once) this.rules = this.rules.filter((other) => other !== rule);
    return rule.act(run);
  }

  private holding(operations: StoreOperations | undefined, act: (barrier: Barrier) => Rule['act']): HeldCall {
    const barrier = new Barrier();
    this.add(operations, { once: true }, act(barrier));
    this.held.push(barrier);
    return {
      arrived: barrier.arrived,
      release: () => {
        barrier.open();
      },
    };
  }

  private add(operations: StoreOperations | undefined, { once = false }: FaultOptions, act: Rule['act']): void {
    const names = typeof operations === 'string' ? [operations] : operations;
    const unknown = names?.find((name) => !this.known.includes(name));
    if (unknown !== undefined) {
      throw new SessionConfigError(
        'INVALID_OPTION',
        `FaultyStore: the store has no operation ${unknown}; it has ${this.known.join(', ')}.`,
      );
    }
    this.rules.push({ operations: names, once, act });
  }
}
