import { errorText } from '../../error-text.js';
import { EndingsLine, NoLine, type Line, type LineEvents } from '../endings-line.js';
import type { EndingsListener, SessionEndings } from '../session-store.js';
import type { PostgresPool, PostgresResult } from './postgres-pool.js';
import { quoted } from './postgres-statement.js';

/** What stands in the place of an id when all sessions were removed. */
export const ALL = '*';

/** What is called of a connection beside the pool, made as the pool makes its own. */
interface ListeningClient {
  connect(): Promise<unknown>;
  query(text: string): Promise<PostgresResult>;
  end(): Promise<unknown>;
  on(event: string, listener: (...args: unknown[]) => void): unknown;
  /** The number of the server's process. */
  readonly processID?: number | null;
  readonly connection?: { readonly stream?: { destroy?(): unknown } };
}

/** What only a pool of pg has. */
interface Details extends PostgresPool {
  readonly Client?: new (options: unknown) => ListeningClient;
}

export interface PostgresEndingsSettings {
  readonly pool: PostgresPool;
  readonly channel: string;
  /** How long a statement may take, in ms. */
  readonly patience: () => number;
  /** Takes what the application should know. */
  readonly told: (text: string) => void;
}

/**
 * Ends of sessions by LISTEN, of which {@link PostgresAnnouncer} notifies. On a connection beside the pool, as it is held for
 * as long as somebody listens: one of the pool would be missing there, and it may be the only one.
 */
export class PostgresEndings implements SessionEndings {
  constructor(private readonly settings: PostgresEndingsSettings) {}

  listen(listener: EndingsListener): () => void {
    const { patience, told } = this.settings;
    let isTold = false;
    const line = new EndingsLine(
      {
        open: (events, opening) => this.open(events, opening),
        read: (message) => (message === ALL ? 'all' : { id: message }),
        patience,
        told: (reason) => {
          if (isTold || !reason.startsWith(HINDERED)) return;
          isTold = true;
          told(
            'PostgreSQL does not tell of sessions that end elsewhere: those that are watched are loaded more than once ' +
              `a second. Give the store a pool that leads to the server itself, endings: { pool }:${reason.slice(HINDERED.length)}.`,
          );
        },
      },
      listener,
    );
    return () => {
      line.stop();
    };
  }

  private async open(events: LineEvents, opening: (line: Line) => void): Promise<void> {
    const { pool, channel } = this.settings;
    const { Client, options } = pool as Details;
    if (Client === undefined) throw new NoLine(`${HINDERED} this pool has no Client to make a connection of its own`);
    const client = new Client(options);
    client.on('error', (error) => {
      events.lost(errorText(error));
    });
    client.on('end', () => {
      events.lost('the connection was closed');
    });
    client.on('notification', (notification) => {
      const { channel: from, payload } = notification as { channel?: unknown; payload?: unknown };
      if (from === channel && typeof payload === 'string') events.message(payload);
    });
    opening({
      ping: () => client.query('SELECT 1'),
      close: () => {
        client.end().catch(() => undefined);
        // A server that is silent does not take the goodbye.
        setTimeout(() => {
          client.connection?.stream?.destroy?.();
        }, this.settings.patience()).unref();
      },
    });
    await client.connect();
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid');
    // In transaction mode LISTEN goes to whichever server connection is free, and what is told to another client.
    if ((rows[0] as { pid: unknown }).pid !== client.processID) {
      throw new NoLine(`${HINDERED} a pooler stands in between, which may not pass on notifications`);
    }
    await client.query(`LISTEN ${quoted(channel)}`);
  }
}

/** How reasons begin that do not go away by themselves. */
const HINDERED = 'hindered:';
