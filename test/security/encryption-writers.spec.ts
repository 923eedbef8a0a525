import {
  MemoryStore,
  type SessionCodec,
  type SessionEvent,
  type SessionOptions,
  type SessionRecord,
} from 'nestjs-token-session';
import { idOf } from '../../lib/session-token.js';
import { closeApps } from '../support/app.js';
import { COOKIE } from '../support/carriers.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import { Flight } from '../support/flight.js';
import { MemoryRecords } from '../support/memory-records.js';
import { codecWith, newKey } from './support/encrypted-stores.js';

/** In the hand of a test: throws while `isAway`, as a service that has the keys may. */
class FailingCodec implements SessionCodec {
  isAway = false;
  private readonly inner = codecWith(KEY) as Required<SessionCodec>;

  encode(data: Record<string, unknown>): string {
    return this.inner.encode(data);
  }

  decode(text: string): Record<string, unknown> {
    return this.inner.decode(text);
  }

  seal(...args: Parameters<Required<SessionCodec>['seal']>): string {
    this.fail();
    return this.inner.seal(...args);
  }

  open(...args: Parameters<Required<SessionCodec>['open']>): ReturnType<Required<SessionCodec>['open']> {
    this.fail();
    return this.inner.open(...args);
  }

  private fail(): void {
    if (this.isAway) throw new Error('the keys are away');
  }
}

const KEY = newKey('k1');
const FOREVER = { idleTimeout: 1e13, absoluteTimeout: 1e13 };

/** An application with a store that somebody else can write to. */
class Attacked {
  readonly events: SessionEvent[];

  private constructor(
    readonly flight: Flight,
    readonly store: MemoryStore,
  ) {
    this.events = collectEvents(flight.running);
  }

  static async start(options: SessionOptions = {}, store = new MemoryStore()): Promise<Attacked> {
    return new Attacked(await Flight.start('express', COOKIE, { store, codec: codecWith(KEY), ...options }), store);
  }

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  write(token: string, changes: Partial<SessionRecord>): void {
    new MemoryRecords(this.store).set(idOf(token), { ...this.recordOf(token), ...changes });
  }

  recordOf(token: string): SessionRecord {
    return new MemoryRecords(this.store).get(idOf(token)) as SessionRecord;
  }
}

describe('ASVS 11.3.3: who can write to the store, and has no key', () => {
  afterEach(closeApps);

  it('an altered session is told where it is found, by list too', async () => {
    const app = await Attacked.start();
    const token = await app.flight.signIn();
    app.write(token, { payload: `${app.recordOf(token).payload.slice(0, -4)}AAAA` });
    expect(await app.flight.sessions.list('ada')).toEqual([]);
    expect(app.types).toContain('record_corrupt');
  });

  it('a session of another key of the same id is told where a login makes room', async () => {
    const { flight, store } = await Attacked.start({ maxPerUser: 1 });
    await flight.signIn();
    const other = await Attacked.start({ maxPerUser: 1, codec: codecWith(newKey('k1')) }, store);
    await other.flight.signIn();
    expect(other.types).toContain('record_corrupt');
  });

  it('can not forge a tombstone: not in place of a session', async () => {
    const app = await Attacked.start();
    const token = await app.flight.signIn();
    app.write(token, { payload: '1{"rotatedTo":null}\n', ...FOREVER });
    await app.flight.run('read', token);
    expect(app.types).toContain('record_corrupt');
    expect((await app.flight.run('login', token)).status).toBe(201);
  });

  it('can not choose by a tombstone whom a sign-out of all others leaves', async () => {
    const app = await Attacked.start();
    const [ada, thief] = [await app.flight.signIn(), await app.flight.signIn()];
    await app.flight.across('destroy-others', ada, async () => {
      app.write(ada, { version: 'z.2', payload: `1{"rotatedTo":"${idOf(thief)}"}\n` });
    });
    expect(await app.flight.dataOf(thief)).toBeUndefined();
  });

  it('can not keep anybody from signing in by a tombstone that takes a place of maxPerUser', async () => {
    const app = await Attacked.start({ maxPerUser: 1, onMaxPerUser: 'reject' });
    const token = await app.flight.signIn();
    app.write(token, { payload: '1{"rotatedTo":null}\n', ...FOREVER });
    expect((await app.flight.run('login', token)).status).toBe(201);
  });

  it('R61b: the tombstone of a renewal is sealed, and tells its requests from others all the same', async () => {
    const app = await Attacked.start();
    const token = await app.flight.signIn();
    await app.flight.run('regenerate', token);
    expect(app.recordOf(token).payload).toMatch(/^2\nk1\.[\w-]+$/);
    app.events.length = 0;
    const late = await app.flight.run('read', token);
    expect([late.status, late.token, app.types]).toEqual([201, undefined, ['token_rotated']]);
  });

  it.each(['3\nx', '2\nnokey.AAAA'])(
    'can keep nobody out for ever by what can not be read here: %j',
    async (payload) => {
      const clock = new TestClock();
      const app = await Attacked.start({ clock: clock.now });
      const token = await app.flight.signIn();
      app.write(token, { payload, ...FOREVER });
      expect((await app.flight.run('login', token)).status).toBe(503);
      clock.advance('30m');
      expect((await app.flight.run('login', token)).status).toBe(201);
    },
  );
});

describe('law 9: a codec whose keys are away for a moment', () => {
  afterEach(closeApps);

  it('ends no session that it can not open: 503, and kept', async () => {
    const codec = new FailingCodec();
    const app = await Attacked.start({ codec });
    const token = await app.flight.signIn();
    codec.isAway = true;
    expect((await app.flight.run('read', token)).status).toBe(503);
    await app.flight.sessions.list('ada');
    codec.isAway = false;
    expect(await app.flight.dataOf(token)).toEqual({});
    expect(app.types).toContain('format_unknown');
  });

  it('costs nobody another session or a place when it can not seal', async () => {
    const codec = new FailingCodec();
    const app = await Attacked.start({ codec, maxPerUser: 1 });
    const token = await app.flight.signIn();
    codec.isAway = true;
    expect((await app.flight.run('login')).status).toBe(500);
    codec.isAway = false;
    expect(await app.flight.dataOf(token)).toEqual({});
  });
});
