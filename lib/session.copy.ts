import { classOf } from './error-text.js';
import { isDeepStrictEqual } from 'node:util';
import { changesBetween, differs, type Data } from './session.diff.js';
import type { SessionEngine } from './session.engine.js';
import { checkStorable, dataOf } from './session.data.js';
import { isDataError, SessionDataError, SessionUsageError } from './session.errors.js';
import { ANONYMOUS, type SessionIdentity } from './session.identity.js';
import type { LiveReading } from './session.reading.js';
import { SharedData, type SharedRead } from './session.sharing.js';
import { checkName, RESERVED_NAMES, type TokenSession } from './session.js';
import { concluded } from './stores/awaitable.js';
import type { Awaitable, SessionRecord } from './stores/session-store.js';

/** A change of a draft in `update`; run again when another request was faster. */
export type Mutation = (draft: Data) => unknown;

/** A draft after its mutation: the whole as text, and what is new in it. */
export interface Draft {
  readonly data: Data;
  readonly text: string;
  readonly changes: ReadonlyMap<string, unknown>;
}

/** What of a session's data moves along to another: the keys named, or all there are. */
export type Keep = readonly string[] | typeof EVERYTHING;

export const EVERYTHING = Symbol('everything');

/** This process's copy of a session: its data, and what of it is stored. */
export class SessionCopy {
  /** Private to inspect and logs too (law 2), and so is the id: it may be the same. */
  #token: string | undefined;
  #id: string | undefined;
  record: SessionRecord | undefined;
  /** Whom the session belongs to: as it is stored, or shall be with the next write. */
  identity: SessionIdentity = ANONYMOUS;
  /** The data as it was read or stored last; what differs from it is a change. */
  private text = '';
  /** In place of data that the handler froze, once there is something to take in. */
  private thawed: Data | undefined;
  /** Keys that were assigned or deleted since the data was last stored, also to the value they had. */
  private assigned: Set<string> | undefined;
  /** Whether code outside may hold an object of the data, in which it can change something unseen. */
  private isOpenToChange = false;

  private readonly sharing: SharedData;

  constructor(
    private readonly engine: SessionEngine,
    private readonly data: TokenSession & Data,
  ) {
    this.sharing = new SharedData(engine);
  }

  get token(): string | undefined {
    return this.#token;
  }

  set token(token: string | undefined) {
    this.#token = token;
  }

  /** The key under which the store has the session. */
  get id(): string | undefined {
    return this.#id;
  }

  set id(id: string | undefined) {
    this.#id = id;
  }

  /** What may be shown of it. */
  get publicId(): string | undefined {
    const id = this.#id;
    return id === undefined ? undefined : this.engine.tokens.publicIdOf(id);
  }

  /** A copy of the same data that is not stored yet: for the same session under another token. */
  successor(identity: SessionIdentity): SessionCopy {
    const next = new SessionCopy(this.engine, this.data);
    next.identity = identity;
    next.follow(this);
    return next;
  }

  /** Takes over what a copy of the same data knows of them: where they stand, and what handlers did. */
  follow(other: SessionCopy): void {
    this.thawed = other.thawed;
    this.sharing.follow(other.sharing);
    this.isOpenToChange ||= other.isOpenToChange;
    for (const key of other.assigned ?? []) this.assign(key);
  }

  get isEmpty(): boolean {
    // A top-level undefined is as good as deleted.
    for (const key of Object.keys(this.data)) if ((this.data as Data)[key] !== undefined) return false;
    return true;
  }

  assign(key: string, value?: unknown): void {
    (this.assigned ??= new Set()).add(key);
    this.expose(value);
  }

  /** Takes note of a value that code outside may hold. */
  private expose(value: unknown): void {
    if (typeof value === 'object' && value !== null) this.isOpenToChange = true;
  }

  /** An object of the data as it may be given out: nobody else has it. */
  exposed(key: string | symbol, value: object): object {
    this.isOpenToChange = true;
    const own = this.sharing.own(key, value);
    if (own !== value) (this.data as Data)[key as string] = own;
    return own;
  }

  exposeAll(): void {
    for (const [key, value] of Object.entries(this.data)) {
      if (typeof value === 'object' && value !== null) this.exposed(key, value);
    }
  }

  /** What is stored, as data. Throws what `unusable` takes when it can't be used. */
  read({ text }: LiveReading): SharedRead {
    return this.sharing.read(this.id, text);
  }

  /**
   * Takes over what was read, in place of all there was.
   *
   * @throws SessionUsageError `NOT_SUPPORTED` for a session that its handler froze
   */
  replaceBy({ record, identity }: LiveReading, read: SharedRead): void {
    if (!Object.isExtensible(this.data)) {
      const hint = 'The session was frozen or sealed, so it can not take the stored data again: do not freeze it.';
      throw new SessionUsageError('NOT_SUPPORTED', hint);
    }
    this.clear();
    // Shared data was looked through when it was decoded.
    if (read.shared !== undefined) Object.assign(this.data, read.data);
    else this.takeOver(read.data);
    this.sharing.took(read);
    this.assigned = undefined;
    this.identity = identity;
    this.isOpenToChange = false;
    this.confirm(record, read.text);
  }

  private takeOver(data: Data): void {
    for (const key of Object.keys(data)) {
      // Only other programs can have stored such a name; it must not shadow the session's own.
      if (RESERVED_NAMES.has(key)) this.refused(`the stored data holds the reserved name "${key}", which is left out`);
      else (this.data as Data)[key] = data[key];
    }
  }

  /** Copies these keys from another session. */
  take(keep: Keep, from: SessionCopy): void {
    const { codec } = this.engine.options;
    // Everything: also what is not there any more.
    const source: Data = from.thawed ?? from.data;
    const keys = keep === EVERYTHING ? Object.keys({ ...this.data, ...source }) : keep;
    for (const key of keys) {
      checkName(key);
      // A copy: what is done to the old session's value must not reach the new one.
      if (Object.hasOwn(source, key) && source[key] !== undefined) {
        (this.data as Data)[key] = codec.decode(codec.encode({ value: source[key] }))['value'];
      } else Reflect.deleteProperty(this.data, key);
    }
  }

  /** Removes all data. */
  clear(): void {
    for (const key of Object.keys(this.data)) Reflect.deleteProperty(this.data, key);
  }

  /** The data as text, whether or not it is stored. */
  encode(): string {
    return this.encoded(() => this.sharing.encode(this.members()));
  }

  /** The data as text when it differs from what is stored; a new session without data has nothing to store. */
  changedText(): string | undefined {
    const { assigned, record } = this;
    if (record === undefined ? this.isEmpty : assigned === undefined && !this.isOpenToChange) return undefined;
    let text: string;
    try {
      text = this.sharing.encode(this.members());
    } catch (error) {
      // What was stored under other rules (by another program, say) may be read for ever.
      if (this.isAsStored()) return undefined;
      throw this.refuse(error);
    }
    // Text that another program wrote may say the same in another way.
    if (text === this.text || (assigned === undefined && this.isAsStored())) return undefined;
    return this.checkSize(text);
  }

  /** The data as they are stored. */
  storedData(): Data {
    return this.engine.options.codec.decode(this.text);
  }

  /** Whether something would be lost if this copy were dropped now. */
  get hasChanges(): boolean {
    try {
      return this.changedText() !== undefined;
    } catch {
      return true;
    }
  }

  /** Runs a mutation on a draft of the data. */
  async draft(text: string, mutation: Mutation): Promise<Draft> {
    const { codec } = this.engine.options;
    const draft = codec.decode(text);
    await mutation(draft);
    for (const key of Object.keys(draft)) checkName(key);
    return {
      data: draft,
      text: this.encoded(() => codec.encode(draft)),
      changes: changesBetween(codec, codec.decode(text), draft),
    };
  }

  /** Notes what is stored now, and puts what a mutation changed into the data. */
  confirm(record: SessionRecord, text: string, changes?: ReadonlyMap<string, unknown>): void {
    this.record = record;
    this.text = text;
    this.sharing.stored(this.id, text);
    if (changes !== undefined) this.apply(changes);
  }

  /**
   * Takes in what another request stored: the keys that it changed, but for those that this one
   * changed too (law 5). Values that stay keep their identity, as handlers may hold on to them.
   */
  takeIn({ record, text: stored, identity }: LiveReading): void {
    const { codec } = this.engine.options;
    const before = codec.decode(this.text);
    const { data, text } = dataOf(this.engine.options, stored);
    const theirs = changesBetween(codec, before, data);
    for (const key of theirs.keys()) {
      if (this.assigned?.has(key) === true || differs(codec, before, this.data, key)) theirs.delete(key);
    }
    this.apply(theirs);
    this.identity = identity;
    this.confirm(record, text);
  }

  /**
   * Runs a write of all that is assigned by now. If it fails, or gives what stood in its way, that
   * is still to be written.
   */
  writing<T>(write: () => Awaitable<T | undefined>): Awaitable<T | undefined> {
    const { assigned } = this;
    this.assigned = undefined;
    return concluded(
      write,
      (obstacle) => {
        if (obstacle !== undefined) this.assignAgain(assigned);
        return obstacle;
      },
      (error) => {
        this.assignAgain(assigned);
        throw error;
      },
    );
  }

  private assignAgain(keys: ReadonlySet<string> | undefined): void {
    for (const key of keys ?? []) this.assign(key);
  }

  private apply(changes: ReadonlyMap<string, unknown>): void {
    const data: Data = Object.isExtensible(this.data) ? this.data : (this.thawed ??= this.plain());
    for (const [key, value] of changes) {
      if (RESERVED_NAMES.has(key)) continue;
      if (value === undefined) Reflect.deleteProperty(data, key);
      else data[key] = value;
      // A mutation may have kept what it put in.
      this.expose(value);
    }
  }

  /** The data as a plain object, for code outside. */
  plain(keys?: readonly string[]): Data {
    this.exposeAll();
    const data = this.members();
    if (keys === undefined) return data;
    return Object.fromEntries(keys.filter((key) => Object.hasOwn(data, key)).map((key) => [key, data[key]]));
  }

  /** A plain object: codecs other than JSON refuse instances of classes. */
  private members(): Data {
    return { ...(this.thawed ?? this.data) };
  }

  private isAsStored(): boolean {
    if (this.text === '') return false;
    const stored = this.engine.options.codec.decode(this.text);
    for (const name of RESERVED_NAMES) Reflect.deleteProperty(stored, name);
    return isDeepStrictEqual(this.members(), stored);
  }

  private encoded(encode: () => string): string {
    let text: string;
    try {
      text = encode();
    } catch (error) {
      throw this.refuse(error);
    }
    return this.checkSize(text);
  }

  /** Refuses text that is about to be stored and that the schema does not take. */
  checkStorable(text: string): void {
    try {
      checkStorable(this.engine.options, text);
    } catch (error) {
      throw this.refuse(error);
    }
  }

  private checkSize(text: string): string {
    const { maxBytes } = this.engine.options;
    // A UTF-16 unit takes three bytes at most, so most sessions need no counting.
    if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return text;
    throw this.refuse(
      new SessionDataError(
        'DATA_TOO_LARGE',
        `The session's data takes ${String(Buffer.byteLength(text))} bytes, maxBytes allows ${String(maxBytes)}: ` +
          'store less in the session or raise maxBytes. What was stored before is intact.',
      ),
    );
  }

  private refuse(error: unknown): unknown {
    this.refused(
      isDataError(error) ? error.message : `the codec threw ${classOf(error)}: see the error of the request`,
    );
    return error;
  }

  private refused(reason: string): void {
    this.engine.events.emit({ type: 'data_refused', id: this.id, reason });
  }
}
