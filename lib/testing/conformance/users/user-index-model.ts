import type { UserIndexChoice, UserIndexEntry, UserIndexTerms } from '../../../stores/user-index.js';

interface ModelEntry {
  readonly id: string;
  readonly replaces: string | undefined;
  /** What it has replaced. */
  readonly replaced?: string | undefined;
  endsAt: number;
  state: 'pending' | 'settled' | 'revoked';
}

/** One user's entries in the plainest form: a list, oldest first, and what the contract says of it. */
export class UserIndexModel {
  private entries: ModelEntry[] = [];

  pass(now: number): void {
    this.entries = this.entries.filter(({ endsAt }) => endsAt > now);
  }

  /** Whether adding this would make a chain of entries that replace each other, which no session layer does. */
  makesChain(id: string, replaces: string): boolean {
    const isReplaced = this.entries.some((entry) => entry.replaces === id);
    return id === replaces || isReplaced || this.find(replaces)?.replaces !== undefined;
  }

  add(id: string, endsAt: number, terms: UserIndexTerms): boolean {
    const { replaces, isThere = false, max = Infinity, evict = [] } = terms;
    const present = this.find(id);
    if (present?.state === 'revoked') return false;
    if (present === undefined && isThere) return false;
    if (present !== undefined && (!isThere || present.replaces === undefined)) return true;
    if (replaces !== undefined) {
      if (!this.isValid(replaces)) return false;
    } else {
      const others = this.entries.filter((entry) => entry !== present && entry.state !== 'revoked');
      const taken = new Set(others.filter((entry) => !this.isLeft(entry)).map((entry) => this.seat(entry.id)));
      const excess = Math.max(0, taken.size + 1 - max);
      const offered = [...new Set(evict.map((victim) => this.seat(victim)))].filter((seat) => taken.has(seat));
      if (offered.length < excess) return false;
      const given = offered.slice(0, excess);
      for (const entry of others) if (given.includes(this.seat(entry.id))) entry.state = 'revoked';
    }
    const added: ModelEntry = { id, replaces, endsAt, state: 'pending' };
    if (present === undefined) this.entries.push(added);
    else this.entries[this.entries.indexOf(present)] = added;
    return true;
  }

  settle(id: string, endsAt: number): boolean {
    const entry = this.find(id);
    if (entry === undefined || entry.state === 'revoked' || this.isLeft(entry)) return false;
    const replaced = entry.replaces ?? entry.replaced;
    const settled: ModelEntry = { id, replaces: undefined, replaced, endsAt, state: 'settled' };
    this.entries = this.entries
      .filter((other) => other.id !== entry.replaces)
      .map((other) => (other === entry ? settled : other));
    return true;
  }

  revoke(choice: UserIndexChoice): string[] {
    const name = 'only' in choice ? choice.only : choice.except;
    const heirs = this.entries.filter(({ replaced }) => replaced !== undefined && replaced === name);
    const seats = name === undefined ? [] : [this.seat(name), ...heirs.map(({ id }) => id)];
    const taken = this.entries.filter(({ id }) => seats.includes(this.seat(id)) === 'only' in choice);
    for (const entry of taken) entry.state = 'revoked';
    return taken.map(({ id }) => id);
  }

  remove(ids: readonly string[]): void {
    this.entries = this.entries.filter(({ id }) => !ids.includes(id));
  }

  list(): UserIndexEntry[] {
    return this.entries.flatMap(({ id, state, replaces }) => {
      if (state === 'revoked') return [];
      return [{ id, settled: state === 'settled', ...(replaces !== undefined && { replaces }) }];
    });
  }

  revoked(): string[] {
    return this.entries.flatMap(({ id, state }) => (state === 'revoked' ? [id] : []));
  }

  private find(id: string): ModelEntry | undefined {
    return this.entries.find((entry) => entry.id === id);
  }

  private isValid(id: string): boolean {
    return (this.find(id)?.state ?? 'revoked') !== 'revoked';
  }

  /** Whether what this entry was to replace has gone. */
  private isLeft({ replaces }: ModelEntry): boolean {
    return replaces !== undefined && this.find(replaces) === undefined;
  }

  /** Entries with one seat go together and count as one. */
  private seat(id: string): string {
    return this.find(id)?.replaces ?? id;
  }
}
