import { setImmediate as turn } from 'node:timers/promises';
import type { SessionEvent } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { HEADER } from '../support/carriers.js';
import { collectEvents } from '../support/events.js';
import { DONE, Flight, type Seen } from '../support/flight.js';
import { PLATFORMS, type Platform } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { SteeredStore } from '../support/steered-store.js';

/** How long a call may take, in ms. */
const STORE_TIMEOUT = 200;
/** After so many calls in a row without an answer only one at a time is sent on. */
const LIMIT = 100;

const UNAVAILABLE: Seen = { status: 503, token: undefined, says: 'STORE_UNAVAILABLE' };

let store: SteeredStore;
let flight: Flight;
let token: string;
let events: SessionEvent[];
/** Answers the calls that hang. */
let late: (() => void)[];

async function start(platform: Platform): Promise<void> {
  store = new SteeredStore();
  flight = await Flight.start(platform, HEADER, { store, storeTimeout: STORE_TIMEOUT });
  token = await flight.visit();
  events = collectEvents(flight.running);
  store.calls.length = 0;
  late = [];
}

function silence(): void {
  store.steer = (_name, run) =>
    new Promise((resolve) => {
      late.push(() => {
        resolve(run());
      });
    });
}

const reads = (count: number): Promise<Seen[]> =>
  Promise.all(Array.from({ length: count }, () => flight.run('read', token)));

failOnUnhandledRejections();
afterEach(closeApps);

describe.each(PLATFORMS)('F69: a store that says nothing any more on %s', (platform) => {
  it(`is asked by no more than one request at a time after ${LIMIT} calls; the others fail at once`, async () => {
    await start(platform);
    silence();
    expect(await reads(LIMIT)).toEqual(Array.from({ length: LIMIT }, () => UNAVAILABLE));
    expect(store.calls).toHaveLength(LIMIT);

    const asking = { isOver: false };
    const probe = flight.run('read', token).finally(() => (asking.isOver = true));
    while (store.calls.length === LIMIT) await turn();
    let refused = 0;
    for (;;) {
      const [seen] = await reads(1);
      if (asking.isOver) break;
      expect([seen, store.calls.length]).toEqual([UNAVAILABLE, LIMIT + 1]);
      refused++;
    }
    expect(refused).toBeGreaterThan(0);
    expect(await probe).toEqual(UNAVAILABLE);
    store.calls.length = 0;

    // Each in its turn.
    expect([await reads(1), await reads(1)]).toEqual([[UNAVAILABLE], [UNAVAILABLE]]);
    expect(store.calls).toHaveLength(2);
  });

  it('holds back writes, logins and logouts too, and never calls them successes', async () => {
    await start(platform);
    silence();
    await reads(LIMIT);
    const probe = flight.run('read', token);
    while (store.calls.length === LIMIT) await turn();
    for (const operation of ['shop', 'login', 'destroy-all'] as const) {
      expect([operation, await flight.run(operation)]).toEqual([operation, UNAVAILABLE]);
    }
    expect(await flight.run('logout', token)).toEqual(UNAVAILABLE);
    expect(await probe).toEqual(UNAVAILABLE);
  });

  it('is open to all again with its first answer', async () => {
    await start(platform);
    silence();
    await reads(LIMIT);
    const probe = flight.run('read', token);
    while (store.calls.length === LIMIT) await turn();
    late.at(-1)?.();
    store.steer = undefined;
    expect(await probe).toMatchObject({ status: 201, says: { cart: 'full' } });
    const calls = store.calls.length;
    expect(await reads(LIMIT)).toEqual(Array.from({ length: LIMIT }, () => ({ ...DONE, says: { cart: 'full' } })));
    expect(store.calls).toHaveLength(calls + LIMIT);
    expect(events.at(-1)).toMatchObject({ type: 'store_recovered' });
  });

  it('is open to all again with its first refusal, which is an answer', async () => {
    await start(platform);
    silence();
    await reads(LIMIT);
    store.steer = () => Promise.reject(new Error('READONLY'));
    expect(await reads(1)).toEqual([UNAVAILABLE]);
    const calls = store.calls.length;
    await reads(LIMIT);
    expect(store.calls).toHaveLength(calls + LIMIT);
  });

  it('is not shut off for calls that get lost among others', async () => {
    await start(platform);
    let call = 0;
    store.steer = (_name, run) => (++call % 2 === 0 ? new Promise(() => undefined) : Promise.resolve(run()));
    const rounds = 3;
    for (let round = 0; round < rounds; round++) {
      const seen = await reads(LIMIT);
      expect(seen.filter(({ status }) => status === 201)).toHaveLength(LIMIT / 2);
    }
    expect(store.calls).toHaveLength(rounds * LIMIT);
  });

  it('is never asked for all that it has meanwhile: that takes long, and would shut out everybody else', async () => {
    await start(platform);
    silence();
    await reads(LIMIT);
    const refused = async (): Promise<void> => {
      for (const all of [() => flight.sessions.count(), () => flight.sessions.clear()]) {
        await expect(all()).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
        expect(events.at(-1)).toMatchObject({ type: 'store_failed', reason: 'does not answer' });
      }
    };
    await refused();
    const probe = flight.run('read', token);
    while (store.calls.length === LIMIT) await turn();
    await refused();
    expect(store.calls).toHaveLength(LIMIT + 1);
    late.at(-1)?.();
    // The session is still there.
    expect(await probe).toMatchObject({ status: 201, says: { cart: 'full' } });
    expect(await flight.sessions.count()).toBe(1);
  });

  it('has not recovered when a cache of its own gives at once what was near at hand', async () => {
    await start(platform);
    store.steer = (_name, run) => Promise.resolve(run());
    expect((await reads(1))[0]?.status).toBe(201);
    const hang = (): Promise<never> => new Promise(() => undefined);
    store.steer = (name, run) => (name === 'load' ? run() : hang());
    await Promise.all(Array.from({ length: LIMIT }, () => flight.run('write', token)));
    const asked = (): number => store.calls.filter((name) => name !== 'load').length;
    expect(asked()).toBe(LIMIT);

    expect(await reads(3)).toEqual(Array.from({ length: 3 }, () => ({ ...DONE, says: { cart: 'full' } })));
    const probe = flight.run('write', token);
    while (asked() === LIMIT) await turn();
    expect(await flight.run('write', token)).toEqual(UNAVAILABLE);
    expect(await probe).toMatchObject({ status: 503, says: 'OUTCOME_UNKNOWN' });
    expect(asked()).toBe(LIMIT + 1);
    expect(events.filter(({ type }) => type === 'store_recovered')).toEqual([]);

    store.steer = (_name, run) => Promise.resolve(run());
    expect(await flight.run('write', token)).toEqual(DONE);
    expect(events.filter(({ type }) => type === 'store_recovered')).toHaveLength(1);
  });

  it('refuses changes, and a cache of its own goes on: that is one failure, and no recovery', async () => {
    await start(platform);
    store.steer = (_name, run) => Promise.resolve(run());
    expect((await reads(1))[0]?.status).toBe(201);
    store.steer = (name, run) => (name === 'load' ? run() : Promise.reject(new Error('OOM')));
    for (let round = 0; round < 3; round++) {
      expect(await flight.run('write', token)).toEqual(UNAVAILABLE);
      expect((await reads(1))[0]?.status).toBe(201);
    }
    expect(new Set(events.map(({ type }) => type))).toEqual(new Set(['store_failed']));
  });
});
