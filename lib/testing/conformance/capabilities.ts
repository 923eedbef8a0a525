import { SessionConfigError } from '../../session.errors.js';
import type { OpenStore, TestRunner } from './conformance-test.js';

/** What the suite can't see from a store. Everything is optional. */
export interface StoreCapabilities {
  /**
   * Which contract the store implements: `'atomic'`, the strong one, or `'simple'` (get, set, destroy). A simple
   * store is held to the rules of its own contract, and within one process to those of the strong one. Default `'atomic'`.
   */
  readonly contract?: 'atomic' | 'simple';
  /**
   * The driver, or a proxy, may send a command again whose reply was lost: a write that was carried out has to be
   * known as such, though others have written since. Default false.
   */
  readonly resends?: boolean;
  /**
   * Opens another store on the same data, as another process does; it is given what the factory was given in the same
   * test, so that it may be the factory. With it two stores take turns in the rules, and meet in races. Default: none.
   */
  readonly reopen?: OpenStore;
  /** The largest payload that is kept, in bytes of UTF-8. From 65,536, the session layer's own limit. Default 1,000,000. */
  readonly maxPayload?: number;
  /**
   * The backend removes ended sessions by a clock of its own, which no test can move: till then `count` may count
   * them. Default false: `count` goes by the clock that `attach` gives.
   */
  readonly expiresByItself?: boolean;
  /** Whether the store has an index of users. Default: its rules hold for a store that has `users`. */
  readonly users?: boolean;
  /** Whether the store has `sweep`. Default: its rules hold for a store that has it. */
  readonly sweep?: boolean;
  /** Whether the store has `count`. Default: its rules hold for a store that has it. */
  readonly count?: boolean;
  /** Whether the store has `clear`. Default: its rules hold for a store that has it. */
  readonly clear?: boolean;
  /** Whether the store has `endings`. Default: its rules hold for a store that has it. */
  readonly endings?: boolean;
  /** How many sessions one call of `sweep` looks at or removes at most; with it that is tested. Default: any number. */
  readonly sweepBatch?: number;
  /**
   * Where random operations begin: the same number gives the same ones. The environment variable
   * `SESSION_STORE_SEED` comes before it. Default 1.
   */
  readonly seed?: number;
}

/** The same with every default; `undefined` of an ability: whatever the store has. */
export interface ResolvedCapabilities {
  readonly contract: 'atomic' | 'simple';
  readonly resends: boolean;
  readonly reopen: OpenStore | undefined;
  readonly maxPayload: number;
  readonly expiresByItself: boolean;
  readonly sweepBatch: number | undefined;
  readonly abilities: Abilities;
  readonly seed: number;
}

export type Ability = 'users' | 'sweep' | 'count' | 'clear' | 'endings';

/** What a store has; undefined: whatever it has. */
export type Abilities = Readonly<Record<Ability, boolean | undefined>>;

/** Names the variable of the environment that sets the seed. */
export const SEED_VARIABLE = 'SESSION_STORE_SEED';

const LEAST_PAYLOAD = 65_536;

const FLAGS = ['resends', 'expiresByItself', 'users', 'sweep', 'count', 'clear', 'endings'] as const;
const NAMES: readonly string[] = ['contract', 'reopen', 'maxPayload', 'sweepBatch', 'seed', ...FLAGS];

/**
 * The only place with defaults and checks.
 *
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function resolveCapabilities(capabilities: StoreCapabilities): ResolvedCapabilities {
  if (typeof capabilities !== 'object' || (capabilities as object | null) === null || Array.isArray(capabilities)) {
    refuse(`takes the store's capabilities as its third argument, {} for none; got ${shown(capabilities)}`);
  }
  for (const name of Object.keys(capabilities)) {
    if (!NAMES.includes(name)) refuse(`knows no capability ${name}; it knows ${NAMES.join(', ')}`);
  }
  for (const name of FLAGS) {
    const value: unknown = capabilities[name];
    if (value !== undefined && typeof value !== 'boolean') {
      refuse(`capability ${name} takes true or false; got ${shown(value)}`);
    }
  }
  const {
    contract = 'atomic',
    resends = false,
    reopen,
    maxPayload = 1_000_000,
    expiresByItself = false,
  } = capabilities;
  const { users, sweep, count, clear, endings, sweepBatch, seed = 1 } = capabilities;
  if (!['atomic', 'simple'].includes(contract)) {
    refuse(`capability contract takes 'atomic' or 'simple'; got ${shown(contract)}`);
  }
  if (reopen !== undefined && !isFunction(reopen)) {
    refuse(`capability reopen takes a function that opens another store on the same data; got ${shown(reopen)}`);
  }
  if (!Number.isSafeInteger(maxPayload) || maxPayload < LEAST_PAYLOAD) {
    refuse(
      `capability maxPayload takes a whole number of bytes from ${String(LEAST_PAYLOAD)} on; got ${shown(maxPayload)}`,
    );
  }
  if (sweepBatch !== undefined && (!Number.isSafeInteger(sweepBatch) || sweepBatch < 1)) {
    refuse(`capability sweepBatch takes a whole number of at least 1; got ${shown(sweepBatch)}`);
  }
  const abilities = { users, sweep, count, clear, endings };
  return { contract, resends, reopen, maxPayload, expiresByItself, sweepBatch, abilities, seed: seedOf(seed) };
}

/** @throws SessionConfigError `INVALID_OPTION` */
export function checkArguments(name: string, factory: OpenStore, runner: TestRunner): void {
  if (typeof name !== 'string' || name === '')
    refuse(`takes the store's name as its first argument; got ${shown(name)}`);
  if (!isFunction(factory)) {
    refuse(`takes a function that opens a store as its second argument, () => new MyStore(); got ${shown(factory)}`);
  }
  const { describe, it } = { ...(runner as Partial<TestRunner> | undefined) };
  if (typeof describe !== 'function' || typeof it !== 'function') {
    refuse('takes { describe, it } of the test runner as its fourth argument');
  }
}

function seedOf(seed: unknown): number {
  const told = process.env[SEED_VARIABLE];
  const chosen = told === undefined || told === '' ? seed : Number(told);
  if (Number.isSafeInteger(chosen)) return chosen as number;
  refuse(`capability seed and ${SEED_VARIABLE} take a whole number; got ${shown(told ?? seed)}`);
}

/** No class, which can't be called. */
function isFunction(value: unknown): boolean {
  return typeof value === 'function' && !isClass(value);
}

/** The prototype of a class is fixed, and that of no function. */
function isClass(value: object): boolean {
  return Object.getOwnPropertyDescriptor(value, 'prototype')?.writable === false;
}

function refuse(text: string): never {
  throw new SessionConfigError('INVALID_OPTION', `describeSessionStore ${text}.`);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'function') return isClass(value) ? `the class ${value.name}` : 'a function';
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
