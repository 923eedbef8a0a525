import { closeApps } from '../support/app.js';
import { CLEARED, DONE, Flight, RENEWED, WAYS, type OperationName } from '../support/flight.js';
import { failOnUnhandledRejections } from '../support/rejections.js';

failOnUnhandledRejections();
afterEach(closeApps);

describe.each(WAYS)('R63: in one request on $platform by $carrier.name', ({ platform, carrier, createStore }) => {
  let flight: Flight;

  beforeEach(async () => {
    flight = await Flight.start(platform, carrier, { store: createStore() });
  });

  it.each<[OperationName, boolean]>([
    ['logout-then-login', false],
    ['logout-then-login', true],
    ['logout-unawaited-then-login', false],
    ['logout-unawaited-then-login', true],
  ])('%s: the user is signed in afresh (bound before: %p)', async (operation, wasBound) => {
    const visit = await flight.visit();
    const token = wasBound ? await flight.signIn(visit) : visit;
    const answer = await flight.run(operation, token);
    expect(answer).toEqual(RENEWED);
    expect(answer.token).not.toBe(token);
    expect(await flight.dataOf(answer.token)).toEqual({});
    expect(await flight.opening(token, answer.token)).toEqual([false, true]);
    expect(await flight.sessions.list('ada')).toHaveLength(1);
  });

  it('login-then-logout: nobody is signed in, and the token is cleared', async () => {
    const token = await flight.visit();
    expect(await flight.run('login-then-logout', token)).toEqual(CLEARED);
    expect(await flight.dataOf(token)).toBeUndefined();
    expect(await flight.sessions.list('ada')).toEqual([]);
  });

  it('login-then-logout without a token before: nothing is sent', async () => {
    expect(await flight.run('login-then-logout')).toEqual(DONE);
    expect(await flight.sessions.list('ada')).toEqual([]);
  });

  it('login-twice: the last user is signed in, the first is not any more', async () => {
    const answer = await flight.run('login-twice', await flight.visit());
    expect(answer).toEqual(RENEWED);
    expect(await flight.opening(answer.token)).toEqual([true]);
    expect(await flight.sessions.list('bob')).toEqual([]);
  });

  it.each<OperationName>(['write-then-logout', 'save-then-logout'])('%s: the session has ended', async (operation) => {
    const token = await flight.signIn();
    expect(await flight.run(operation, token)).toEqual(CLEARED);
    expect(await flight.opening(token)).toEqual([false]);
  });

  it('logout-then-save: the mistake is an error, and the session has ended', async () => {
    const token = await flight.signIn();
    expect(await flight.run('logout-then-save', token)).toMatchObject({ status: 500, token: '' });
    expect(await flight.opening(token)).toEqual([false]);
  });
});
