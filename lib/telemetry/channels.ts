import { channel, tracingChannel } from 'node:diagnostics_channel';
import type { SessionEventType } from '../session.events.js';
import type { StoreOperation } from '../stores/store-access.js';
import type { StoreOutcome } from './store-outcome.js';

/** How something ended, filled in by then: exactly one of the two. */
interface TraceEnd<Outcome extends string> {
  /** What came of it. */
  outcome?: Outcome;
  /** Why it failed: the `code` of our error, or else the class of what was thrown. */
  errorType?: string;
}

/** Whose sessions it is about, where an application has several. */
interface OfLayer {
  /** The name of the session layer, as `forRoot` has it; not there for the default one. */
  readonly layer?: string;
}

/** What `tracing:nestjs-token-session:store:*` tells: one operation of a store. No id, no token, no data, no user. */
export interface StoreOperationMessage extends TraceEnd<StoreOutcome>, OfLayer {
  /** What the store was asked, as its contract names it; `users.…` of the index of users. */
  readonly operation: StoreOperation;
  /** The store's class, or the name that it gives itself. */
  readonly store: string;
}

/**
 * What `tracing:nestjs-token-session:commit:*` tells: the changes of one session on their way to the store, before the
 * answer or by `save` and `update`. It may take several operations, as conflicts are tried again.
 */
export type SessionCommitMessage = TraceEnd<'stored'> & OfLayer;

/** What `nestjs-token-session:event` tells: that something happened, and not to whom. `events$` tells more. */
export interface SessionEventMessage extends OfLayer {
  /** The name of the event. */
  readonly type: SessionEventType;
}

/** That part of a message, of a session layer with this name. */
export function ofLayer(name: string | undefined): OfLayer {
  return name === undefined ? {} : { layer: name };
}

// By name, so both copies of this package that can meet in one process tell the same subscribers.

export const STORE_CHANNEL = tracingChannel<unknown, StoreOperationMessage>('nestjs-token-session:store');

export const COMMIT_CHANNEL = tracingChannel<unknown, SessionCommitMessage>('nestjs-token-session:commit');

export const EVENT_CHANNEL = channel('nestjs-token-session:event');
