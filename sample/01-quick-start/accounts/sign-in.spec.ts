import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { SessionService } from 'nestjs-token-session';
import { listen } from '../listen.js';
import { ApiClient } from '../testing/api-client.js';
import { createApp, type QuickHasher } from '../testing/app.js';
import { AccountsService, DEMO_ACCOUNTS } from './accounts.service.js';
import { PasswordHasher } from './password-hasher.js';

let app: NestExpressApplication;
let url: string;
let now: number;

beforeEach(async () => {
  now = Date.UTC(2026, 0, 1, 12);
  app = await createApp({ clock: () => now });
  url = await listen(app, { PORT: '0' });
});

afterEach(() => app.close());

describe.each(['header', 'cookie'] as const)('signing in by %s', (way) => {
  it('ASVS 7.2.4: gives a new token; the anonymous one opens nothing any more', async () => {
    const client = new ApiClient(url, way);
    await client.count();
    const anonymous = client.copy();
    const answer = await client.signIn();
    expect(answer.status).toBe(200);
    expect(answer.headers.get('Cache-Control')).toBe('no-store');
    expect(client.token).toMatch(/^[\w-]{43}$/);
    expect(client.token).not.toBe(anonymous.token);
    expect(await answer.text()).not.toContain(client.token);
    expect(await client.user()).toBe('ada');
    expect(await anonymous.session()).toEqual(expect.objectContaining({ isNew: true, data: {} }));
    expect(await anonymous.user()).toBeUndefined();
  });

  it('takes the views of the anonymous visitor along, by name, and nothing else', async () => {
    const client = new ApiClient(url, way);
    await client.count();
    expect((await client.count()).data).toEqual({ views: 2, lastView: expect.any(String) });
    await client.signIn();
    expect((await client.session()).data).toEqual({ views: 2 });
    expect((await client.count()).data.views).toBe(3);
  });

  it("leaves one user's views behind when another signs in over them", async () => {
    const client = await ApiClient.signedIn(url, way);
    await client.count();
    await client.signIn('grace', 'first-compiler');
    expect(await client.session()).toEqual(expect.objectContaining({ userId: 'grace', data: {} }));
    expect((await client.devices()).map(({ isThisOne }) => isThisOne)).toEqual([true]);
  });

  it('keeps the anonymous session as it was when the password is wrong', async () => {
    const client = new ApiClient(url, way);
    await client.count();
    const { token } = client;
    const answer = await client.signIn('ada', 'first-compiler');
    expect(answer.status).toBe(401);
    expect(await answer.json()).toEqual({
      statusCode: 401,
      error: 'Unauthorized',
      code: 'WRONG_CREDENTIALS',
      message: 'The user or the password is wrong.',
    });
    expect(client.token).toBe(token);
    expect((await client.count()).data.views).toBe(2);
    expect(await client.user()).toBeUndefined();
  });

  it('R61: succeeds twice when it was clicked twice', async () => {
    const client = new ApiClient(url, way);
    await client.count();
    const twice = [client.copy(), client.copy()];
    const answers = await Promise.all(twice.map((each) => each.signIn()));
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(await Promise.all(twice.map((each) => each.user()))).toEqual(['ada', 'ada']);
    expect(await client.user()).toBeUndefined();
  });

  it('ASVS 7.4.1: the sign-out ends the session and takes the token back', async () => {
    const client = await ApiClient.signedIn(url, way);
    const thief = client.copy();
    expect((await client.call('DELETE', '/api/session')).status).toBe(204);
    expect(client.token).toBe('');
    expect(await thief.user()).toBeUndefined();
    expect((await thief.call('GET', '/api/devices')).status).toBe(401);
  });

  it('ASVS 7.1.2: beyond five sessions the one that was used longest ago ends', async () => {
    const clients: ApiClient[] = [];
    for (let number = 0; number < 5; number++) {
      clients.push(await ApiClient.signedIn(url, way));
      now += 1000;
    }
    await clients[0]?.count();
    now += 1000;
    clients.push(await ApiClient.signedIn(url, way));
    const users = await Promise.all(clients.map((client) => client.user()));
    expect(users).toEqual(['ada', undefined, 'ada', 'ada', 'ada', 'ada']);
  });
});

describe('the password check', () => {
  const hasher = (): QuickHasher => app.get(PasswordHasher);

  it('answers the same for an unknown user, after the same work', async () => {
    const wrong = await new ApiClient(url, 'header').signIn('ada', 'wrong');
    const unknown = await new ApiClient(url, 'header').signIn('nobody', 'wrong');
    expect(unknown.status).toBe(wrong.status);
    expect(await unknown.json()).toEqual(await wrong.json());
    expect(hasher().compared).toHaveLength(2);
    const [known, decoy] = hasher().compared.map((hash) => hash.split('$'));
    expect(decoy?.slice(0, 4)).toEqual(known?.slice(0, 4));
    expect(decoy?.map(({ length }) => length)).toEqual(known?.map(({ length }) => length));
  });

  it.each(['__proto__', 'constructor', 'toString'])('knows no user %s', async (user) => {
    expect((await new ApiClient(url, 'header').signIn(user, 'first-program')).status).toBe(401);
  });

  it('R60: does not sign in with a password that was changed while it was checked', async () => {
    hasher().beforeAnswer = async () => {
      hasher().beforeAnswer = () => Promise.resolve();
      await app.get(AccountsService).setPassword('ada', 'second-program');
      await app.get(SessionService).destroyAll('ada');
    };
    const client = new ApiClient(url, 'header');
    await client.count();
    const late = await client.signIn('ada', 'first-program');
    expect(late.status).toBe(401);
    expect(await late.json()).toMatchObject({ code: 'WRONG_CREDENTIALS' });
    expect(client.token).toBe('');
    expect(await app.get(SessionService).list('ada')).toEqual([]);
    expect((await client.signIn('ada', 'first-program')).status).toBe(401);
    expect((await client.signIn('ada', 'second-program')).status).toBe(200);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a list', [['ada', 'first-program']]],
    ['no password', { user: 'ada' }],
    ['a password that is a list', { user: 'ada', password: ['first-program'] }],
    ['a user that is an object', { user: { $ne: '' }, password: 'first-program' }],
    ['an empty user', { user: '', password: 'first-program' }],
    ['a password of 257 characters', { user: 'ada', password: 'x'.repeat(257) }],
    ['a label of half a character', { user: 'ada', password: 'first-program', label: '\ud800' }],
    ['a label that is a number', { user: 'ada', password: 'first-program', label: 1 }],
  ])('is not reached by %s', async (_, body) => {
    const answer = await new ApiClient(url, 'header').call('POST', '/api/sign-in', body);
    expect(answer.status).toBe(400);
    expect(hasher().compared).toEqual([]);
  });

  it('ASVS 3.5: is not reached from another site, with a session in a cookie', async () => {
    const client = new ApiClient(url, 'cookie');
    await client.count();
    const headers = { Cookie: `sid=${client.token ?? ''}`, 'Sec-Fetch-Site': 'cross-site' };
    const body = new URLSearchParams({ user: 'grace', password: 'first-compiler' });
    expect((await fetch(`${url}/api/sign-in`, { method: 'POST', headers, body })).status).toBe(403);
    expect(await client.user()).toBeUndefined();
  });
});

it('the page and the README show the demo users with their passwords', async () => {
  const page = await (await fetch(url)).text();
  const readme = await readFile(join(import.meta.dirname, '../README.md'), 'utf8');
  for (const { id, password } of DEMO_ACCOUNTS) {
    expect(page).toContain(`data-fill="${id}" data-password="${password}"`);
    expect(page).toMatch(new RegExp(`>\\s*${id}: ${password}\\s*<`));
    expect(readme).toContain(`\`${id}\` with \`${password}\``);
  }
});
