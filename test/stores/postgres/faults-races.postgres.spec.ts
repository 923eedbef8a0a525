import { closeApps } from '../../support/app.js';
import { answered, CLEARED, DONE, ENDED, RENEWED, type Flight, type OperationName } from '../../support/flight.js';
import { endPools } from '../../support/postgres/pools.js';
import { barePool, migrate, startPostgresFlight } from '../../support/postgres/postgres-app.js';
import { PostgresServer, stopServers, type Address } from '../../support/postgres/postgres-server.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const CHANGES = ['write', 'save', 'update', 'regenerate', 'reauthenticate', 'touch'] as const;
const ENDINGS = ['logout', 'destroy-by-id', 'destroy-all'] as const;
const TIMEOUT = { storeTimeout: '10s' };

let server: PostgresServer;
let address: Address;
let here: Flight;
let there: Flight;
let token: string;

failOnUnhandledRejections();
beforeAll(async () => {
  server = await PostgresServer.start();
  address = await server.createDatabase();
  await migrate(address);
});
beforeEach(async () => {
  here = await startPostgresFlight('express', barePool(address), TIMEOUT);
  there = await startPostgresFlight('fastify', barePool(address, { max: 3 }), TIMEOUT);
  await here.sessions.clear();
  token = await here.signIn(await here.visit());
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(stopServers);

describe('two applications on one PostgreSQL', () => {
  it.each(ENDINGS)('R58, R59, R60: across %s there, a slow request here brings nothing back', async (ending) => {
    for (const change of CHANGES) {
      const session = await here.signIn(await here.visit());
      const answer = await here.across(change, session, () => there.run(ending, session));
      expect([change, answer]).toEqual([change, ENDED]);
      expect([change, await here.dataOf(session), await there.dataOf(session)]).toEqual([change, undefined, undefined]);
    }
    expect(await here.sessions.list('ada')).toHaveLength(ending === 'destroy-all' ? 0 : 1);
  });

  it('R61: of two rotations at once, here and there, one succeeds, and one session is left', async () => {
    const flying = [await here.takeOff(['regenerate'], token), await there.takeOff(['reauthenticate'], token)];
    const answers = (await Promise.all(flying.map(({ land }) => land()))).flat();
    expect(answers).toEqual(expect.arrayContaining([RENEWED, ENDED]));
    const won = answers.find(({ status }) => status === 201);
    expect(await here.opening(won?.token)).toEqual([true]);
    expect(await there.sessions.list('ada')).toHaveLength(1);
  });

  it('R61: a sign-in that is clicked twice succeeds twice', async () => {
    const visitor = await here.visit();
    const flying = [await here.takeOff(['login'], visitor), await there.takeOff(['login'], visitor)];
    const answers = (await Promise.all(flying.map(({ land }) => land()))).flat();
    expect(answers).toEqual([RENEWED, RENEWED]);
    expect(await there.opening(...answers.map((answer) => answer.token))).toEqual([true, true]);
    expect(await here.dataOf(visitor)).toBeUndefined();
  });

  it('R61b: a request on its way there during a login here neither sets nor clears a token', async () => {
    const visitor = await here.visit();
    const flying = await there.takeOff(['read'], visitor);
    expect(await here.run('login', visitor)).toEqual(RENEWED);
    expect(await flying.land()).toEqual([answered({ cart: 'full' })]);
    expect(await there.run('read', visitor)).toEqual(answered({}));
  });

  it('R60: a save there during a rotation here moves along', async () => {
    const flying = await here.takeOff(['regenerate'], token);
    expect(await there.run('shop-more', token)).toEqual(DONE);
    const [answer] = await flying.land();
    expect(answer).toEqual(RENEWED);
    expect(await there.dataOf(answer?.token)).toEqual({ cart: 'fuller' });
  });

  it('R62: parallel changes of different keys all survive', async () => {
    const operations: OperationName[] = ['shop-more', 'write', 'note'];
    const flying = [await here.takeOff(operations, token), await there.takeOff(operations, token)];
    const answers = (await Promise.all(flying.map(({ land }) => land()))).flat();
    expect(answers).toEqual(answers.map(() => DONE));
    expect(await here.dataOf(token)).toEqual({ cart: 'fuller', written: true, noted: true });
  });

  it('R63: a save and a logout in one request, while another writes: it ends', async () => {
    for (const operation of ['save-then-logout', 'write-then-logout'] as const) {
      const session = await here.visit();
      const flying = await there.takeOff(['shop-more'], session);
      expect(await here.run(operation, session)).toEqual(CLEARED);
      expect(await flying.land()).toEqual([ENDED]);
      expect(await there.dataOf(session)).toBeUndefined();
    }
  });

  it('R64: a login here across a sweep there lives; across a clear() there nothing older does', async () => {
    const visitor = await here.visit();
    const flying = await here.takeOff(['login'], visitor);
    expect(await there.sessions.sweep()).toBe(0);
    const [swept] = await flying.land();
    expect(swept).toEqual(RENEWED);
    expect(await there.opening(swept?.token)).toEqual([true]);

    const again = await here.takeOff(['login'], swept?.token);
    await there.sessions.clear();
    const [cleared] = await again.land();
    expect(cleared).toEqual(RENEWED);
    expect(await there.opening(cleared?.token, swept?.token, token)).toEqual([true, false, false]);
  });

  it.each(['BEGIN', 'BEGIN ISOLATION LEVEL SERIALIZABLE'])(
    'R59: a touch or a write that waits for the row while another client ends the session (%s) is told, and ends it',
    async (begin) => {
      for (const change of ['update', 'touch', 'regenerate'] as const) {
        const session = await here.visit();
        const client = await barePool(address).connect();
        const flying = await here.takeOff([change], session);
        await client.query(begin);
        await client.query('DELETE FROM token_session');
        const landing = flying.land();
        await client.query('COMMIT');
        client.release();
        expect([change, await landing]).toEqual([change, [ENDED]]);
        expect(await there.dataOf(session)).toBeUndefined();
      }
    },
  );
});
