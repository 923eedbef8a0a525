import type { DecodedText, Members } from './codec/decoded-texts.js';
import { copyOf, encodeMember, jsonCodec } from './codec/json.codec.js';
import { dataOf, type ReadData } from './session.data.js';
import type { Data } from './session.diff.js';
import type { SessionEngine } from './session.engine.js';
import { RESERVED_NAMES } from './session.js';

/** Data as it was read, and what others share of it: all of its objects, or nothing. */
export interface SharedRead extends ReadData {
  readonly shared: DecodedText | undefined;
}

/**
 * What the data of one request has in common with that of others who read the same text. With the codec of this package
 * a text is decoded once: its objects stand in the data of each of them, and each gives out copies only. And what of the
 * data has not changed since then has not to become text again.
 */
export class SharedData {
  private shared: DecodedText | undefined;
  /** The text that was made last, unless somebody could change something in its data. */
  private last: DecodedText | undefined;

  constructor(private readonly engine: SessionEngine) {}

  /** What the text of a session is as data. Until `took` the data is still that of the text before. */
  read(id: string | undefined, text: string): SharedRead {
    const { options, store } = this.engine;
    if (id === undefined || !this.isPossible) return { ...dataOf(options, text), shared: undefined };
    let shared = store.decoded.get(id, text);
    if (shared === undefined) {
      const data = options.codec.decode(text);
      // Only other programs can have stored such names; they are told of each time.
      if (Object.keys(data).some((key) => RESERVED_NAMES.has(key))) return { data, text, shared };
      shared = { data, text };
      store.decoded.set(id, shared);
    }
    return { data: shared.data, text, shared };
  }

  /** The data is now what `read` gave. */
  took({ shared }: SharedRead): void {
    this.shared = shared;
  }

  /** An object of the data as it may be given out: nobody else has it. */
  own(key: string | symbol, value: object): object {
    return typeof key === 'string' && this.isUnchanged(key, value) ? (copyOf(value) as object) : value;
  }

  /** Makes text of data that is not changed any more. */
  encode(data: Readonly<Data>): string {
    const { codec } = this.engine.options;
    if (!this.isPossible) return codec.encode(data);
    // Parts are dearer than the whole, and pay when a session is written again and again.
    const members = this.shared?.isOwn === true ? this.membersOf(data) : undefined;
    const text = members === undefined ? codec.encode(data) : `{${members.parts.join(',')}}`;
    this.last = this.isFixed(data) ? { text, data, isOwn: true, ...(members && { members }) } : undefined;
    return text;
  }

  /** Takes note of what is stored now: who reads it next has it decoded. */
  stored(id: string | undefined, text: string): void {
    if (id !== undefined && this.last?.text === text) this.engine.store.decoded.set(id, this.last);
  }

  /** The data is the same as that of another copy. */
  follow(other: SharedData): void {
    this.shared = other.shared;
  }

  private membersOf(data: Readonly<Data>): Members | undefined {
    const { members } = this.shared as DecodedText;
    const keys = Object.keys(data);
    const parts: string[] = [];
    for (const key of keys) {
      const at = parts.length;
      const isKnown = members?.keys[at] === key && this.isUnchanged(key, data[key]);
      const part = isKnown ? members.parts[at] : encodeMember(data, key);
      if (part === undefined) return undefined;
      parts.push(part);
    }
    return { keys, parts };
  }

  /** Whether data is what its text will be decoded to, and stays so: nothing is left out, and objects are shared ones. */
  private isFixed(data: Readonly<Data>): boolean {
    for (const key of Object.keys(data)) {
      const value = data[key];
      if (value === undefined) return false;
      if (typeof value === 'object' && value !== null && !this.isUnchanged(key, value)) return false;
    }
    return true;
  }

  /** Not by ===, which takes -0 for 0. */
  private isUnchanged(key: string, value: unknown): boolean {
    return this.shared !== undefined && Object.is(value, this.shared.data[key]);
  }

  /** Codecs of others may carry what can't be copied, and what a schema makes of a text may be something else each time. */
  private get isPossible(): boolean {
    const { codec, schema } = this.engine.options;
    return codec === jsonCodec && schema === undefined;
  }
}
