/**
 * Turns a session's data into text and back.
 *
 * `encode` must be deterministic (the same data gives the same text: that is how a change is
 * noticed) and must throw a `SessionDataError` for data that `decode` would not give back equal.
 */
export interface SessionCodec {
  encode(data: Readonly<Record<string, unknown>>): string;
  /** Gives a plain object; throws on text that `encode` can't have written. */
  decode(text: string): Record<string, unknown>;
}
