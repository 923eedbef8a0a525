/** Splits a stream of PostgreSQL's protocol 3 into whole messages. The first of a client has no type byte. */
export class Messages {
  #bytes: Buffer = Buffer.alloc(0);
  #untyped: boolean;

  constructor(side: 'client' | 'server') {
    this.#untyped = side === 'client';
  }

  /** The messages that `chunk` completes; `type` is '' for the first of a client. */
  push(chunk: Buffer): { type: string; whole: Buffer; body: Buffer }[] {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const messages = [];
    for (;;) {
      const lengthAt = this.#untyped ? 0 : 1;
      if (this.#bytes.length < lengthAt + 4) return messages;
      const end = lengthAt + this.#bytes.readInt32BE(lengthAt);
      if (this.#bytes.length < end) return messages;
      messages.push({
        type: this.#bytes.toString('latin1', 0, lengthAt),
        whole: this.#bytes.subarray(0, end),
        body: this.#bytes.subarray(lengthAt + 4, end),
      });
      this.#bytes = this.#bytes.subarray(end);
      this.#untyped = false;
    }
  }
}

/** Texts that end with a zero byte, as many as `count`. */
export function textsOf(body: Buffer, count: number): string[] {
  return body.toString('utf8').split('\0', count);
}
