import { Socket } from 'node:net';
import { Pool, type ClientBase, type PoolConfig } from 'pg';

interface Opened {
  readonly sockets: Set<Socket>;
  readonly clients: Set<ClientBase>;
  readonly errors: Error[];
}

const pools = new Map<Pool, Opened>();

/**
 * A pool as an application makes it: errors of idle connections are caught, those of a connection that somebody has
 * taken out of the pool are not. Ends with `endPools`.
 *
 * @param extra the pool's own options: `{ max: 1 }`
 */
export function poolOf(config: PoolConfig, extra: PoolConfig = {}): Pool {
  const opened: Opened = { sockets: new Set(), clients: new Set(), errors: [] };
  const stream = () => {
    const socket = new Socket();
    opened.sockets.add(socket);
    socket.once('close', () => opened.sockets.delete(socket));
    return socket;
  };
  const pool = new Pool({ ...config, stream, ...extra });
  pool.on('connect', (client) => opened.clients.add(client));
  pool.on('remove', (client) => opened.clients.delete(client));
  pool.on('error', (error) => opened.errors.push(error));
  pools.set(pool, opened);
  return pool;
}

/** What a pool of `poolOf` reported by 'error'. */
export function poolErrors(pool: Pool): readonly Error[] {
  return pools.get(pool)?.errors ?? [];
}

/** Ends all pools of `poolOf`, also those whose server is silent: `afterEach(endPools)`. */
export async function endPools(): Promise<void> {
  for (const [pool, { sockets, clients }] of pools) {
    pools.delete(pool);
    for (const client of clients) client.on('error', () => undefined);
    const closed = [...sockets].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    // Not awaited: it waits for a connection that somebody keeps, and for the goodbye of a silent server.
    if (!pool.ended) pool.end().catch(() => undefined);
    for (const socket of sockets) socket.destroy();
    await Promise.all(closed);
  }
}
