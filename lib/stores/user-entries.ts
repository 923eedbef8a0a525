import type { UserIndexAddition, UserIndexEntry, UserIndexTerms } from './user-index.js';

/** An entry as it is kept. Times are in ms since the epoch. */
interface Entry {
  endsAt: number;
  settled: boolean;
  revoked: boolean;
  replaces?: string;
}

/** All entries of one user, and what the {@link UserIndex} does with them. */
export class UserEntries {
  private readonly entries: Map<string, Entry>;

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
    return Math.max(0, ...[...this.entries.values()].map(({ endsAt }) => endsAt));
  }

  add(id: string, lifetime: number, { replaces, max, evict = [] }: UserIndexTerms, now: number): UserIndexAddition {
    this.forgetEnded(now);
    const earlier = this.entries.get(id);
    if (earlier !== undefined) return { added: !earlier.revoked, evicted: [] };
    if (replaces !== undefined && this.entries.get(replaces)?.revoked !== false) return REFUSED;
    const excess = max === undefined || replaces !== undefined ? 0 : this.count() + 1 - max;
    // One is enough that makes room: an entry and the one that it replaces count as one.
    const victims = excess > 0 ? evict.filter((victim) => this.counts(victim)).slice(0, excess) : [];
    if (victims.length < excess) return REFUSED;
    const evicted = victims.flatMap((victim) => this.revoke({ only: victim }, now));
    this.entries.set(id, { endsAt: now + lifetime, settled: false, revoked: false, ...(replaces && { replaces }) });
    return { added: true, evicted };
  }

  settle(id: string, lifetime: number, now: number): boolean {
    this.forgetEnded(now);
    const entry = this.entries.get(id);
    if (entry?.revoked !== false) return false;
    if (entry.replaces !== undefined) this.entries.delete(entry.replaces);
    this.entries.set(id, { endsAt: now + lifetime, settled: true, revoked: false });
    return true;
  }

  revoke({ only, except }: { readonly only?: string; readonly except?: string }, now: number): string[] {
    this.forgetEnded(now);
    const chosen = [...this.entries].filter(
      ([id, entry]) =>
        (only === undefined || this.belongTogether(id, entry, only)) &&
        (except === undefined || !this.belongTogether(id, entry, except)),
    );
    for (const [, entry] of chosen) entry.revoked = true;
    return chosen.map(([id]) => id);
  }

  remove(ids: readonly string[]): void {
    for (const id of ids) this.entries.delete(id);
  }

  list(now: number): UserIndexEntry[] {
    this.forgetEnded(now);
    return [...this.entries].filter(([, { revoked }]) => !revoked).map(([id, { settled }]) => ({ id, settled }));
  }

  private count(): number {
    return [...this.entries.keys()].filter((id) => this.counts(id)).length;
  }

  /** Whether an entry counts as one: not when another that it replaces counts already. */
  private counts(id: string): boolean {
    const entry = this.entries.get(id);
    if (entry?.revoked !== false) return false;
    return entry.replaces === undefined || this.entries.get(entry.replaces)?.revoked !== false;
  }

  private belongTogether(id: string, entry: Entry, other: string): boolean {
    return id === other || entry.replaces === other || this.entries.get(other)?.replaces === id;
  }

  private forgetEnded(now: number): void {
    for (const [id, { endsAt }] of this.entries) if (endsAt <= now) this.entries.delete(id);
  }
}

const REFUSED: UserIndexAddition = { added: false, evicted: [] };
