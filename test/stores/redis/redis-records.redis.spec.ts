import type { SessionRecord } from 'nestjs-token-session';
import { RedisStore } from 'nestjs-token-session/redis';
import { CLIENTS, closeClients } from '../../support/redis/clients.js';
import { commandsDuring, countCommands } from '../../support/redis/counting.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';
import { TestClock } from '../../support/clock.js';
import { failOnUnhandledRejections } from '../../support/rejections.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const ID = 'i'.repeat(43);
const KEY = `session:${ID}`;

let server: RedisServer;

beforeAll(async () => {
  server = await RedisServer.start();
});
afterEach(closeClients);
afterAll(stopServers);
failOnUnhandledRejections();

describe.each(CLIENTS)('records in Redis, $name', ({ connect }) => {
  let store: RedisStore;
  let clock: TestClock;
  let versions: number;

  beforeEach(async () => {
    await server.ask('FLUSHALL');
    clock = new TestClock();
    versions = 0;
    store = new RedisStore({ client: (await connect(server.url)).client });
    store.attach({ now: clock.now, storeTimeout: 2_000, evicted: () => undefined, notice: () => undefined });
    // Scripts are there already, as a moment after the first application started.
    const record = await created();
    await store.update(ID, next(record), record.version);
    await store.touch(ID, record);
    await store.create(ID, record);
    await store.destroy(ID);
  });

  function next(record: SessionRecord, changes: Partial<SessionRecord> = {}): SessionRecord {
    return { ...record, version: `v${++versions}`, ...changes };
  }

  function recordOf(changes: Partial<SessionRecord> = {}): SessionRecord {
    const now = clock.now();
    const times = { startedAt: now, usedAt: now, idleTimeout: 30 * MINUTE, absoluteTimeout: 12 * HOUR };
    return { payload: '1\n{}', version: `v${++versions}`, ...times, ...changes };
  }

  async function created(changes: Partial<SessionRecord> = {}): Promise<SessionRecord> {
    const record = recordOf(changes);
    expect(await store.create(ID, record)).toBe(true);
    return record;
  }

  async function updated(record: SessionRecord, changes: Partial<SessionRecord> = {}): Promise<SessionRecord> {
    const changed = next(record, changes);
    expect(await store.update(ID, changed, record.version)).toEqual({ status: 'updated' });
    return changed;
  }

  /** The key lives as long as this, and no longer. */
  async function expectLifetime(ms: number): Promise<void> {
    const left = (await server.ask('PTTL', KEY)) as number;
    expect(left).toBeLessThanOrEqual(ms);
    expect(left).toBeGreaterThan(ms - 10_000);
  }

  describe('section 5: the commands of one operation', () => {
    it('load is one GET, of a missing record too', async () => {
      expect(await commandsDuring(server, () => store.load(ID))).toEqual([['GET', KEY]]);
      await created();
      expect(await commandsDuring(server, () => store.load(ID))).toEqual([['GET', KEY]]);
    });

    it('create is one SET, which never overwrites and has an expiry in whole ms', async () => {
      const [set, ...more] = await commandsDuring(server, () => created());
      expect(more).toEqual([]);
      expect(set?.slice(0, 2)).toEqual(['SET', KEY]);
      expect(set?.slice(3).sort()).toEqual(['1800000', 'NX', 'PX']);
    });

    it('create takes a second command only where the id has a value', async () => {
      const record = await created();
      expect(await countCommands(server, () => store.create(ID, next(record)))).toEqual(['SET', 'EVALSHA']);
    });

    it('update is one EVALSHA: carried out, in conflict, or of a missing record', async () => {
      const record = await created();
      expect(await countCommands(server, () => updated(record))).toEqual(['EVALSHA']);
      expect(await countCommands(server, () => store.update(ID, next(record), 'other'))).toEqual(['EVALSHA']);
      await store.destroy(ID);
      expect(await countCommands(server, () => store.update(ID, next(record), 'v1'))).toEqual(['EVALSHA']);
    });

    it('touch and destroy are one EVALSHA each', async () => {
      const record = await created();
      expect(await countCommands(server, () => store.touch(ID, record))).toEqual(['EVALSHA']);
      expect(await countCommands(server, () => store.destroy(ID, 'other'))).toEqual(['EVALSHA']);
      expect(await countCommands(server, () => store.destroy(ID))).toEqual(['EVALSHA']);
      expect(await countCommands(server, () => store.destroy(ID))).toEqual(['EVALSHA']);
    });

    it('no command names more than the one key', async () => {
      const commands = await commandsDuring(server, async () => {
        const record = await updated(await created({ userId: 'ada' }));
        await store.touch(ID, record);
        await store.load(ID);
        await store.destroy(ID, record.version);
      });
      for (const [name, ...words] of commands) {
        // The channel of ended sessions is no key.
        const keys = words.filter((word) => word.includes('session:') && word !== 'session:ended');
        expect(keys).toEqual([KEY]);
        if (name === 'EVALSHA') expect(words[1]).toBe('1');
      }
    });
  });

  describe('F71: NOSCRIPT', () => {
    it('the first use of a script sends its text, and then its name only', async () => {
      await server.ask('SCRIPT', 'FLUSH');
      const record = await created();
      expect(await countCommands(server, () => store.touch(ID, record))).toEqual(['EVALSHA', 'EVAL']);
      expect(await countCommands(server, () => store.touch(ID, record))).toEqual(['EVALSHA']);
    });

    it.each<[string, (record: SessionRecord) => Promise<unknown>, unknown]>([
      ['create', (record) => store.create(ID, { ...record, version: 'other' }), false],
      ['update', (record) => store.update(ID, next(record), record.version), { status: 'updated' }],
      ['touch', (record) => store.touch(ID, record), true],
      ['destroy', (record) => store.destroy(ID).then((there) => there?.version === record.version), true],
      ['users.add', async () => store.users.add('ada', ID, HOUR, {}), { added: true, revoked: [] }],
    ])('SCRIPT FLUSH in between: %s succeeds, and once', async (_name, operation, expected) => {
      const record = await created();
      await server.ask('SCRIPT', 'FLUSH');
      expect(await operation(record)).toEqual(expected);
    });

    it('SCRIPT FLUSH under load: of 50 writers at once one succeeds, and none fails', async () => {
      const record = await created();
      await server.ask('SCRIPT', 'FLUSH');
      const writers = Array.from({ length: 50 }, () => store.update(ID, next(record), record.version));
      const results = await Promise.all(writers);
      expect(results.filter(({ status }) => status === 'updated')).toHaveLength(1);
      expect(results.filter(({ status }) => status === 'conflict')).toHaveLength(49);
    });
  });

  describe('14.2.7: the key ends with its record', () => {
    it('after create: at the idle limit, or at the absolute one if that comes first', async () => {
      await created();
      await expectLifetime(30 * MINUTE);
      await store.destroy(ID);
      await created({ idleTimeout: 90 * DAY });
      await expectLifetime(12 * HOUR);
    });

    it('after update: a longer life, a shorter one, a tombstone of a minute', async () => {
      let record = await created();
      record = await updated(record, { idleTimeout: 90 * DAY, absoluteTimeout: 90 * DAY });
      await expectLifetime(90 * DAY);
      record = await updated(record, { idleTimeout: 10 * MINUTE });
      await expectLifetime(10 * MINUTE);
      await updated(record, { idleTimeout: MINUTE, absoluteTimeout: MINUTE });
      await expectLifetime(MINUTE);
    });

    it('after update late in its life: what is left of it', async () => {
      const record = await created();
      clock.advance(20 * MINUTE);
      await updated(record);
      await expectLifetime(10 * MINUTE);
    });

    it('after touch: the idle limit anew, never past the absolute one', async () => {
      const record = await created();
      clock.advance(20 * MINUTE);
      await passOnServer(20 * MINUTE);
      await expectLifetime(10 * MINUTE);
      await store.touch(ID, { ...record, usedAt: clock.now() });
      await expectLifetime(30 * MINUTE);
      // One that comes late changes nothing.
      await store.touch(ID, record);
      await expectLifetime(30 * MINUTE);

      const long = await updated(record, { idleTimeout: 12 * HOUR });
      clock.advance(HOUR);
      await server.ask('PEXPIRE', KEY, MINUTE);
      await store.touch(ID, { ...long, usedAt: clock.now() });
      await expectLifetime(11 * HOUR - 20 * MINUTE);
    });

    /** Lets time pass for the key as it does for the clock. */
    async function passOnServer(ms: number): Promise<void> {
      await server.ask('PEXPIRE', KEY, ((await server.ask('PTTL', KEY)) as number) - ms);
    }

    it('C48: a time in the past is no time: the key is gone', async () => {
      await created({ usedAt: clock.now() - HOUR });
      expect(await store.load(ID)).toBeUndefined();
      expect(await store.destroy(ID)).toBeUndefined();
      expect(await server.ask('EXISTS', KEY)).toBe(0);
    });

    it.each([0.001, 1_000.5, 1e15, Number.MAX_SAFE_INTEGER, 1e21, Number.MAX_VALUE])(
      'C48: limits of %d ms: the times on the wire are whole and the server takes them',
      async (limit) => {
        const times = { idleTimeout: limit, absoluteTimeout: limit };
        const commands = await commandsDuring(server, async () => {
          const record = recordOf(times);
          await store.create(ID, record);
          await store.touch(ID, record);
        });
        const set = commands.find(([name]) => name === 'SET') as string[];
        const px = set[set.indexOf('PX') + 1] as string;
        expect(px).toMatch(/^[1-9]\d{0,14}$/);
        if (limit > 1e14) {
          expect(await server.ask('PTTL', KEY)).toBeGreaterThan(3_000 * 365 * DAY);
          await updated((await store.load(ID)) as SessionRecord, times);
          expect(await server.ask('PTTL', KEY)).toBeGreaterThan(3_000 * 365 * DAY);
        }
      },
    );
  });
});
