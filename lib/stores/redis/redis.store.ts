import { errorText } from '../../error-text.js';
import { SessionConfigError } from '../../session.errors.js';
import {
  endOf,
  type AtomicSessionStore,
  type Awaitable,
  type EndingsListener,
  type SessionEndings,
  type SessionRecord,
  type SessionTimes,
  type StoreHost,
  type UpdateResult,
} from '../session-store.js';
import { NO_RECORD } from '../no-record.js';
import { outcomeUnknown } from '../outcome-unknown.js';
import type { UserIndex } from '../user-index.js';
import { evictionNotice } from './eviction-notice.js';
import { Invalidations } from './invalidations.js';
import { NearCache } from './near-cache.js';
import { CREATE, DESTROY, TOUCH, UPDATE } from './record-scripts.js';
import { ALL, PUBLISH, RedisEndings } from './redis-endings.js';
import { lifetime, recordOf, tellsSince, textOf, usedAtText, versionText } from './record-text.js';
import { commandsOf } from './redis-client.js';
import { RedisKeyspace } from './redis-keyspace.js';
import { RedisLink } from './redis-link.js';
import type { RedisScript } from './redis-script.js';
import { RedisUserIndex } from './redis-user-index.js';
import { resolveRedisOptions, type ResolvedRedisStoreOptions, type RedisStoreOptions } from './redis.options.js';

/** How long an operation may take before the session layer says so, in ms. */
const PATIENCE = 2_000;

const UPDATED: UpdateResult = { status: 'updated' };
const MISSING: UpdateResult = { status: 'missing' };

/**
 * Sessions in Redis (6.2 or later) or Valkey. Each operation is one command or one script, atomic, and
 * one round trip; loading is a `GET`. Keys expire with their sessions.
 *
 * What was acknowledged is lost only with the server's own data: see docs/operations.md for persistence
 * and failover.
 */
export class RedisStore implements AtomicSessionStore {
  readonly users: UserIndex;
  readonly endings: SessionEndings | undefined;
  private readonly link: RedisLink;
  private readonly keyspace: RedisKeyspace;
  private readonly prefix: string;
  /** Where ends are published; empty when they are not. */
  private readonly channel: string;
  private readonly near: NearCache | undefined;
  private readonly invalidations: Invalidations | undefined;
  private host: StoreHost | undefined;
  private stopWaiting: (() => void) | undefined;
  private bootCheck: NodeJS.Timeout | undefined;

  /** @throws SessionConfigError `INVALID_OPTION` */
  constructor(options: RedisStoreOptions) {
    const { client, prefix, nearCache, endings } = resolveRedisOptions(options);
    this.prefix = prefix;
    this.link = new RedisLink(commandsOf(client), () => this.patience());
    this.users = new RedisUserIndex(prefix, () => this.indexTime(), this.link);
    this.keyspace = new RedisKeyspace(this.link, prefix);
    if (nearCache !== undefined) {
      this.near = new NearCache(nearCache.maxBytes, () => this.invalidations?.isOutdated === false);
      this.invalidations = this.invalidationsOf(this.near, nearCache);
    }
    this.channel = endings ? `${this.link.commands.keyPrefix}${prefix}ended` : '';
    this.endings = endings ? this.endingsOf() : undefined;
  }

  attach(host: StoreHost): void {
    this.host = host;
    this.bootCheck = setTimeout(() => {
      // Nobody may ask for a session for hours; whoever starts the application should see it.
      this.link
        .send(() => Promise.resolve())
        .catch((error: unknown) => {
          host.notice(`Redis is not there, the application goes on trying: ${errorText(error)}`);
        });
    }, host.storeTimeout).unref();
    this.stopWaiting = this.link.whenReady(async () => {
      this.invalidations?.start();
      const notice = await evictionNotice(this.link.commands);
      if (notice !== undefined) host.notice(notice);
    });
  }

  load(id: string): Awaitable<SessionRecord | undefined> {
    if (this.near === undefined) return this.fetch(id);
    return this.near.load(id, this.isOver, () => this.fetch(id));
  }

  async create(id: string, record: SessionRecord): Promise<boolean> {
    const { times, version, rest } = textOf(record);
    const text = `${times} ${version} ${rest}`;
    const ms = this.lifetimeOf(record);
    const isNew = await this.changing(id, () =>
      this.link.write(() => this.link.commands.setNew(this.prefix + id, text, ms)),
    );
    // Sent twice by the driver, or in the place of one that is over: rare enough for a second round trip.
    return isNew || Number(await this.change(CREATE, id, version, text, String(ms))) === 1;
  }

  async update(id: string, record: SessionRecord, expectedVersion: string, isEnd = false): Promise<UpdateResult> {
    const { times, version, rest } = textOf(record);
    const ms = String(this.lifetimeOf(record));
    const args = [String(this.now()), versionText(expectedVersion), times, version, rest, ms];
    if (isEnd && this.channel !== '') args.push(this.channel);
    const { answer, wasInterrupted } = await this.changing(id, () =>
      this.link.runNoting(UPDATE, [this.prefix + id], args),
    );
    // Drivers may give numbers as text; no record is that short.
    if (answer === 1 || answer === '1') return UPDATED;
    if (answer === 0 || answer === '0') return MISSING;
    // Sent twice, with more writes in between than the record tells of: the first may have been carried out.
    if (wasInterrupted && !tellsSince(expectedVersion, String(answer))) {
      throw outcomeUnknown(new Error('the connection was lost meanwhile, and others have written often since'));
    }
    return { status: 'conflict', current: read(answer) };
  }

  async touch(id: string, { usedAt }: SessionTimes): Promise<boolean> {
    return Number(await this.change(TOUCH, id, usedAtText(usedAt))) === 1;
  }

  async destroy(id: string, version?: string): Promise<SessionRecord | undefined> {
    const args = version === undefined ? [this.channel] : [this.channel, versionText(version)];
    const text = await this.change(DESTROY, id, ...args);
    return text === null ? undefined : read(text);
  }

  /** Goes through all keys of the database, page by page. About: replaced tokens count for a minute, too. */
  count(): Promise<number> {
    return this.keyspace.count();
  }

  /** Goes through all keys of the database, page by page. Keys of other programs stay. */
  async clear(): Promise<void> {
    await this.keyspace.clear();
    this.near?.clear();
    if (this.channel !== '') await this.link.step(() => this.link.run(PUBLISH, [this.prefix], [this.channel, ALL]));
  }

  /** Closes what the store has opened itself: the connections of the near cache. The client stays open. */
  close(): void {
    clearTimeout(this.bootCheck);
    this.stopWaiting?.();
    this.invalidations?.close();
    this.link.close();
  }

  private fetch(id: string): Promise<SessionRecord | undefined> {
    return this.link
      .send(() => this.link.commands.get(this.prefix + id))
      .then(
        (text) => {
          if (text === null) return undefined;
          const record = read(text);
          return record !== NO_RECORD && this.isOver(record) ? undefined : record;
        },
        (error: unknown) => {
          if (errorText(error).startsWith('WRONGTYPE')) return NO_RECORD;
          throw error;
        },
      );
  }

  private change(script: RedisScript, id: string, ...args: string[]): Promise<unknown> {
    return this.changing(id, () => this.link.run(script, [this.prefix + id], [String(this.now()), ...args]));
  }

  private changing<T>(id: string, run: () => Promise<T>): Promise<T> {
    return this.near === undefined ? run() : this.near.change(id, run);
  }

  private endingsOf(): SessionEndings | undefined {
    const { subscribe, topology, onReady, state, keyPrefix } = this.link.commands;
    if (subscribe === undefined) return undefined;
    const told = (text: string): void => this.host?.notice(text);
    const endings = new RedisEndings(
      { subscribe, topology, onReady, state },
      { channel: this.channel, prefix: keyPrefix + this.prefix, patience: () => this.patience(), told },
    );
    const { near } = this;
    return near === undefined ? endings : { listen: (listener) => endings.listen(seeingThrough(near, listener)) };
  }

  private invalidationsOf(
    near: NearCache,
    { maxStaleness }: NonNullable<ResolvedRedisStoreOptions['nearCache']>,
  ): Invalidations {
    const { commands } = this.link;
    const { track, keyPrefix } = commands;
    if (track === undefined) {
      throw new SessionConfigError(
        'INVALID_OPTION',
        'RedisStore: nearCache needs a client that can open connections of its own for it: createClient or ' +
          'createCluster of node-redis, or ioredis (also for Sentinel).',
      );
    }
    const { nodes, topology, onReady, state } = commands;
    return new Invalidations({ track, nodes, topology, onReady, state }, near, {
      prefix: keyPrefix + this.prefix,
      maxStaleness,
      patience: () => this.patience(),
      told: (text) => this.host?.notice(text),
    });
  }

  private patience(): number {
    return this.host?.storeTimeout ?? PATIENCE;
  }

  private readonly isOver = (record: SessionRecord): boolean => endOf(record) <= this.now();

  private lifetimeOf(record: SessionRecord): number {
    return lifetime(endOf(record) - this.now());
  }

  private now(): number {
    return this.host?.now() ?? Date.now();
  }

  /** The clock of a test; otherwise that of the server, as those of several applications may differ. */
  private indexTime(): number | undefined {
    return this.host === undefined || this.host.now === Date.now ? undefined : this.host.now();
  }
}

/** Drops what the near cache has before it is looked at: the server's message of it may come later than this one. */
function seeingThrough(near: NearCache, listener: EndingsListener): EndingsListener {
  return {
    ended: (id) => {
      near.invalidate(id);
      listener.ended(id);
    },
    connected: () => {
      near.clear();
      listener.connected();
    },
    lost: () => {
      listener.lost();
    },
  };
}

function read(text: unknown): SessionRecord {
  if (typeof text === 'string') return recordOf(text);
  throw new TypeError(
    `RedisStore needs a client that gives replies as text; it gave ${Object.prototype.toString.call(text)}`,
  );
}
