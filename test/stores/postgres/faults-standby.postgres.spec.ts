import { execFile } from 'node:child_process';
import { chown, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { closeApps } from '../../support/app.js';
import { UNAVAILABLE } from '../../support/faults-app.js';
import { PLATFORMS } from '../../support/platforms.js';
import { endPools } from '../../support/postgres/pools.js';
import { barePool, migrate, startPostgresApp } from '../../support/postgres/postgres-app.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { standby } from '../../support/postgres/standby.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const READ = { status: 201, token: undefined, says: { written: true } };
const OPERATIONS = ['read', 'count', 'login', 'logout', 'write'];

let server: PostgresServer;
let address: Address;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await PostgresServer.start();
  address = await server.createDatabase();
  await migrate(address);
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(stopServers);

it('F75, law 6: a standby is refused, also for reading, as it lags; promoted, it serves', async () => {
  const follower = await standby(server);
  const primary = await startPostgresApp('express', barePool(address));
  const token = await primary.visit();
  const ended = await primary.visit();
  await follower.caughtUp();
  // A standby that has stopped to take what the primary writes would open a session that has ended.
  await follower.server.query('SELECT pg_wal_replay_pause()');
  expect(await primary.run('logout', ended)).toMatchObject({ status: 201, token: '' });

  const pool = barePool({ ...address, port: follower.server.port });
  const apps = await Promise.all(PLATFORMS.map((platform) => startPostgresApp(platform, pool)));
  for (const app of apps) {
    expect(await app.run('plain', token)).toMatchObject({ status: 201 });
    for (const operation of OPERATIONS) {
      expect([operation, await app.run(operation, ended)]).toEqual([operation, UNAVAILABLE]);
    }
    expect(await app.run('write')).toEqual(UNAVAILABLE);
    expect(app.reasons()).toMatch(/standby.*primary/);
    await expect(app.sessions.list('ada')).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
    await expect(app.sessions.count()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  }

  await follower.server.query('SELECT pg_wal_replay_resume()');
  await follower.caughtUp();
  await server.stop();
  await follower.promote();
  for (const app of apps) {
    // On the connections that were there before.
    expect(await app.run('read', token)).toEqual(READ);
    expect(await app.run('read', ended)).toMatchObject({ status: 201, says: {} });
    expect(await app.run('login')).toMatchObject({ status: 201 });
    expect(app.tally().store_recovered).toBe(1);
  }
});

it('F75: a disk that is full: 503, sign-outs work, and it recovers when there is room', async () => {
  const full = await PostgresServer.start();
  const place = join(full.dir, 'small');
  const run = promisify(execFile);
  const { uid, gid } = await stat(full.dir);
  await mkdir(place);
  await run('mount', ['-t', 'tmpfs', '-o', 'size=1500k', 'tmpfs', place]);
  try {
    await chown(place, uid, gid);
    await full.query(`CREATE TABLESPACE small LOCATION '${place}'`);
    const small = await full.createDatabase();
    await migrate(small);
    for (const table of ['token_session', 'token_session_user']) {
      await full.query(`ALTER TABLE ${table} SET TABLESPACE small`, [], small.database);
    }
    const app = await startPostgresApp('express', barePool(small), { storeTimeout: '5s' });
    const token = await app.visit();
    const ada = (await app.run('login')).token as string;
    await full.query('CREATE TABLE ballast (text text) TABLESPACE small', [], small.database);
    const fill = (count: number): Promise<unknown> =>
      full.query(
        `INSERT INTO ballast SELECT repeat(md5(n::text), 200) FROM generate_series(1, ${String(count)}) n`,
        [],
        small.database,
      );
    for (const count of [1000, 100, 10, 1]) while ((await fill(count).then(() => 'room', String)) === 'room');

    // Pages that are there may still have room for some.
    const tokens: string[] = [];
    let answer = await app.run('write');
    for (; answer.status === 201; answer = await app.run('write')) tokens.push(answer.token as string);
    expect(answer).toEqual(UNAVAILABLE);
    expect(app.reasons()).toMatch(/No space left/);
    expect(await app.run('read', token)).toEqual(READ);
    expect(await app.run('logout', token)).toEqual({ status: 201, token: '', says: null });
    expect(await app.run('read', token)).toMatchObject({ status: 201, says: {} });
    expect((await app.run('read', ada)).status).toBe(201);

    await full.query('DROP TABLE ballast', [], small.database);
    expect(await app.run('write')).toMatchObject({ status: 201 });
    expect((await app.run('destroy-all')).says).toBe(1);
    expect(app.tally().store_recovered).toBeGreaterThan(0);
  } finally {
    await closeApps();
    await endPools();
    await full.kill();
    await run('umount', [place]);
    await full.stop();
  }
});
