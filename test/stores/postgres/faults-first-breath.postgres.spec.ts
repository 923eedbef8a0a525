import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { PostgresStore } from 'nestjs-token-session/postgres';
import { barePool } from '../../support/postgres/postgres-app.js';
import { endPools } from '../../support/postgres/pools.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

/** A message of PostgreSQL's protocol: its type, the length of what follows, that. */
function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + length.length);
  return Buffer.concat([Buffer.from(type), length, body]);
}

const READY = Buffer.concat([message('R', Buffer.alloc(4)), message('Z', Buffer.from('I'))]);
const FATAL = message(
  'E',
  Buffer.from('SFATAL\0C57P01\0Mterminating connection due to unexpected postmaster exit\0\0'),
);

let server: Server;

failOnUnhandledRejections();
beforeEach(async () => {
  // In one piece, as it comes when the server is killed right then; a real one does that once in many runs.
  server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(Buffer.concat([READY, FATAL])));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
});
afterEach(async () => {
  await endPools();
  await once(server.close(), 'close');
});

it('F74: a connection that ends in the same breath in which it was ready fails its statement, not the process', async () => {
  const { port } = server.address() as AddressInfo;
  const store = new PostgresStore({ pool: barePool({ host: '127.0.0.1', port, user: 'nobody', database: 'none' }) });
  await expect(store.load('some-id')).rejects.toThrow();
  await expect(store.destroy('some-id')).rejects.toThrow();
});
