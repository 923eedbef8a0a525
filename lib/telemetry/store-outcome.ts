import { isRecord } from '../session.record.js';
import type { StoreOperation } from '../stores/store-access.js';
import type { UpdateResult } from '../stores/session-store.js';
import type { UserIndexAddition } from '../stores/user-index.js';

/**
 * What came of a store's operation, where it answered:
 *
 * - `load`: `found`, `missing`, or `unreadable` when it gave something that is no record
 * - `create`: `created`, or `exists` when the id is taken
 * - `update`: `updated`, `missing`, or `conflict` when another request was faster
 * - `touch`: `touched`, `missing`
 * - `destroy`: `destroyed`, `missing`, or `conflict` when it is there in another version than the one to be ended
 * - `users.add`: `added`, or `refused` when the user has as many as may be; `users.settle`: `settled`, `missing`
 * - all others: `done`
 */
export type StoreOutcome =
  | 'found'
  | 'missing'
  | 'unreadable'
  | 'created'
  | 'exists'
  | 'updated'
  | 'conflict'
  | 'touched'
  | 'destroyed'
  | 'added'
  | 'refused'
  | 'settled'
  | 'done';

/** @param version the one that was to be ended, of a `destroy` that names one */
export function outcomeOf(operation: StoreOperation, result: unknown, version: string | undefined): StoreOutcome {
  switch (operation) {
    case 'load':
      if (result === undefined || result === null) return 'missing';
      return isRecord(result) ? 'found' : 'unreadable';
    case 'create':
      return result === true ? 'created' : 'exists';
    case 'update':
      return (result as UpdateResult).status;
    case 'touch':
      return result === true ? 'touched' : 'missing';
    case 'destroy':
      if (result === undefined || result === null) return 'missing';
      return version !== undefined && isRecord(result) && result.version !== version ? 'conflict' : 'destroyed';
    case 'users.add':
      return (result as UserIndexAddition).added ? 'added' : 'refused';
    case 'users.settle':
      return result === true ? 'settled' : 'missing';
    default:
      return 'done';
  }
}
