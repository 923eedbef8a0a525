import type { AtomicSessionStore } from './session-store.js';

/** How a store is called in traces and metrics: as it calls itself, or else by its class. */
export function storeNameOf(store: AtomicSessionStore): string {
  const { name, constructor } = store as { name?: unknown; constructor?: { name?: unknown } };
  const told = name ?? constructor?.name;
  return typeof told === 'string' && told !== '' && told !== 'Object' ? told : 'unnamed';
}
