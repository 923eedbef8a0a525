import { SessionModule } from 'nestjs-token-session';
import { PostgresStore } from 'nestjs-token-session/postgres';
import { closeApps, SILENT, startApp } from '../../support/app.js';
import { endPools, poolOf } from '../../support/postgres/pools.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';

let server: PostgresServer;

beforeAll(async () => {
  server = await PostgresServer.start();
});
afterEach(closeApps);
afterEach(endPools);
afterAll(stopServers);

const WRONG: [string, (address: Address) => Address, RegExp][] = [
  ['a database that does not exist', (address) => ({ ...address, database: 'nope' }), /database "nope" does not exist/],
  ['a role that does not exist', (address) => ({ ...address, user: 'nobody' }), /role "nobody" does not exist/],
];

it.each(WRONG)('S55: %s ends the boot, and the error says where to look', async (_, wrong, reason) => {
  const store = new PostgresStore({ pool: poolOf(wrong(server.config)) });
  const starting = startApp('express', {
    controllers: [],
    imports: [SessionModule.forRoot(store, { logger: SILENT })],
  });
  await expect(starting).rejects.toMatchObject({
    code: 'INVALID_STORE',
    message: expect.stringMatching(
      new RegExp(`^PostgresStore: no connection: ${reason.source}.*what the pool was given`),
    ),
  });
});

it('migrate() says what it could not do when the server is away', async () => {
  const pool = poolOf({ ...server.config, port: 1 });
  await expect(new PostgresStore({ pool }).migrate()).rejects.toThrow(
    /^PostgresStore\.migrate: .*ECONNREFUSED.*Is the address right/,
  );
});
