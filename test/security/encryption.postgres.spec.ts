import { PostgresStore } from 'nestjs-token-session/postgres';
import { idOf } from '../../lib/session-token.js';
import { closeApps } from '../support/app.js';
import { HEADER } from '../support/carriers.js';
import { collectEvents } from '../support/events.js';
import { answered, CLEARED, DONE, ENDED, Flight, RENEWED, type Seen } from '../support/flight.js';
import { PLATFORMS } from '../support/platforms.js';
import { endPools } from '../support/postgres/pools.js';
import { barePool, migrate } from '../support/postgres/postgres-app.js';
import { PostgresServer, stopServers, type Address } from '../support/postgres/postgres-server.js';
import { codecWith, newKey } from './support/encrypted-stores.js';

const OLD = newKey('2026-11');
const NEW = newKey('2026-12');
const KEPT: Seen = { status: 503, token: undefined, says: 'FORMAT_UNKNOWN' };

let server: PostgresServer;
let address: Address;
let now: () => number;

beforeAll(async () => {
  server = await PostgresServer.start();
  address = await server.createDatabase();
  await migrate(address);
});
beforeEach(() => {
  now = Date.now;
});
afterEach(async () => {
  await closeApps();
  await endPools();
});
afterAll(stopServers);

const sql = (text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> =>
  server.query(text, values, address.database);
const payloadOf = async (token: string): Promise<unknown> =>
  (await sql('SELECT payload FROM token_session WHERE id = $1', [idOf(token)]))[0]?.['payload'];

describe.each(PLATFORMS)('encryption in PostgreSQL on %s', (platform) => {
  async function start(...keys: Parameters<typeof codecWith>) {
    const codec = keys.length === 0 ? {} : { codec: codecWith(...keys) };
    const flight = await Flight.start(platform, HEADER, {
      store: new PostgresStore({ pool: barePool(address) }),
      storeTimeout: '5s',
      clock: () => now(),
      ...codec,
    });
    const events = collectEvents(flight.running);
    return {
      flight,
      corrupt: () => events.flatMap((event) => (event.type === 'record_corrupt' ? [event.reason] : [])),
    };
  }

  it('ASVS 14.2.4: a dump of all tables shows neither data, token nor mark', async () => {
    const { flight } = await start(OLD);
    const token = await flight.signIn(await flight.visit());
    const rows = [...(await sql('SELECT * FROM token_session')), ...(await sql('SELECT * FROM token_session_user'))];
    const found = JSON.stringify(rows);
    expect(found).toContain(idOf(token));
    expect(await payloadOf(token)).toMatch(/^2\n2026-11\.[\w-]+$/);
    for (const text of ['cart', 'full', token, 'authenticatedAt']) expect(found).not.toContain(text);
  });

  const BROKEN = /^its seal does not open/;
  const THEIRS = '(SELECT theirs.payload FROM token_session theirs WHERE theirs.id = $2)';

  it.each<[string, string, RegExp]>([
    ['ASVS 11.3.3: a payload moved between rows', `payload = ${THEIRS}`, BROKEN],
    ['ASVS 11.3.3: a payload moved with its user', `payload = ${THEIRS}, user_id = 'ada'`, BROKEN],
    ['ASVS 11.3.3: a row of another user', "user_id = 'ada'", BROKEN],
    ['ASVS 11.3.3: a row of nobody', 'user_id = NULL', BROKEN],
    ['ASVS 7.3.2: a later start', 'started_at = started_at + 60000', BROKEN],
    ['ASVS 7.3.2: a longer idle limit', 'idle_timeout = idle_timeout * 2', BROKEN],
    ['ASVS 7.3.2: a longer life', 'absolute_timeout = absolute_timeout * 2', BROKEN],
    ['CVE-2026-39324: plain text', `payload = E'1\\n{"cart":"forged"}'`, /^it is not encrypted/],
    ['CVE-2026-39324: plain text with marks', `payload = E'1{"level":9}\\n{"cart":"forged"}'`, /^it is not encrypted/],
  ])('%s is refused', async (_name, change, why) => {
    const { flight, corrupt } = await start(OLD);
    const theirs = await flight.signIn(await flight.visit());
    const mine = (await flight.run('login-bob')).token as string;
    // Every statement has both.
    const statement = `UPDATE token_session SET ${change} WHERE id = $1 AND $2::text IS NOT NULL RETURNING id`;
    expect(await sql(statement, [idOf(mine), idOf(theirs)])).toHaveLength(1);
    expect(await flight.run('read', mine)).toEqual(answered({}));
    expect(corrupt()).toEqual([expect.stringMatching(why)]);
    expect(await flight.dataOf(mine)).toBeUndefined();
    expect(await flight.dataOf(theirs)).toEqual({ cart: 'full' });
  });

  it('ASVS 13.3.4, S52: a new key seals the next write; who does not have it keeps the record', async () => {
    const [old, turned, plain] = [await start(OLD), await start(NEW, OLD), await start()];
    const token = await old.flight.visit();
    expect(await turned.flight.run('write', token)).toEqual(DONE);
    const payload = await payloadOf(token);
    expect(payload).toMatch(/^2\n2026-12\./);
    for (const { flight } of [old, plain]) expect(await flight.run('write', token)).toEqual(KEPT);
    expect(await payloadOf(token)).toBe(payload);
    expect(await turned.flight.dataOf(token)).toEqual({ cart: 'full', written: true });
  });

  it('law 8, C46: a clock of fractions of a ms, which the store rounds, breaks no seal', async () => {
    const { flight, corrupt } = await start(OLD);
    now = () => Math.floor(Date.now()) + 0.625;
    const token = await flight.signIn(await flight.visit());
    expect(await flight.run('write', token)).toEqual(DONE);
    expect([await flight.dataOf(token), corrupt()]).toEqual([{ cart: 'full', written: true }, []]);
  });

  it('laws 5, 6 and 7: parallel edits, rotations and logouts are as without encryption', async () => {
    const { flight } = await start(OLD);
    const first = await flight.signIn(await flight.visit());
    const flying = await flight.takeOff(['shop-more', 'note', 'write', 'update'], first);
    expect((await flying.land()).map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    const seen = await flight.across('regenerate', first, () => flight.run('shop', first));
    expect(seen).toEqual(RENEWED);
    const second = seen.token as string;
    expect(await flight.dataOf(second)).toEqual({ cart: 'full', noted: true, written: true });
    expect(await payloadOf(first)).toMatch(/^2\n/);
    expect(await flight.run('write', first)).toEqual(ENDED);
    expect(await flight.opening(second)).toEqual([true]);
    expect(await flight.across('shop-more', second, () => flight.run('logout', second))).toEqual(ENDED);
    expect(await flight.run('logout', await flight.signIn())).toEqual(CLEARED);
    expect(await flight.opening(first, second)).toEqual([false, false]);
  });
});
