import type { UserIndexAddition, UserIndexChoice, UserIndexEntry, UserIndexTerms } from './user-index.js';

/** An entry as it is kept. Times are in ms since the epoch. */
interface Entry {
  endsAt: number;
  settled: boolean;
  revoked: boolean;
  /** The entry whose place this one is to take. */
  replaces?: string;
  /** The entry whose place it took. */
  replaced?: string;
}

/** All entries of one user, and what the {@link UserIndex} does with them. */
export class UserEntries {
  private readonly entries: Map<string, Entry>;
  /** No entry ends before this time: until then nobody has to look for one. */
  private quietUntil = 0;
  private mayHaveRevoked = true;

  /** @param stored what `stored()` gave */
  constructor(stored: Iterable<readonly [string, Readonly<Entry>]> = []) {
    this.entries = new Map([...stored].map(([id, entry]) => [id, { ...entry }]));
  }

  /** The entries as plain JSON. */
  stored(): [string, Entry][] {
    return [...this.entries];
  }

  get isEmpty(): boolean {
    return this.entries.size === 0;
  }

  /** When the last entry ends. */
  get endsAt(): number {
    let last = 0;
    for (const { endsAt } of this.entries.values()) last = Math.max(last, endsAt);
    return last;
  }

  add(id: string, lifetime: number, terms: UserIndexTerms, now: number): UserIndexAddition {
    this.forgetEnded(now);
    const { replaces, isThere = false } = terms;
    const earlier = this.entries.get(id);
    const isAgain = earlier?.revoked === false && (!isThere || earlier.replaces === undefined);
    const mayAdd = isThere ? earlier?.revoked === false : earlier === undefined;
    const added = isAgain || (mayAdd && this.admits(id, terms));
    if (added && !isAgain) {
      const entry = { endsAt: now + lifetime, settled: false, revoked: false };
      this.entries.set(id, replaces === undefined ? entry : { ...entry, replaces });
      this.quietUntil = Math.min(this.quietUntil, now + lifetime);
    }
    return { added, revoked: this.revoked() };
  }

  settle(id: string, lifetime: number, now: number): boolean {
    this.forgetEnded(now);
    const entry = this.entries.get(id);
    if (entry?.revoked !== false || this.isOrphan(entry)) return false;
    const replaced = entry.replaces ?? entry.replaced;
    if (entry.replaces !== undefined) this.entries.delete(entry.replaces);
    const settled = { endsAt: now + lifetime, settled: true, revoked: false };
    this.entries.set(id, replaced === undefined ? settled : { ...settled, replaced });
    this.quietUntil = Math.min(this.quietUntil, now + lifetime);
    return true;
  }

  revoke(choice: UserIndexChoice, now: number): string[] {
    this.forgetEnded(now);
    const named = 'only' in choice ? choice.only : choice.except;
    const places = named === undefined ? undefined : this.placesOf(named);
    const chosen: string[] = [];
    for (const [id, entry] of this.entries) {
      const isNamed = places?.has(this.placeOf(id)) === true;
      if (isNamed !== 'only' in choice) continue;
      entry.revoked = true;
      chosen.push(id);
    }
    this.mayHaveRevoked ||= chosen.length > 0;
    return chosen;
  }

  remove(ids: readonly string[]): void {
    for (const id of ids) this.entries.delete(id);
  }

  list(now: number): UserIndexEntry[] {
    this.forgetEnded(now);
    return [...this.entries]
      .filter(([, { revoked }]) => !revoked)
      .map(([id, { settled, replaces }]) => (replaces === undefined ? { id, settled } : { id, settled, replaces }));
  }

  private admits(id: string, { replaces, max, evict = [] }: UserIndexTerms): boolean {
    if (replaces !== undefined) return this.entries.get(replaces)?.revoked === false;
    return max === undefined || this.makeRoom(id, max, evict);
  }

  /** Revokes entries until one more is within `max`; false, and nothing changed, when they are too few. */
  private makeRoom(id: string, max: number, evict: readonly string[]): boolean {
    const places = new Set<string>();
    for (const [other, entry] of this.entries) {
      if (!entry.revoked && other !== id && !this.isOrphan(entry)) places.add(this.placeOf(other));
    }
    const excess = places.size + 1 - max;
    if (excess <= 0) return true;
    const victims = [...new Set(evict.map((victim) => this.placeOf(victim)))].filter((place) => places.has(place));
    if (victims.length < excess) return false;
    const chosen = new Set(victims.slice(0, excess));
    for (const [other, entry] of this.entries) {
      if (other !== id && chosen.has(this.placeOf(other))) entry.revoked = true;
    }
    this.mayHaveRevoked = true;
    return true;
  }

  /** Whether the entry that this one was to replace is gone: then it has no place until it is added for itself. */
  private isOrphan({ replaces }: Entry): boolean {
    return replaces !== undefined && !this.entries.has(replaces);
  }

  /** An entry and those that are to replace it have one place between them. */
  private placeOf(id: string): string {
    return this.entries.get(id)?.replaces ?? id;
  }

  /** The place that an id has, and that of the one that has replaced it. */
  private placesOf(id: string): Set<string> {
    const places = new Set([this.placeOf(id)]);
    for (const [other, { replaced }] of this.entries) if (replaced === id) places.add(this.placeOf(other));
    return places;
  }

  private revoked(): string[] {
    if (!this.mayHaveRevoked) return [];
    const ids = [...this.entries].filter(([, { revoked }]) => revoked).map(([id]) => id);
    this.mayHaveRevoked = ids.length > 0;
    return ids;
  }

  private forgetEnded(now: number): void {
    if (now < this.quietUntil) return;
    this.quietUntil = Infinity;
    for (const [id, { endsAt }] of this.entries) {
      if (endsAt <= now) this.entries.delete(id);
      else this.quietUntil = Math.min(this.quietUntil, endsAt);
    }
  }
}

/** Whether this is what `stored()` gives: other programs may have written it (S52). */
export function areEntries(value: unknown): value is [string, Entry][] {
  if (!Array.isArray(value)) return false;
  return value.every((pair: unknown) => {
    if (!Array.isArray(pair) || typeof pair[0] !== 'string') return false;
    const entry = pair[1] as Partial<Record<keyof Entry, unknown>> | null;
    return typeof entry === 'object' && entry !== null && Number.isFinite(entry.endsAt);
  });
}
