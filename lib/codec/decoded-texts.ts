import type { Data } from '../session.diff.js';

/** Of how many characters of text the data is kept, in each of two generations: some 370 sessions of 400 characters. */
const GENERATION = 262_144;

/** What an entry takes besides, as if it were text. */
const OVERHEAD = 300;

/** Longer texts would drive out those of many sessions. */
const LONGEST = GENERATION / 4;

/** The keys of data, and what stands in its text for each of them. */
export interface Members {
  readonly keys: readonly string[];
  readonly parts: readonly string[];
}

/** A text, and what it is as data. */
export interface DecodedText {
  readonly text: string;
  readonly data: Readonly<Data>;
  /** Whether a request here has stored it. */
  readonly isOwn?: boolean;
  /** The text's parts, where it was made of such: one for each key, in this order. */
  readonly members?: Members;
}

/**
 * What texts of sessions are as data, for as long as requests keep coming for them: bursts of requests decode a session
 * once. The data is shared, so nobody may change it, and handlers get copies.
 */
export class DecodedTexts {
  /** Private to inspect and logs too: the keys may be secrets (law 2), and the values are what users have stored. */
  #young = new Map<string, DecodedText>();
  #old = new Map<string, DecodedText>();
  /** Characters of all texts in the young generation, also of those that were replaced. */
  #size = 0;

  /** What this text of a session is; undefined when that is not known. */
  get(id: string, text: string): DecodedText | undefined {
    const young = this.#young.get(id);
    if (young !== undefined) return young.text === text ? young : undefined;
    const old = this.#old.get(id);
    if (old?.text !== text) return undefined;
    this.keep(id, old);
    return old;
  }

  set(id: string, decoded: DecodedText): void {
    if (decoded.text.length <= LONGEST) this.keep(id, decoded);
  }

  delete(id: string): void {
    this.#young.delete(id);
    this.#old.delete(id);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#size = 0;
  }

  private keep(id: string, decoded: DecodedText): void {
    this.#young.set(id, decoded);
    this.#size += decoded.text.length + OVERHEAD;
    if (this.#size <= GENERATION) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#size = 0;
  }
}
