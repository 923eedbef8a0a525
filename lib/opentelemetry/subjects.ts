import { SpanKind, type Attributes } from '@opentelemetry/api';
import type { SessionCommitMessage, StoreOperationMessage } from '../telemetry/channels.js';

/** How a channel's messages are shown: as spans, and in which histogram. */
export interface Subject<Message> {
  readonly histogram: 'operations' | 'commits';
  spanName(message: Message): string;
  spanKind(message: Message): SpanKind;
  /** The same for spans and metrics: of few values, and none of them somebody's. */
  attributes(message: Message): Attributes;
}

export const STORE_OPERATION: Subject<StoreOperationMessage> = {
  histogram: 'operations',
  spanName: ({ operation }) => `session.store.${operation}`,
  // In memory there is nobody else who is called (semantic conventions for database client spans).
  spanKind: ({ store }) => (store === 'MemoryStore' ? SpanKind.INTERNAL : SpanKind.CLIENT),
  attributes: ({ operation, store, layer }) => {
    const system = SYSTEMS.get(store);
    return {
      'session.store': store,
      'db.operation.name': operation,
      ...(system !== undefined && { 'db.system.name': system }),
      ...layerAttribute(layer),
    };
  },
};

export const COMMIT: Subject<SessionCommitMessage> = {
  histogram: 'commits',
  spanName: () => 'session.commit',
  spanKind: () => SpanKind.INTERNAL,
  attributes: ({ layer }) => layerAttribute(layer),
};

/** Whose sessions it is about; none for the default ones. */
export function layerAttribute(layer: string | undefined): Attributes {
  return layer === undefined ? {} : { 'session.layer': layer };
}

/** By the class of the store: connect-redis has the same name as ours, and the same system. */
const SYSTEMS: ReadonlyMap<string, string> = new Map([
  ['RedisStore', 'redis'],
  ['PostgresStore', 'postgresql'],
  ['SqliteStore', 'sqlite'],
]);
