import { until } from '../redis/until.js';
import { program, run } from './installation.js';
import { PostgresServer, type PostgresServerOptions } from './postgres-server.js';

/** A hot standby: takes what its primary writes, and answers reads. */
export interface Standby {
  readonly server: PostgresServer;
  /** Makes it a primary of its own; resolves when it takes writes. The old one is not told. */
  promote(): Promise<void>;
  /** Resolves when all that the primary has written until now can be read here. */
  caughtUp(): Promise<void>;
}

/** A copy of the primary that follows it. Ends with `server.stop()` or `stopServers`. */
export async function standby(primary: PostgresServer, options: PostgresServerOptions = {}): Promise<Standby> {
  const server = await PostgresServer.start({
    ...options,
    makeData: async (data) => {
      const from = ['-h', '127.0.0.1', '-p', `${primary.port}`, '-U', 'postgres'];
      const how = ['--wal-method=stream', '--checkpoint=fast', '--write-recovery-conf', '--no-sync'];
      await run(program('pg_basebackup'), ...from, ...how, '-D', data);
    },
  });
  return {
    server,
    promote: async () => {
      const [row] = await server.query('SELECT pg_promote(true, 15) AS done');
      if (row?.done !== true) throw new Error(`The standby on port ${server.port} was not promoted`);
    },
    caughtUp: async () => {
      const [row] = await primary.query('SELECT pg_current_wal_lsn()::text AS lsn');
      await until(`a standby on port ${server.port} that has caught up`, async () => {
        const [seen] = await server.query('SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS done', [row?.lsn]);
        return seen?.done === true;
      });
    },
  };
}
