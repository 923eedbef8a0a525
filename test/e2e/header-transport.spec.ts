import { bearer, header } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { CounterController } from '../support/counter.controller.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

describe.each(PLATFORMS)('the token in a header of its own, on %s', (platform) => {
  afterEach(closeApps);

  it('is X-Auth-Token by default, whatever its case', async () => {
    const app = await startApp(platform, { controllers: [CounterController] });

    const { token } = await call(app.url, '/views', { method: 'POST' });
    const answer = await call(app.url, '/views', { headers: { 'x-aUTH-tOKEN': token as string } });

    expect(token).toMatch(/^[\w-]{43}$/);
    expect([answer.json(), answer.headers['vary']]).toEqual([{ views: 1 }, 'X-Auth-Token']);
  });

  it('is X-AUTH_TOKEN by option, both ways', async () => {
    const app = await startApp(platform, {
      controllers: [CounterController],
      session: { transport: header('X-AUTH_TOKEN') },
    });

    const issued = await call(app.url, '/views', { method: 'POST' });
    const token = issued.headers['x-auth_token'] as string;
    const read = await call(app.url, '/views', { headers: { 'X-AUTH_TOKEN': token } });
    const elsewhere = await call(app.url, '/views', { token });
    const ended = await call(app.url, '/session', { method: 'DELETE', headers: { 'X-AUTH_TOKEN': token } });

    expect(token).toMatch(/^[\w-]{43}$/);
    expect([issued.token, issued.headers['vary']]).toEqual([undefined, 'X-AUTH_TOKEN']);
    expect([read.json(), elsewhere.json()]).toEqual([{ views: 1 }, { views: 0 }]);
    expect(ended.headers['x-auth_token']).toBe('');
  });

  it('H9: the header twice, with one value or two, is none', async () => {
    const store = new ProbedStore();
    const app = await startApp(platform, { controllers: [CounterController], session: { store } });
    const token = (await call(app.url, '/views', { method: 'POST' })).token as string;
    const events = collectEvents(app);
    store.calls.length = 0;

    for (const second of ['A'.repeat(43), token, '']) {
      const answer = await call(app.url, '/views', { headers: { 'X-Auth-Token': [token, second] } });
      expect(answer.json()).toEqual({ views: 0 });
    }
    expect(store.calls).toEqual([]);
    expect(events).toEqual(Array(3).fill({ type: 'input_validation_fail', transport: 'header X-Auth-Token' }));
  });

  it('the header of the handler with that name is replaced', async () => {
    const app = await startApp(platform, {
      controllers: [CounterController],
      prepare: (nest) => {
        nest.use((_request: unknown, response: { setHeader(name: string, value: string): void }, next: () => void) => {
          response.setHeader('X-Auth-Token', 'of another layer');
          next();
        });
      },
    });
    expect((await call(app.url, '/views', { method: 'POST' })).token).toMatch(/^[\w-]{43}$/);
  });
});

describe('header(name) and bearer({ answerIn })', () => {
  const refused = (message: string): Error =>
    expect.objectContaining({
      name: 'SessionConfigError',
      code: 'INVALID_OPTION',
      message: expect.stringContaining(message),
    }) as Error;

  it.each([
    ['an empty name', ''],
    ['a blank', 'X Auth'],
    ['a colon', 'X-Auth:'],
    ['a line break', 'X-Auth\r\nSet-Cookie'],
    ['no text', 5],
  ])('a wrong name fails at boot, with what came and what it takes: %s', (_title, name) => {
    const came = `takes the name of a header, got ${JSON.stringify(name)}`;
    expect(() => header(name as string)).toThrow(refused(`header: ${came}`));
    expect(() => bearer({ answerIn: name as string })).toThrow(refused(`bearer answerIn: ${came}`));
  });

  // Of the first ones Node keeps one line only when they come twice, so a second value would go unseen.
  it.each([
    ...['Age', 'Authorization', 'Content-Length', 'Content-Type', 'ETag', 'Expires', 'From', 'host'],
    ...['If-Modified-Since', 'If-Unmodified-Since', 'Last-Modified', 'Location', 'Max-Forwards'],
    ...['Proxy-Authorization', 'Referer', 'Retry-After', 'Server', 'User-Agent', 'cookie', 'Set-Cookie'],
  ])('H9: a header with a meaning of its own fails at boot, with what to do: %s', (name) => {
    const reason = `${name} has a meaning of its own; use bearer() or cookie(), or name another header`;
    expect(() => header(name)).toThrow(refused(`header: ${reason}`));
    expect(() => bearer({ answerIn: name })).toThrow(refused(`bearer answerIn: ${reason}`));
  });

  it('bearer: an unknown option fails at boot, with the one that there is', () => {
    expect(() => bearer({ answerin: 'X-Token' } as never)).toThrow(
      refused("bearer answerin: takes answerIn only; got 'no such option'"),
    );
  });
});
