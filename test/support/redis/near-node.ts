import { hash } from 'node:crypto';
import type { SessionRecord } from 'nestjs-token-session';
import { RedisStore, type NearCacheOptions } from 'nestjs-token-session/redis';
import type { Connected } from './clients.js';
import { until } from './until.js';

/** Long enough that only a message of the server can be why a record is not served any more. */
export const NEVER = '1h';

export interface NearNodeOptions extends NearCacheOptions {
  prefix: string;
  now?: () => number;
  storeTimeout?: number;
}

export interface NearNode {
  readonly store: RedisStore;
  readonly notices: string[];
}

const opened = new Set<RedisStore>();
let versions = 0;

/** A store as one process of an application has it. Ends with `closeNodes`. */
export function nearNode({ client }: Pick<Connected, 'client'>, options: NearNodeOptions): NearNode {
  const { prefix, now = Date.now, storeTimeout = 2_000, ...nearCache } = options;
  const store = new RedisStore({ client, prefix, nearCache: { maxStaleness: NEVER, ...nearCache } });
  const notices: string[] = [];
  store.attach({ now, storeTimeout, evicted: () => undefined, notice: (text) => notices.push(text) });
  opened.add(store);
  return { store, notices };
}

/** `afterEach(closeNodes)`, before the clients are closed. */
export function closeNodes(): void {
  for (const store of opened) store.close();
  opened.clear();
}

export function idOf(name: string | number): string {
  return hash('sha256', String(name), 'base64url');
}

export function recordAt(now: number, changes: Partial<SessionRecord> = {}): SessionRecord {
  const version = `v${++versions}`;
  const times = { startedAt: now, usedAt: now, idleTimeout: 60 * 60_000, absoluteTimeout: 24 * 60 * 60_000 };
  return { payload: `1\n{"version":"${version}"}`, version, ...times, ...changes };
}

/** What the store serves without asking the server; it does not keep the process waiting then. */
export function nearBy(store: RedisStore, id: string): SessionRecord | undefined {
  const loaded = store.load(id);
  if (!(loaded instanceof Promise)) return loaded as SessionRecord | undefined;
  loaded.catch(() => undefined);
  return undefined;
}

/** Resolves when the store serves a record that exists without asking the server. */
export async function isNear(store: RedisStore, id: string): Promise<void> {
  await until('a record near at hand', () => nearBy(store, id) !== undefined);
}

/** Stores a record, and has it near at hand in some nodes. */
export async function haveNear(
  [first, ...others]: [NearNode, ...NearNode[]],
  id: string,
  record: SessionRecord = recordAt(Date.now()),
): Promise<SessionRecord> {
  expect(await first.store.create(id, record)).toBe(true);
  for (const { store } of [first, ...others]) await isNear(store, id);
  return record;
}

interface Duplicating {
  duplicate(overrides: Record<string, unknown>): unknown;
}

/** Leads the connections that the store opens itself to another port, a proxy's; the client's own stays where it is. */
export function channelsThrough({ client }: Pick<Connected, 'client'>, where: { port: number }): void {
  const duplicating = client as unknown as Duplicating;
  const duplicate = duplicating.duplicate.bind(client);
  duplicating.duplicate = (overrides) => {
    const { port } = where;
    const socket = overrides['socket'];
    return duplicate(socket === undefined ? { ...overrides, port } : { ...overrides, socket: { ...socket, port } });
  };
}
