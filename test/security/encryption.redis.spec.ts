import { RedisStore } from 'nestjs-token-session/redis';
import { idOf } from '../../lib/session-token.js';
import { closeApps } from '../support/app.js';
import { HEADER } from '../support/carriers.js';
import { collectEvents } from '../support/events.js';
import { answered, CLEARED, DONE, ENDED, Flight, RENEWED, type Seen } from '../support/flight.js';
import { PLATFORMS } from '../support/platforms.js';
import { CLIENTS, closeClients } from '../support/redis/clients.js';
import { RedisServer, stopServers } from '../support/redis/redis-server.js';
import { codecWith, newKey } from './support/encrypted-stores.js';

const OLD = newKey('2026-11');
const NEW = newKey('2026-12');
const KEPT: Seen = { status: 503, token: undefined, says: 'FORMAT_UNKNOWN' };

let server: RedisServer;
let now: () => number;

beforeAll(async () => {
  server = await RedisServer.start();
});
beforeEach(() => {
  now = Date.now;
});
afterEach(async () => {
  await closeApps();
  await closeClients();
  await server.ask('FLUSHALL');
});
afterAll(stopServers);

const keyOf = (token: string): string => `session:${idOf(token)}`;
const textOf = async (token: string): Promise<string> => String(await server.ask('GET', keyOf(token)));
const put = (token: string, text: string) => server.ask('SET', keyOf(token), text, 'PX', 600_000);
/** The line of times and user, and the payload. */
const partsOf = async (token: string): Promise<[string, string]> => {
  const text = await textOf(token);
  const end = text.indexOf('\n');
  return [text.slice(0, end), text.slice(end + 1)];
};

/** One driver of each family. */
const PLACES = PLATFORMS.map((platform) => {
  const name = { express: 'node-redis 6', fastify: 'ioredis 6' }[platform];
  return { ...(CLIENTS.find((client) => client.name === name) as (typeof CLIENTS)[number]), platform };
});

describe.each(PLACES)('encryption in Redis, $name on $platform', ({ platform, connect }) => {
  async function start(...keys: Parameters<typeof codecWith>) {
    const store = new RedisStore({ client: (await connect(server.url)).client });
    const codec = keys.length === 0 ? {} : { codec: codecWith(...keys) };
    const flight = await Flight.start(platform, HEADER, { store, clock: () => now(), ...codec });
    const events = collectEvents(flight.running);
    return {
      flight,
      corrupt: () => events.flatMap((event) => (event.type === 'record_corrupt' ? [event.reason] : [])),
    };
  }

  async function isRefused(alter: (mine: string, theirs: string) => Promise<unknown>, why: RegExp): Promise<void> {
    const { flight, corrupt } = await start(OLD);
    const theirs = await flight.signIn(await flight.visit());
    const mine = (await flight.run('login-bob')).token as string;
    await alter(mine, theirs);
    expect(await flight.run('read', mine)).toEqual(answered({}));
    expect(corrupt()).toEqual([expect.stringMatching(why)]);
    expect(await flight.dataOf(mine)).toBeUndefined();
    expect(await flight.dataOf(theirs)).toEqual({ cart: 'full' });
  }

  const BROKEN = /^its seal does not open/;

  it('ASVS 14.2.4: a dump of all keys shows neither data, token nor mark', async () => {
    const { flight } = await start(OLD);
    const token = await flight.signIn(await flight.visit());
    const keys = (await server.ask('KEYS', '*')) as string[];
    const found = [...keys, await textOf(token)].join('\n');
    expect((await partsOf(token))[1]).toMatch(/^2\n2026-11\.[\w-]+$/);
    for (const text of ['cart', 'full', token, 'authenticatedAt']) expect(found).not.toContain(text);
  });

  it('ASVS 11.3.3: a payload moved between keys is refused', () =>
    isRefused(async (mine, theirs) => put(mine, `${(await partsOf(mine))[0]}\n${(await partsOf(theirs))[1]}`), BROKEN));

  it('ASVS 11.3.3: a whole record moved between keys is refused', () =>
    isRefused(async (mine, theirs) => put(mine, await textOf(theirs)), BROKEN));

  it('ASVS 11.3.3: another user is refused', () =>
    isRefused(async (mine) => put(mine, (await textOf(mine)).replace('"bob"', '"ada"')), BROKEN));

  it.each([
    ['start', 1],
    ['idle limit', 2],
    ['absolute limit', 3],
  ])('ASVS 7.3.2: a later or longer %s is refused', (_name, place) =>
    isRefused(async (mine) => {
      const [line, payload] = await partsOf(mine);
      const parts = line.split(' ');
      parts[place] = (parseInt(parts[place] as string, 36) + 60_000).toString(36);
      await put(mine, `${parts.join(' ')}\n${payload}`);
    }, BROKEN),
  );

  it('CVE-2026-39324: nothing falls back to plain text', () =>
    isRefused(async (mine) => put(mine, `${(await partsOf(mine))[0]}\n1\n{"forged":true}`), /^it is not encrypted/));

  it('ASVS 13.3.4, S52: a new key seals the next write; who does not have it keeps the record', async () => {
    const [old, turned, plain] = [await start(OLD), await start(NEW, OLD), await start()];
    const token = await old.flight.visit();
    expect(await turned.flight.run('write', token)).toEqual(DONE);
    const text = await textOf(token);
    expect(text).toContain('\n2\n2026-12.');
    for (const { flight } of [old, plain]) expect(await flight.run('write', token)).toEqual(KEPT);
    expect(await textOf(token)).toBe(text);
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
    expect((await partsOf(first))[1]).toMatch(/^2\n/);
    expect(await flight.run('write', first)).toEqual(ENDED);
    expect(await flight.opening(first, second)).toEqual([false, true]);
    expect(await flight.across('shop-more', second, () => flight.run('logout', second))).toEqual(ENDED);
    expect(await flight.run('logout', await flight.signIn())).toEqual(CLEARED);
    expect(await flight.opening(first, second)).toEqual([false, false]);
  });
});
