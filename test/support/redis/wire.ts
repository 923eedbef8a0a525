import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export type Reply = string | number | null | Reply[] | Error;

/** A connection without a driver, for what a test asks a server itself: RESP2, one reply per command, in order. */
export class Wire {
  /** Sees replies that no command waits for, such as those of MONITOR. */
  onPush: (reply: Reply) => void = () => undefined;
  onEnd: (error: Error) => void = () => undefined;

  readonly #socket: Socket;
  readonly #waiting: { resolve: (reply: Reply) => void; reject: (error: Error) => void }[] = [];
  #received = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    const end = (error: Error = new Error('The connection was closed')) => {
      for (const { reject } of this.#waiting.splice(0)) reject(error);
      this.onEnd(error);
    };
    socket.on('data', (bytes) => this.#take(bytes));
    socket.on('error', end);
    socket.on('close', () => end());
  }

  static async open(port: number): Promise<Wire> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new Wire(socket);
  }

  /** Sends a command; an error reply rejects. A server that does not answer in time loses the connection. */
  call(...words: (string | number)[]): Promise<Reply> {
    if (this.#socket.destroyed) return Promise.reject(new Error('The connection was closed'));
    this.#socket.setTimeout(5_000, () => {
      if (this.#waiting.length > 0) this.#socket.destroy(new Error(`No answer to ${words.join(' ')}`));
    });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.write(encode(words));
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
    for (;;) {
      const parsed = parseReply(this.#received, 0);
      if (parsed === undefined) return;
      this.#received = this.#received.subarray(parsed.end);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.onPush(parsed.reply);
      else if (parsed.reply instanceof Error) waiting.reject(parsed.reply);
      else waiting.resolve(parsed.reply);
    }
  }
}

/** One command on a connection of its own. */
export async function ask(port: number, ...words: (string | number)[]): Promise<Reply> {
  const wire = await Wire.open(port);
  try {
    return await wire.call(...words);
  } finally {
    wire.close();
  }
}

export function encode(words: readonly (string | number)[]): string {
  const parts = words.map((word) => `$${Buffer.byteLength(String(word))}\r\n${word}\r\n`);
  return `*${words.length}\r\n${parts.join('')}`;
}

/** The reply that begins at `start`, or `undefined` while it has not arrived whole. */
export function parseReply(bytes: Buffer, start: number): { reply: Reply; end: number } | undefined {
  const lineEnd = bytes.indexOf('\r\n', start);
  if (lineEnd < 0) return undefined;
  const line = bytes.toString('utf8', start + 1, lineEnd);
  const end = lineEnd + 2;
  switch (bytes.toString('latin1', start, start + 1)) {
    case '+':
      return { reply: line, end };
    case '-':
      return { reply: new Error(line), end };
    case ':':
      return { reply: Number(line), end };
    case '$':
      return Number(line) < 0 ? { reply: null, end } : parseText(bytes, end, Number(line));
    case '*':
      return Number(line) < 0 ? { reply: null, end } : parseList(bytes, end, Number(line));
    default:
      throw new Error(`Not RESP2: ${line}`);
  }
}

function parseText(bytes: Buffer, start: number, length: number): { reply: Reply; end: number } | undefined {
  const end = start + length;
  if (bytes.length < end + 2) return undefined;
  return { reply: bytes.toString('utf8', start, end), end: end + 2 };
}

function parseList(bytes: Buffer, start: number, length: number): { reply: Reply; end: number } | undefined {
  const reply: Reply[] = [];
  let end = start;
  while (reply.length < length) {
    const item = parseReply(bytes, end);
    if (item === undefined) return undefined;
    reply.push(item.reply);
    end = item.end;
  }
  return { reply, end };
}
