import { text, type HeaderTarget } from '../answer/answer-headers.js';

/** What is used of Fastify's reply, which is not imported. */
export interface ReplyWithHeaders {
  getHeaders(): Record<string, unknown>;
  getHeader(name: string): number | string | string[] | undefined;
  header(name: string, value: string): unknown;
  removeHeader(name: string): void;
}

/** Headers where Fastify keeps them: it gives that very object to `writeHead`. */
export class ReplyHeaders implements HeaderTarget {
  constructor(private readonly reply: ReplyWithHeaders) {}

  names(): string[] {
    return Object.keys(this.reply.getHeaders());
  }

  get(name: string): string | undefined {
    return text(this.reply.getHeader(name));
  }

  set(name: string, value: string): void {
    this.reply.header(name, value);
  }

  append(): void {
    // Left to the head: a reply can't replace one of its cookies, and would remove those of Node's response with it.
  }
}
