/** Splits a stream of RESP2 or RESP3 into whole messages; what is no RESP passes as it comes. */
export class Frames {
  #bytes: Buffer = Buffer.alloc(0);

  /** The messages that `chunk` completes. */
  push(chunk: Buffer): Buffer[] {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const whole: Buffer[] = [];
    for (let start = 0; ;) {
      const end = frameEnd(this.#bytes, start);
      if (end === undefined) {
        this.#bytes = this.#bytes.subarray(start);
        return whole;
      }
      whole.push(this.#bytes.subarray(start, end));
      start = end;
    }
  }
}

/** A command as text: its words, or the line when it came as a line. Drivers differ in the case of its name. */
export function textOf(frame: Buffer): string {
  const text = frame.toString('utf8');
  const words = text.startsWith('*') ? wordsOf(frame) : text.trimEnd().split(' ');
  return [words[0]?.toUpperCase(), ...words.slice(1)].join(' ');
}

/** Whether it is no reply to a command. */
export function isPush(frame: Buffer): boolean {
  return frame.toString('latin1', 0, 1) === '>';
}

/** How many messages follow the first line of one. */
const ITEMS: Record<string, (length: number) => number> = {
  '*': (length) => length,
  '~': (length) => length,
  '>': (length) => length,
  '%': (length) => length * 2,
  // What it describes comes after it.
  '|': (length) => length * 2 + 1,
};
const TEXTS = '$!=';

function frameEnd(bytes: Buffer, start: number): number | undefined {
  const lineEnd = bytes.indexOf('\r\n', start);
  if (lineEnd < 0) return undefined;
  const type = bytes.toString('latin1', start, start + 1);
  const length = Number(bytes.toString('latin1', start + 1, lineEnd));
  let end: number | undefined = lineEnd + 2;
  if (TEXTS.includes(type) && length >= 0) end += length + 2;
  for (let left = ITEMS[type]?.(length) ?? 0; left > 0 && end !== undefined; left--) end = frameEnd(bytes, end);
  return end !== undefined && end <= bytes.length ? end : undefined;
}

function wordsOf(frame: Buffer): string[] {
  const words: string[] = [];
  let at = frame.indexOf('\r\n') + 2;
  while (at < frame.length) {
    const lineEnd = frame.indexOf('\r\n', at);
    const length = Number(frame.toString('latin1', at + 1, lineEnd));
    words.push(frame.toString('utf8', lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
  return words;
}
