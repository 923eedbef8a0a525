import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { COOKIE, HEADER } from '../support/carriers.js';
import { Flight, RENEWED, type OperationName } from '../support/flight.js';
import { STORE_TIMEOUT } from '../support/faulty-call.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { SteeredStore } from '../support/steered-store.js';

class ClosingStore extends SteeredStore {
  readonly log: string[] = [];

  close(): void {
    this.log.push('store closed');
  }
}

failOnUnhandledRejections();
afterEach(closeApps);

describe.each([
  { platform: 'express', carrier: HEADER },
  { platform: 'fastify', carrier: COOKIE },
] as const)('L93: app.close() with logins in flight on $platform', ({ platform, carrier }) => {
  let store: ClosingStore;
  let flight: Flight;
  let token: string;

  async function start(isBound: boolean, options: object = {}): Promise<void> {
    store = new ClosingStore();
    flight = await Flight.start(platform, carrier, { store, ...options });
    token = await flight.visit();
    if (isBound) token = await flight.signIn(token);
  }

  /** Lets a call of the store wait: the nth of its name from now on. */
  function hold(at: string): Barrier {
    const barrier = new Barrier();
    store.steer = (name, run) => {
      if (name !== at) return run();
      store.steer = undefined;
      return barrier.pass().then(run);
    };
    return barrier;
  }

  /** What another process finds in the store afterwards. */
  async function after(): Promise<Flight> {
    store.steer = undefined;
    return Flight.start(platform, carrier, { store });
  }

  const CASES: [OperationName, boolean, string][] = [
    ...['users.add', 'create', 'users.settle', 'update'].flatMap((at): [OperationName, boolean, string][] => [
      ['login', false, at],
      ['reauthenticate', true, at],
      ['regenerate', true, at],
    ]),
  ];

  it.each(CASES)('waits for %s (bound: %p) held at %s: it is answered with a token that works', async (...plan) => {
    const [operation, isBound, at] = plan;
    await start(isBound);
    const held = hold(at);
    const answering = flight.run(operation, token);
    await held.arrived;
    const closing = flight.running.close().then(() => store.log.push('closed'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(store.log).toEqual([]);
    held.open();
    const answer = await answering;
    expect(answer).toEqual(RENEWED);
    await closing;
    expect(store.log).toEqual(['store closed', 'closed']);
    expect(await (await after()).opening(token, answer.token)).toEqual([false, true]);
  });

  it('waits for what a login does aside: the entry of the user before is removed', async () => {
    await start(true);
    const held = hold('users.remove');
    expect(await flight.run('login-bob', token)).toEqual(RENEWED);
    await held.arrived;
    const closing = flight.running.close();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(store.log).toEqual([]);
    held.open();
    await closing;
    expect(store.log).toEqual(['store closed']);
    expect(store.inner.users.list('ada')).toEqual([]);
  });

  it('waits for a sign-out everywhere, and ends all of it', async () => {
    await start(true);
    const elsewhere = await flight.signIn();
    const held = hold('destroy');
    const ending = flight.sessions.destroyAll('ada');
    await held.arrived;
    const closing = flight.running.close();
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(store.log).toEqual([]);
    held.open();
    expect(await ending).toBe(2);
    await closing;
    expect(await (await after()).opening(token, elsewhere)).toEqual([false, false]);
  });

  it.each(CASES)('is bounded: %s (bound: %p) that hangs at %s is 503, and signs nobody in', async (...plan) => {
    const [operation, isBound, at] = plan;
    await start(isBound, { storeTimeout: STORE_TIMEOUT });
    const held = hold(at);
    const answering = flight.run(operation, token);
    await held.arrived;
    const closing = flight.running.close();
    expect(await answering).toEqual({ status: 503, token: undefined, says: 'OUTCOME_UNKNOWN' });
    await closing;
    expect(store.log).toEqual(['store closed']);
    // Not carried out at all. Where it was the last step of a rotation, the old session had ended before.
    const isIntact = isBound && at !== 'users.settle';
    expect(await (await after()).sessions.list('ada')).toHaveLength(isIntact ? 1 : 0);
  });
});
