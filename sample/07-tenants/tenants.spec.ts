import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { SessionService, type SessionEvent } from 'nestjs-token-session';
import { AppModule } from './app.module.js';
import { welcome } from './welcome.js';

let app: INestApplication;
let url: string;
let events: SessionEvent[];

beforeEach(async () => {
  const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = testing.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
  events = [];
  app.get(SessionService).events$.subscribe((event) => events.push(event));
});

afterEach(() => app.close());

const PASSWORDS = { acme: 'first-program', globex: 'first-compiler' };
type Tenant = keyof typeof PASSWORDS;

function signIn(tenant: Tenant, Cookie = '', password = PASSWORDS[tenant]): Promise<Response> {
  const body = new URLSearchParams({ user: 'ada', password });
  return fetch(`${url}/${tenant}/sign-in`, { method: 'POST', headers: { Cookie }, body });
}

const cookieOf = (answer: Response): string => answer.headers.getSetCookie()[0] ?? '';
const tokenOf = (answer: Response): string => /=([\w-]{43});/.exec(cookieOf(answer))?.[1] ?? '';
const at = (tenant: string, token: string): string => `sid-${tenant}=${token}`;

/** Sends a path as it is: `fetch` would put it in order. */
function raw(path: string, Cookie: string, method = 'GET'): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    request({ ...{ host: '127.0.0.1', port: new URL(url).port, path, method }, headers: { Cookie } }, (answer) => {
      let body = '';
      answer.on('data', (text) => (body += String(text)));
      answer.on('end', () => resolve({ status: answer.statusCode, body }));
    })
      .on('error', reject)
      .end();
  });
}

it('prints what the README has, and does what it says', async () => {
  const readme = await readFile(join(import.meta.dirname, 'README.md'), 'utf8');
  const lines = welcome(url)
    .split('\n')
    .filter((line) => line.includes('curl'));
  expect(readme).toContain(`\n${lines.join('\n').replaceAll(url, 'http://127.0.0.1:3000')}\n`);
  const { stdout } = await promisify(execFile)('sh', ['-ec', lines.join('\n')]);
  expect(readme).toContain(`\`\`\`text\n${stdout}\`\`\``);
});

it('each tenant has its cookie, on its path', async () => {
  expect(cookieOf(await signIn('acme'))).toMatch(/^sid-acme=[\w-]{43}; .*Path=\/acme; HttpOnly; SameSite=Lax$/);
  expect(cookieOf(await signIn('globex'))).toMatch(/^sid-globex=[\w-]{43}; .*Path=\/globex; HttpOnly; SameSite=Lax$/);
});

it('a token of one tenant opens nothing at another, and goes on at its own', async () => {
  const token = tokenOf(await signIn('acme'));
  for (const cookie of [at('globex', token), `${at('acme', token)}; ${at('globex', token)}`]) {
    expect((await raw('/globex/me', cookie)).status).toBe(401);
  }
  expect(events.map(({ type }) => type)).toContain('session_binding_mismatch');
  expect(JSON.parse((await raw('/acme/me', at('acme', token))).body)).toEqual({
    tenant: 'Acme Inc.',
    userId: 'acme/ada',
  });
});

it('a sign-in over a token of another tenant begins a session of its own', async () => {
  const acme = tokenOf(await signIn('acme'));
  const globex = tokenOf(await signIn('globex', at('globex', acme)));
  expect((await raw('/globex/me', at('globex', globex))).status).toBe(200);
  expect((await raw('/acme/me', at('acme', acme))).status).toBe(200);
  expect((await raw('/acme/me', at('acme', globex))).status).toBe(401);
});

it('no odd spelling of a path belongs to a tenant', async () => {
  const token = tokenOf(await signIn('acme'));
  const cookie = ['acme', 'globex', 'none'].map((tenant) => at(tenant, token)).join('; ');
  const odd = ['/globex/../acme', '/globex/%2e%2e/acme', '/%61cme', '/ACME', '//acme', '/acme%2F', '/acme;x', '/acme.'];
  for (const tenant of [...odd, '/nobody', '', 'http://127.0.0.1/acme']) {
    const me = await raw(`${tenant}/me`, cookie);
    const signOut = await raw(`${tenant}/sign-out`, cookie, 'POST');
    expect({ tenant, statuses: [me.status, signOut.status] }).toEqual({ tenant, statuses: [404, 404] });
  }
  expect((await raw('/acme/me', at('acme', token))).status).toBe(200);
});

it('Ada at one tenant is not Ada at another: neither her password nor her sign-out', async () => {
  expect((await signIn('globex', '', PASSWORDS.acme)).status).toBe(401);
  const acme = tokenOf(await signIn('acme'));
  const globex = tokenOf(await signIn('globex'));
  expect((await raw('/acme/sign-out-everywhere', at('acme', acme), 'POST')).status).toBe(204);
  expect((await raw('/acme/me', at('acme', acme))).status).toBe(401);
  expect((await raw('/globex/me', at('globex', globex))).status).toBe(200);
});
