import type { SessionCodec } from './codec/session-codec.js';

export type Data = Record<string, unknown>;

/** Whether a top-level key has another value; values are compared as they would be stored. */
export function differs(codec: SessionCodec, before: Data, after: Data, key: string): boolean {
  return encoded(codec, before, key) !== encoded(codec, after, key);
}

/** The top-level keys that changed, with their new values; undefined for deleted ones. Never a deep merge. */
export function changesBetween(codec: SessionCodec, before: Data, after: Data): Map<string, unknown> {
  const changes = new Map<string, unknown>();
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (differs(codec, before, after, key)) changes.set(key, Object.hasOwn(after, key) ? after[key] : undefined);
  }
  return changes;
}

function encoded(codec: SessionCodec, data: Data, key: string): string | undefined {
  const value = Object.hasOwn(data, key) ? data[key] : undefined;
  return value === undefined ? undefined : codec.encode({ value });
}
