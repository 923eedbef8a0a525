import { escapeGlob } from './redis-commands.js';
import type { RedisLink } from './redis-link.js';

/** How many keys a step looks at: about a millisecond of the server's time. */
const PAGE = 1_000;

/** What follows the prefix. */
const SESSION = /^[\w-]{43}$/;
const OWN = /^(?:[\w-]{43}|user:.*)$/s;

/** All keys of the store. They are gone through page by page: memory stays bounded, and others get their turn. */
export class RedisKeyspace {
  constructor(
    private readonly link: RedisLink,
    private readonly prefix: string,
  ) {}

  /** How many sessions there are. */
  async count(): Promise<number> {
    let count = 0;
    for await (const keys of this.pages('*', SESSION)) count += keys.length;
    return count;
  }

  /** Removes the index of users, and then the sessions: who signs in meanwhile finds no entry to settle. */
  async clear(): Promise<void> {
    for (const pattern of ['user:*', '*']) {
      for await (const keys of this.pages(pattern, OWN)) {
        await this.link.step(() => Promise.all(keys.map((key) => this.link.commands.unlink(key))));
      }
    }
  }

  /** Keys of other programs with the same prefix are left alone. */
  private async *pages(pattern: string, kind: RegExp): AsyncGenerator<string[]> {
    const { prefix } = this;
    const match = escapeGlob(prefix) + pattern;
    for (const node of await this.link.step(() => this.link.commands.nodes())) {
      let cursor = '0';
      do {
        const from = cursor;
        const page = await this.link.step(() => node.scan(from, match, PAGE));
        yield page.keys.filter((key) => kind.test(key.slice(prefix.length)));
        ({ cursor } = page);
      } while (cursor !== '0');
    }
  }
}
