import fc from 'fast-check';
import { MemoryStore, session, type EncryptionKey, type Session, type SessionRecord } from 'nestjs-token-session';
import { idOf } from '../../lib/session-token.js';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { HEADER } from '../support/carriers.js';
import { call } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { DataUserController, userIdOf } from '../support/data-user.controller.js';
import { closeStores } from '../support/express-stores.js';
import { answered, CLEARED, DONE, ENDED, Flight, RENEWED } from '../support/flight.js';
import { MemoryRecords } from '../support/memory-records.js';
import { removeFiles } from '../support/sqlite/files.js';
import { codecWith, Intruder, keyIdOf, newKey, STORES } from './support/encrypted-stores.js';

const KEY = newKey('2026-11');

afterEach(async () => {
  await closeApps();
  closeStores();
  removeFiles();
});

describe.each(STORES)('the laws with encryption, in $name on $platform', ({ open, platform }) => {
  async function start(): Promise<{ flight: Flight; intruder: Intruder }> {
    const { store } = open();
    const flight = await Flight.start(platform, HEADER, { store, codec: codecWith(KEY) });
    return { flight, intruder: new Intruder(store) };
  }

  it('law 5, R62: parallel requests that change different keys all survive', async () => {
    const { flight } = await start();
    const token = await flight.visit();
    const flying = await flight.takeOff(['shop-more', 'note', 'write', 'save', 'update', 'read'], token);
    expect((await flying.land()).map(({ status }) => status)).toEqual([201, 201, 201, 201, 201, 201]);
    expect(await flight.dataOf(token)).toEqual({ cart: 'fuller', noted: true, written: true });
  });

  it('law 3: a request that only reads writes nothing', async () => {
    const { flight, intruder } = await start();
    const token = await flight.visit();
    const before = await intruder.record(token);
    for (let n = 0; n < 3; n++) expect(await flight.run('read', token)).toEqual(answered({ cart: 'full' }));
    // Written with the same value it is as it was: seals differ each time, data do not.
    expect(await flight.run('shop', token)).toEqual(DONE);
    expect(await intruder.record(token)).toEqual(before);
  });

  it.each(['regenerate', 'login', 'reauthenticate'] as const)(
    'law 7: %s seals anew under the new id, and leaves a tombstone under the old one',
    async (operation) => {
      const { flight, intruder } = await start();
      const first = await flight.signIn(await flight.visit());
      const sealed = await intruder.record(first);
      const { token: second = '', ...seen } = await flight.run(operation, first);
      expect(seen).toEqual({ status: 201, says: null });
      expect(await flight.dataOf(second)).toEqual({ cart: 'full' });
      expect(await flight.opening(first, second)).toEqual([false, true]);
      const renewed = await intruder.record(second);
      expect([keyIdOf(renewed), renewed.userId]).toEqual([KEY.id, 'ada']);
      expect(renewed.payload).not.toBe(sealed.payload);
      // Nobody else can say where a session goes on.
      expect(keyIdOf(await intruder.record(first))).toBe(KEY.id);
      expect(await flight.run('read', first)).toEqual(answered({}));
      expect(await flight.run('write', first)).toEqual(ENDED);
      // What was sealed for the old id does not open under the new one.
      await intruder.alter(second, { payload: sealed.payload });
      expect(await flight.dataOf(second)).toBeUndefined();
    },
  );

  it.each(['regenerate', 'login', 'reauthenticate'] as const)(
    'law 7, R60: a change that comes while %s runs is sealed anew too',
    async (operation) => {
      const { flight, intruder } = await start();
      const token = await flight.signIn(await flight.visit());
      const seen = await flight.across(operation, token, () => flight.run('shop-more', token));
      expect(seen).toEqual(RENEWED);
      expect(keyIdOf(await intruder.record(seen.token as string))).toBe(KEY.id);
      expect(await flight.dataOf(seen.token)).toEqual({ cart: 'fuller' });
    },
  );

  it('law 6: dead stays dead, with a slow request across the logout', async () => {
    const { flight, intruder } = await start();
    const token = await flight.signIn(await flight.visit());
    const seen = await flight.across('write', token, async () => {
      expect(await flight.run('logout', token)).toEqual(CLEARED);
    });
    expect(seen).toEqual(ENDED);
    expect([await flight.dataOf(token), await intruder.has(token)]).toEqual([undefined, false]);
  });

  it('ASVS 7.4.3, 7.5.2: list, destroyById and destroyAll find what is encrypted', async () => {
    const { flight } = await start();
    const [one, two, three] = [await flight.signIn(), await flight.signIn(), await flight.signIn()];
    expect(await flight.opening(one, two, three)).toEqual([true, true, true]);
    expect(await flight.run('destroy-by-id', one)).toMatchObject({ says: true });
    expect(await flight.run('destroy-others', two)).toMatchObject({ says: 1 });
    expect(await flight.opening(one, two, three)).toEqual([false, true, false]);
    expect(await flight.run('destroy-all', two)).toMatchObject({ says: 1 });
    expect(await flight.opening(two)).toEqual([false]);
  });

  it('law 7: a session that its data bind to a user (userIdOf) is sealed for the user, under a new id', async () => {
    const { store } = open();
    const intruder = new Intruder(store);
    const session = { store, codec: codecWith(KEY), userIdOf };
    const { url } = await startApp(platform, { controllers: [DataUserController], session });
    const post = (path: string, body: object, token?: string) => call(url, path, { method: 'POST', body, token });
    const first = (await post('/assign', { cart: 'full' })).token as string;
    const second = (await post('/assign', { user: 'ada' }, first)).token as string;
    expect(await intruder.record(second)).toMatchObject({
      userId: 'ada',
      payload: expect.stringMatching(/^2\n2026-11\./),
    });
    expect((await call(url, '/account', { token: second })).text).toBe('reached');
    // And when the data say that nobody is signed in any more, for nobody.
    expect((await call(url, '/data/user', { method: 'DELETE', token: second })).status).toBe(200);
    expect((await call(url, '/data', { token: second })).json()).toEqual({ cart: 'full' });
    expect((await intruder.record(second)).userId).toBeUndefined();
  });
});

const IDLE = 30 * 60_000;
const MAX_STEPS = 40;
/** In minutes, longer than a history lasts. */
const LONGER = (MAX_STEPS * IDLE) / 60_000 + 1;

type Step =
  | { do: 'write' | 'update' | 'loadStale'; key: string; value: number }
  | { do: 'regenerate' | 'reauthenticate' | 'touch' | 'turnKeys' | 'destroy' }
  | { do: 'login'; user: string; minutes: number }
  | { do: 'wait'; time: number };

const named = (key: fc.Arbitrary<string>) => ({ key, value: fc.nat() });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    do: fc.constantFrom('write' as const, 'update' as const, 'loadStale' as const),
    ...named(fc.constantFrom('a', 'b', 'c')),
  }),
  fc.record({
    do: fc.constantFrom('regenerate' as const, 'reauthenticate' as const, 'touch' as const, 'turnKeys' as const),
  }),
  fc.record({
    do: fc.constant('login' as const),
    user: fc.constantFrom('ada', 'bob'),
    minutes: fc.integer({ min: LONGER, max: 2 * LONGER }),
  }),
  fc.record({ do: fc.constant('wait' as const), time: fc.constantFrom(0.25, 1, 60_000, IDLE - 1) }),
  { weight: 1, arbitrary: fc.record({ do: fc.constant('destroy' as const) }) },
);

/** One session through all its ids, users and keys, beside a model of what it holds. */
class History {
  private readonly clock = new TestClock();
  private keys: EncryptionKey[] = [KEY];
  private layer;
  private token = '';
  private data: Record<string, number> = {};
  private userId: string | undefined;

  constructor(private readonly store: MemoryStore) {
    this.layer = this.open();
  }

  async run(steps: Step[]): Promise<void> {
    const request = { headers: {}, url: '/' } as unknown as { session: Session<Record<string, number>> };
    this.layer(request as never, { headersSent: false } as never, () => undefined);
    await request.session.save();
    this.keep(request.session);
    for (const next of steps) {
      if (!(await this.take(next))) break;
      await this.check();
    }
    await this.layer.close();
  }

  private open() {
    const limits = { idleTimeout: IDLE, absoluteTimeout: '90d' } as const;
    return session({
      store: this.store,
      clock: this.clock.now,
      codec: codecWith(...this.keys),
      logger: SILENT,
      ...limits,
    });
  }

  private async take(next: Step): Promise<boolean> {
    if (next.do === 'wait') {
      this.clock.advance(next.time);
      // Used once in all this time, so that it does not end.
      await (await this.loaded()).touch();
      return true;
    }
    const { service } = this.layer;
    const sess = await this.loaded();
    switch (next.do) {
      case 'write':
        sess[next.key] = next.value;
        await sess.save();
        this.data[next.key] = next.value;
        break;
      case 'update':
        await service.update(sess, (draft) => (draft[next.key] = next.value));
        this.data[next.key] = next.value;
        break;
      case 'loadStale': {
        const other = await this.loaded();
        other['other'] = next.value;
        await other.save();
        sess[next.key] = next.value;
        await sess.save();
        Object.assign(this.data, { [next.key]: next.value, other: next.value });
        break;
      }
      case 'touch':
        await sess.touch();
        break;
      case 'regenerate':
        this.keep(await service.regenerate(sess, { keep: Object.keys(this.data) }));
        break;
      case 'reauthenticate':
        if (this.userId !== undefined) this.keep(await service.reauthenticate(sess));
        break;
      case 'login':
        this.userId = next.user;
        this.keep(
          await service.login(sess, next.user, {
            keep: Object.keys(this.data),
            label: 'phone',
            absoluteTimeout: next.minutes * 60_000,
          }),
        );
        break;
      case 'turnKeys':
        await this.layer.close();
        this.keys = [newKey(`key-${String(this.keys.length)}`), ...this.keys];
        this.layer = this.open();
        break;
      case 'destroy':
        await sess.destroy();
        expect(await service.load(this.token)).toBeUndefined();
        return false;
    }
    return true;
  }

  private async loaded(): Promise<Session<Record<string, number>>> {
    const found = await this.layer.service.load<Record<string, number>>(this.token);
    if (found === undefined) throw new Error('The session is gone.');
    return found;
  }

  private keep(sess: Session<Record<string, number>>): void {
    this.token = this.layer.service.info(sess).token as string;
  }

  private async check(): Promise<void> {
    const sess = await this.loaded();
    expect({ ...sess }).toEqual(this.data);
    expect(this.layer.service.info(sess).userId).toBe(this.userId);
    const records = new MemoryRecords(this.store);
    expect(keyIdOf(records.get(idOf(this.token)) as SessionRecord)).toBeDefined();
    for (const [, { payload }] of records.entries()) expect(payload).toMatch(/^2\n/);
  }
}

it('laws 5 to 8: random histories of writes, logins, rotations and new keys, and never plain text', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: MAX_STEPS, size: 'max' }), (steps) =>
      new History(new MemoryStore()).run(steps),
    ),
    { numRuns: 100 },
  );
}, 60_000);
