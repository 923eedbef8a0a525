import type { UserIndex, UserIndexAddition, UserIndexChoice, UserIndexEntry, UserIndexTerms } from '../user-index.js';
import { lifetime } from './record-text.js';
import type { RedisLink } from './redis-link.js';
import type { RedisScript } from './redis-script.js';
import { ADD, LIST, REMOVE, REVOKE, SETTLE } from './user-scripts.js';

/** How many ids one command removes: a script's arguments are not without end. */
const REMOVED_AT_ONCE = 1_000;

/** The index of users in Redis. A user's entries are one key, anywhere in a cluster. */
export class RedisUserIndex implements UserIndex {
  /**
   * @param prefix of all keys
   * @param now ms since the epoch, or undefined for the clock of the server: those of several
   *   applications may differ by more than a login takes
   */
  constructor(
    private readonly prefix: string,
    private readonly now: () => number | undefined,
    private readonly link: RedisLink,
  ) {}

  async add(userId: string, id: string, ms: number, terms: UserIndexTerms): Promise<UserIndexAddition> {
    const { replaces = '', isThere = false, max = '', evict = [] } = terms;
    const args = [id, String(lifetime(ms)), replaces, isThere ? '1' : '0', String(max), ...evict];
    const [added, revoked] = (await this.change(ADD, userId, args)) as [unknown, unknown[]];
    return { added: Number(added) === 1, revoked: revoked.map(String) };
  }

  async settle(userId: string, id: string, ms: number): Promise<boolean> {
    return Number(await this.change(SETTLE, userId, [id, String(lifetime(ms))])) === 1;
  }

  async revoke(userId: string, choice: UserIndexChoice): Promise<string[]> {
    const args = 'only' in choice ? ['only', choice.only] : ['except', choice.except ?? ''];
    return ((await this.change(REVOKE, userId, args)) as unknown[]).map(String);
  }

  async remove(userId: string, ids: readonly string[]): Promise<void> {
    for (let start = 0; start < ids.length; start += REMOVED_AT_ONCE) {
      await this.change(REMOVE, userId, ids.slice(start, start + REMOVED_AT_ONCE));
    }
  }

  async list(userId: string): Promise<UserIndexEntry[]> {
    const flat = ((await this.link.ask(LIST, this.keysOf(userId), this.argsOf([]))) as unknown[]).map(String);
    const entries: UserIndexEntry[] = [];
    for (let at = 0; at < flat.length; at += 2) entries.push(entryOf(flat[at] as string, flat[at + 1] as string));
    return entries;
  }

  private change(script: RedisScript, userId: string, args: readonly string[]): Promise<unknown> {
    return this.link.run(script, this.keysOf(userId), this.argsOf(args));
  }

  private keysOf(userId: string): string[] {
    return [`${this.prefix}by-user:${encodeURIComponent(userId)}`];
  }

  private argsOf(args: readonly string[]): string[] {
    return [String(this.now() ?? ''), ...args];
  }
}

function entryOf(id: string, mark: string): UserIndexEntry {
  const entry = { id, settled: !mark.startsWith('u') };
  return mark.startsWith('u>') ? { ...entry, replaces: mark.slice(2) } : entry;
}
