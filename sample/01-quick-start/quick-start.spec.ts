import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import type { DeviceView } from './accounts/devices.controller.js';
import { AppModule } from './app.module.js';
import { configureApp } from './configure-app.js';
import { listen } from './listen.js';
import type { SessionView } from './session-view.js';
import { ApiClient } from './testing/api-client.js';
import { createApp } from './testing/app.js';
import { welcome } from './welcome.js';

const anyFreePort = { PORT: '0' };

let app: NestExpressApplication;
let url: string;

beforeEach(async () => {
  app = await createApp();
  url = await listen(app, anyFreePort);
});

afterEach(() => app.close());

function call(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> {
  return fetch(url + path, { method, headers });
}

async function view(answer: Response | Promise<Response>): Promise<SessionView> {
  return (await (await answer).json()) as SessionView;
}

/** Begins a session and gives its token. */
async function begin(): Promise<string> {
  return (await call('/api/views')).headers.get('X-Auth-Token') ?? '';
}

describe('the printed lines', () => {
  const lines = (): string[] =>
    welcome(url)
      .split('\n')
      .filter((line) => line.includes('curl'));

  it('are four, with the address that the sample listens on', () => {
    expect(lines()).toHaveLength(4);
    for (const line of lines()) expect(line).toContain(`${url}/api/`);
  });

  it('stand in the README too', async () => {
    const readme = await readFile(join(import.meta.dirname, 'README.md'), 'utf8');
    for (const line of lines()) expect(readme).toContain(`\n${line.replaceAll(url, 'http://127.0.0.1:3000')}\n`);
  });

  describe.each(['sh', 'bash'])('in %s', (shell) => {
    const paste = async (...pasted: string[]): Promise<string> =>
      (await promisify(execFile)(shell, ['-ec', pasted.join('\n')], { env: { PATH: process.env.PATH } })).stdout;
    const statuses = (output: string): string[] =>
      [...output.matchAll(/^HTTP\/1.1 (.*)\r$/gm)].map(([, text = '']) => text);
    const bodies = <T>(output: string, kind: '{' | '['): T[] =>
      output.split('\n').flatMap((line) => (line.startsWith(kind) ? [JSON.parse(line) as T] : []));
    const sessions = (output: string): SessionView[] => bodies(output, '{');
    const lists = (output: string): DeviceView[][] => bodies(output, '[');

    it('work one after the other: a second view, a sign-in that keeps both, a sign-out', async () => {
      const look = `curl -s -H "X-Auth-Token: $TOKEN" ${url}/api/session; echo`;
      const [get = '', use = '', signIn = '', end = ''] = lines();
      const output = await paste(get, use, signIn, look, end, look);
      expect(statuses(output)).toEqual(['200 OK', '204 No Content']);
      expect(output).toMatch(/^X-Auth-Token: [\w-]{43}\r$/m);
      expect(output).toMatch(/^X-Auth-Token: \r$/m);
      expect(sessions(output).map(({ data, userId }) => [data.views, userId])).toEqual([
        [1, undefined],
        [2, undefined],
        [2, 'ada'],
        [undefined, undefined],
      ]);
      expect(lists(output)).toEqual([[expect.objectContaining({ isThisOne: true })]]);
      expect(lists(output)[0]?.[0]?.device?.userAgent).toMatch(/^curl\//);
    });

    it('work alone', async () => {
      const [get = '', use = '', signIn = '', end = ''] = lines();
      expect(sessions(await paste(get))).toMatchObject([{ isNew: false, data: { views: 1 } }]);
      expect(sessions(await paste(use))).toMatchObject([{ isNew: false, data: { views: 2 } }]);
      expect(lists(await paste(signIn))).toEqual([[expect.objectContaining({ isThisOne: true })]]);
      expect(statuses(await paste(end))).toEqual(['204 No Content']);
    });
  });
});

describe('the API', () => {
  it('hands out the token in the header and shows it nowhere else', async () => {
    const answer = await call('/api/views');
    const token = answer.headers.get('X-Auth-Token') ?? '';
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(await answer.text()).not.toContain(token);
  });

  it('hands it out in a cookie to those who ask for one', async () => {
    const answer = await call('/api/views', { 'X-Token-In': 'cookie' });
    expect(answer.headers.getSetCookie()).toEqual([expect.stringMatching(/^sid=[\w-]{43}; .*HttpOnly; SameSite=Lax/)]);
    expect(answer.headers.has('X-Auth-Token')).toBe(false);

    const [cookie = ''] = answer.headers.getSetCookie();
    expect((await view(call('/api/views', { Cookie: cookie }))).data.views).toBe(2);
  });

  it('stores nothing and hands out nothing for a look', async () => {
    const answer = await call('/api/session', { 'X-Token-In': 'cookie' });
    expect(answer.headers.has('X-Auth-Token')).toBe(false);
    expect(answer.headers.getSetCookie()).toEqual([]);
    expect(await view(answer)).toMatchObject({ isNew: true, data: {} });
  });

  it('counts every one of many views at the same time', async () => {
    const token = await begin();
    await Promise.all(Array.from({ length: 20 }, () => call('/api/views', { 'X-Auth-Token': token })));
    expect((await view(call('/api/session', { 'X-Auth-Token': token }))).data.views).toBe(21);
  });

  it('tells when the session ends, by both clocks', async () => {
    const { startedAt, usedAt, idleExpiresAt, absoluteExpiresAt } = await view(call('/api/views'));
    expect(idleExpiresAt - usedAt).toBe(5 * 60_000);
    expect(absoluteExpiresAt - startedAt).toBe(60 * 60_000);
  });

  it('gives a new token, with the data that it keeps by name', async () => {
    const old = await begin();
    const answer = await call('/api/session/regenerate', { 'X-Auth-Token': old }, 'POST');
    const token = answer.headers.get('X-Auth-Token') ?? '';
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(token).not.toBe(old);
    expect((await view(answer)).data).toEqual({ views: 1 });
    expect(await view(call('/api/session', { 'X-Auth-Token': token }))).toMatchObject({ data: { views: 1 } });
    expect(await view(call('/api/session', { 'X-Auth-Token': old }))).toMatchObject({ isNew: true, data: {} });
  });

  it('has nothing to regenerate without a session', async () => {
    expect((await call('/api/session/regenerate', {}, 'POST')).status).toBe(401);
  });

  it('refuses another site that acts with the cookie', async () => {
    const [cookie = ''] = (await call('/api/views', { 'X-Token-In': 'cookie' })).headers.getSetCookie();
    const foreign = { Cookie: cookie, 'Sec-Fetch-Site': 'cross-site' };
    expect((await call('/api/session', foreign, 'DELETE')).status).toBe(403);
    expect((await view(call('/api/session', { Cookie: cookie }))).isNew).toBe(false);
  });
});

describe('the sample', () => {
  it('is made of what its module says, with real password hashes', async () => {
    const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
    const real = configureApp(testing.createNestApplication<NestExpressApplication>({ logger: false }));
    const client = new ApiClient(await listen(real, anyFreePort), 'cookie');
    expect((await client.signIn('grace', 'first-compiler')).status).toBe(200);
    expect((await client.count()).userId).toBe('grace');
    await real.close();
  });

  it('serves its page', async () => {
    const page = await call('/');
    expect(page.headers.get('Content-Type')).toContain('text/html');
    expect(page.headers.get('Content-Security-Policy')).toContain("default-src 'self'");
    expect(await page.text()).toContain('nestjs-token-session');
  });

  it('says so when its port is in use', async () => {
    const { port } = new URL(url);
    const second = await createApp();
    await expect(listen(second, { PORT: port })).rejects.toThrow(`Port ${port} is in use. Set PORT to another one`);
    await second.close();
  });
});
