import { hasMethods, invalid } from './session.checks.js';
import type { Data } from './session.diff.js';
import { isPromise } from './stores/awaitable.js';

/**
 * A schema of a session's data: any Standard Schema (https://standardschema.dev), as zod, valibot and arktype make
 * them. It has to answer at once, without a promise, and to do nothing but that.
 */
export interface SessionSchema<Output extends object = object> {
  /** Where the standard puts it, in its version 1. */
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: unknown; readonly output: Output } | undefined;
  };
}

/** What a schema says of data: what it makes of them, or what is wrong. */
type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly { readonly message: string; readonly path?: readonly unknown[] | undefined }[] };

/**
 * The data of a session by its schema.
 *
 * ```ts
 * views(@Session() sess: Session<InferSession<typeof schema>>) { … }
 * declare module 'nestjs-token-session' { interface SessionData extends InferSession<typeof schema> {} }
 * ```
 */
export type InferSession<Schema extends SessionSchema> = NonNullable<Schema['~standard']['types']>['output'];

/** What `migrate` has to give: what the schema takes, without what it fills in. */
export type MigratedData<Schema extends SessionSchema> = NonNullable<
  Schema['~standard']['types']
>['input'] extends infer Input extends object
  ? Input
  : object;

/** A schema as the session layer uses it. */
export interface DataSchema {
  validate(data: Data): unknown;
  readonly migrate: ((old: Data) => unknown) | undefined;
  /** Whether sessions are removed whose data do not fit. */
  readonly discards: boolean;
}

const MISMATCHES: readonly unknown[] = ['keep', 'discard'];

/**
 * Checks what the options say of a schema.
 *
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function checkedSchema(schema: unknown, migrate: unknown, onDataMismatch: unknown): DataSchema | undefined {
  if (!MISMATCHES.includes(onDataMismatch)) invalid('onDataMismatch', onDataMismatch, "'keep' or 'discard'");
  if (migrate !== undefined) {
    if (typeof migrate !== 'function') invalid('migrate', migrate, 'a function of the old data that gives the new');
    if (isAsync(migrate)) invalid('migrate', 'one that is async', 'a function that gives the data themselves');
    if (schema === undefined) invalid('migrate', migrate, 'a schema beside it, which says what has to be migrated');
  }
  if (schema === undefined) return undefined;
  const standard = standardOf(schema);
  if (givesPromises(standard))
    invalid('schema', 'one that is asynchronous', 'one that gives its result without a promise');
  return {
    // As its method: a schema may need to be called so.
    validate: (data) => standard.validate(data),
    migrate: migrate as DataSchema['migrate'],
    discards: onDataMismatch === 'discard',
  };
}

function standardOf(schema: unknown): SessionSchema['~standard'] {
  // A schema of arktype is a function.
  const isHolder = (typeof schema === 'object' && schema !== null) || typeof schema === 'function';
  const standard = isHolder ? (schema as { '~standard'?: unknown })['~standard'] : undefined;
  if (!hasMethods(standard, ['validate']) || (standard as { version?: unknown }).version !== 1) {
    invalid('schema', schema, 'a Standard Schema of version 1, as zod (from 3.24), valibot and arktype make them');
  }
  return standard as SessionSchema['~standard'];
}

/** Whether a schema gives promises, as far as no data show; the others tell it when they are first used. */
function givesPromises(standard: SessionSchema['~standard']): boolean {
  if (isAsync(standard.validate)) return true;
  try {
    const result: unknown = standard.validate({});
    if (!isPromise(result)) return false;
    result.then(undefined, () => undefined);
    return true;
  } catch {
    // No session is ever checked without data.
    return false;
  }
}

function isAsync(value: object): boolean {
  return Object.prototype.toString.call(value) === '[object AsyncFunction]';
}
