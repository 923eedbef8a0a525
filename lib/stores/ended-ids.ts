import { BoundedMap } from './bounded-map.js';

/** How long a request that uses a session can reasonably be on its way, in ms. */
const REMEMBERED = 60_000;

/** Their number is bounded: an application that ends more sessions a minute is protected for less than one. */
const MAX_REMEMBERED = 10_000;

/**
 * The sessions that this process has ended within the last minute. A store that writes unconditionally may bring one
 * back: by a write that took effect late, or one of another program. This process does not see it again (law 6).
 */
export class EndedIds {
  private readonly ended = new BoundedMap<number>(MAX_REMEMBERED);

  add(id: string, now: number): void {
    this.ended.set(id, now);
  }

  has(id: string, now: number): boolean {
    const at = this.ended.get(id);
    if (at === undefined) return false;
    if (Math.abs(now - at) < REMEMBERED) return true;
    this.ended.delete(id);
    return false;
  }

  /** It is stored anew. */
  delete(id: string): void {
    this.ended.delete(id);
  }

  clear(): void {
    this.ended.clear();
  }
}
