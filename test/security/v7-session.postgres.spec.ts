import connectPgSimple from 'connect-pg-simple';
import expressSession from 'express-session';
import { expressStore } from 'nestjs-token-session/express-session';
import { PostgresStore } from 'nestjs-token-session/postgres';
import { migrate } from '../support/postgres/postgres-app.js';
import { endPools, poolOf } from '../support/postgres/pools.js';
import { PostgresServer, stopServers } from '../support/postgres/postgres-server.js';
import { describeSessionItems } from './support/session-items.js';

const PgStore = connectPgSimple(expressSession);

let server: PostgresServer;

beforeAll(async () => {
  server = await PostgresServer.start();
  await migrate(server.config);
});
afterEach(endPools);
afterAll(stopServers);

describeSessionItems([
  {
    name: 'PostgreSQL',
    open: async () => {
      await server.query('TRUNCATE token_session, token_session_user');
      return () => new PostgresStore({ pool: poolOf(server.config) });
    },
    isShared: true,
    isWhole: true,
  },
  {
    name: 'expressStore of connect-pg-simple',
    open: async () => {
      const options = { createTableIfMissing: true, pruneSessionInterval: false } as const;
      const store = new PgStore({ pool: poolOf(server.config), ...options });
      await new Promise((done) => store.get('x', done));
      await server.query('TRUNCATE session');
      const shared = expressStore(store);
      return () => shared;
    },
    isShared: false,
    isWhole: false,
  },
]);
