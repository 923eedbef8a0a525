/**
 * Turns a session's data into text and back.
 *
 * `encode` must be deterministic (the same data gives the same text: that is how a change is
 * noticed) and must throw a `SessionDataError` for data that `decode` would not give back equal.
 *
 * A codec that keeps records secret has `seal` and `open` too, both of them: they run at the border to
 * the store only, on the whole of what is stored in a record, so a seal may differ each time.
 */
export interface SessionCodec {
  /** Gives text from which `decode` makes equal data; throws a `SessionDataError` where there is none. */
  encode(data: Readonly<Record<string, unknown>>): string;
  /** Gives a plain object; throws on text that `encode` can't have written. */
  decode(text: string): Record<string, unknown>;
  /** Seals a record's text, so that it opens with an equal context only. */
  seal?(text: string, context: SealContext): string;
  /** Opens what `seal` gave. When it throws, the record is kept, and the request gets 503. */
  open?(sealed: string, context: SealContext): SealOpening;
  /** What becomes of records without a seal, where there is `seal`. Default `'refuse'`. */
  readonly plainText?: PlainText | undefined;
}

/**
 * Records without a seal: `'refuse'`, they are removed as corrupt; `'read'`, they are read, and sealed at
 * their next write; `'write'`, all records are written so, and sealed ones are only opened.
 */
export type PlainText = 'refuse' | 'read' | 'write';

/**
 * What a seal is bound to: which session, whose, and how long it lives at most. Not its last use, which
 * moves while the data stays. Times are whole ms.
 */
export interface SealContext {
  /** The key under which the store has the session. */
  readonly id: string;
  /** The user that the session is bound to, if any. */
  readonly userId: string | undefined;
  /** In ms since the epoch. */
  readonly startedAt: number;
  /** In ms. */
  readonly idleTimeout: number;
  /** In ms. */
  readonly absoluteTimeout: number;
}

/** What came of opening a seal. */
export type SealOpening =
  | { readonly kind: 'opened'; readonly text: string }
  /** Altered, cut, or sealed in another context: it never opens. The record is removed. */
  | { readonly kind: 'broken' }
  /** Sealed by a key that is not here, perhaps not yet. The record is kept. */
  | { readonly kind: 'unknown-key'; readonly keyId: string };
