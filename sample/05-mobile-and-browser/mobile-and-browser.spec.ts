import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { SessionService } from 'nestjs-token-session';
import { testSessions } from 'nestjs-token-session/testing';
import { AppModule } from './app.module.js';
import { servePage } from './serve-page.js';
import { welcome } from './welcome.js';

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;
const APP = { 'X-Client': 'app' };

let app: NestExpressApplication;
let url: string;

beforeEach(async () => {
  const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = testing.createNestApplication<NestExpressApplication>({ logger: false });
  servePage(app);
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});

afterEach(() => app.close());

const call = (method: string, path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/api/${path}`, { method, headers });

const signIn = (headers: Record<string, string> = {}, password = 'first-program'): Promise<Response> =>
  fetch(`${url}/api/sign-in`, { method: 'POST', headers, body: new URLSearchParams({ user: 'ada', password }) });

/** The headers that a client sends after this answer. */
function headersAfter(answer: Response): Record<string, string> {
  const session = testSessions(app).of(answer);
  if (session === undefined) throw new Error('The answer has no token.');
  return session.headers;
}

/** By which ways an answer says something of a token. */
const waysOf = ({ headers }: Response): string[] => [
  ...(headers.has('X-Auth-Token') ? ['header'] : []),
  ...headers.getSetCookie().map(() => 'cookie'),
];

it('prints what the README has, and does what it says', async () => {
  const readme = await readFile(join(import.meta.dirname, 'README.md'), 'utf8');
  const lines = welcome(url)
    .split('\n')
    .filter((line) => line.includes('curl'));
  expect(readme).toContain(`\n${lines.join('\n').replaceAll(url, 'http://127.0.0.1:3000')}\n`);
  const { stdout } = await promisify(execFile)('sh', ['-ec', lines.join('\n')]);
  expect(readme).toContain(`\`\`\`text\n${stdout}\`\`\``);
});

describe.each([
  { client: 'app', way: 'header', headers: APP, idle: 90 * DAY, absolute: 90 * DAY },
  { client: 'browser', way: 'cookie', headers: {}, idle: 30 * MINUTE, absolute: 12 * 60 * MINUTE },
])('the $client', ({ way, headers, idle, absolute }) => {
  it(`is answered by the ${way}, and by that only, from the sign-in to the sign-out`, async () => {
    const answer = await signIn(headers);
    expect(answer.status).toBe(200);
    expect(waysOf(answer)).toEqual([way]);

    const signedIn = headersAfter(answer);
    const again = await signIn(signedIn);
    expect(waysOf(again)).toEqual([way]);

    const out = await call('POST', 'sign-out', headersAfter(again));
    expect(waysOf(out)).toEqual([way]);
    expect(testSessions(app).cleared(out)).toBe(true);
    expect((await call('GET', 'me', headersAfter(again))).status).toBe(401);
  });

  it('law 8: has the limits of its kind', async () => {
    await signIn(headers);
    const [session] = await app.get(SessionService).list('ada');
    expect(session && session.idleExpiresAt - session.usedAt).toBe(idle);
    expect(session && session.absoluteExpiresAt - session.startedAt).toBe(absolute);
  });

  it('gets no token for a wrong password', async () => {
    const answer = await signIn(headers, 'wrong');
    expect(answer.status).toBe(401);
    expect(waysOf(answer)).toEqual([]);
  });
});

it('a browser does not become an app by saying so: its token stays in the cookie, with its limits', async () => {
  const cookie = headersAfter(await signIn());
  expect(waysOf(await signIn({ ...cookie, ...APP }))).toEqual(['cookie']);
  const [session] = await app.get(SessionService).list('ada');
  expect(session?.label).toBe('browser');
});

it('keeps the cookie from scripts, and ends it with the absolute limit', async () => {
  const [cookie = ''] = (await signIn()).headers.getSetCookie();
  expect(cookie).toMatch(/^sid=[\w-]{43}; Max-Age=4[23]\d{3}; Path=\/; HttpOnly; SameSite=Lax$/);
});

it('ASVS 3.5: another site can neither sign in nor out with the cookie', async () => {
  const cookie = headersAfter(await signIn());
  const foreign = { ...cookie, 'Sec-Fetch-Site': 'cross-site' };
  expect((await signIn(foreign)).status).toBe(403);
  expect((await call('POST', 'sign-out', foreign)).status).toBe(403);
  expect((await call('GET', 'me', cookie)).status).toBe(200);
});

it('each is in the list of the other, and can end it', async () => {
  const phone = headersAfter(await signIn(APP));
  const browser = headersAfter(await signIn());
  type View = { id: string; label: string; isThisOne: boolean };
  const seen = (await (await call('GET', 'sessions', phone)).json()) as View[];
  expect(seen.map(({ label, isThisOne }) => [label, isThisOne])).toEqual([
    ['browser', false],
    ['phone', true],
  ]);
  expect((await call('DELETE', `sessions/${String(seen[0]?.id)}`, phone)).status).toBe(204);
  expect((await call('GET', 'me', browser)).status).toBe(401);
  expect((await call('GET', 'me', phone)).status).toBe(200);
});
