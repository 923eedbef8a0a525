import { asText, escapeGlob, type RedisNode } from './redis-commands.js';
import type { RedisLink } from './redis-link.js';

/** How many keys a step looks at: about a millisecond of the server's time. */
const PAGE = 1_000;

/** What follows the prefix. */
const SESSION = /^[\w-]{43}$/;
const INDEX = /^by-user:[\w.!~*'()%-]+$/;

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
    const passes = [
      ['by-user:*', INDEX],
      ['*', SESSION],
    ] as const;
    for (const [pattern, kind] of passes) {
      for await (const keys of this.pages(pattern, kind)) {
        await this.link.step(() => Promise.all(keys.map((key) => this.link.commands.unlink(key))));
      }
    }
  }

  /** Keys of other programs with the same prefix are left alone. */
  private async *pages(pattern: string, kind: RegExp): AsyncGenerator<string[]> {
    const { prefix } = this;
    const match = escapeGlob(prefix) + pattern;
    for (const node of await this.link.step(() => this.allNodes())) {
      let cursor = '0';
      do {
        const from = cursor;
        const page = await this.link.step(() => node.scan(from, match, PAGE));
        yield page.keys.filter((key) => kind.test(key.slice(prefix.length)));
        ({ cursor } = page);
      } while (cursor !== '0');
    }
  }

  /** Drivers leave out a master that is away; going through the others would look like all there is. */
  private async allNodes(): Promise<readonly RedisNode[]> {
    const { commands } = this.link;
    if (commands.topology() === undefined) return commands.nodes();
    await commands.refresh();
    const nodes = await commands.nodes();
    const info = asText(await nodes[0]?.clusterInfo());
    const masters = Number(/^cluster_size:(\d+)/m.exec(info)?.[1]);
    const isWhole = nodes.length >= masters && /^cluster_slots_ok:16384\r?$/m.test(info);
    if (!isWhole) throw new Error('part of the cluster is away');
    return nodes;
  }
}
