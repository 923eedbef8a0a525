import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { testSessions, type TestSession } from 'nestjs-token-session/testing';
import { AppModule } from './app.module.js';
import { welcome } from './welcome.js';

let app: INestApplication;
let url: string;

beforeEach(async () => {
  const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = testing.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});

afterEach(() => app.close());

type Headers = Record<string, string>;
const call = (method: string, path: string, headers: Headers = {}): Promise<Response> =>
  fetch(`${url}${path}`, { method, headers });

function signIn(body: unknown, headers: Headers = {}): Promise<Response> {
  const json = { ...headers, 'Content-Type': 'application/json' };
  return fetch(`${url}/sign-in`, { method: 'POST', headers: json, body: JSON.stringify(body) });
}

/** The session of an answer. */
async function sessionOf(answer: Response | Promise<Response>): Promise<TestSession> {
  const session = testSessions(app).of(await answer);
  if (session === undefined) throw new Error('The answer has no token.');
  return session;
}

const ADA = { username: 'ada', password: 'first-program' };

it('prints what the README has, and does what it says', async () => {
  const readme = await readFile(join(import.meta.dirname, 'README.md'), 'utf8');
  const lines = welcome(url)
    .split('\n')
    .filter((line) => line.includes('curl'));
  expect(readme).toContain(`\n${lines.join('\n').replaceAll(url, 'http://127.0.0.1:3000')}\n`);
  const { stdout } = await promisify(execFile)('sh', ['-ec', lines.join('\n')]);
  expect(readme).toContain(`\`\`\`text\n${stdout}\`\`\``);
});

it('ASVS 7.2.4: a sign-in gives a new token; the anonymous one opens nothing any more', async () => {
  const anonymous = await testSessions(app).anonymous({ theme: 'dark' });
  const ada = await sessionOf(signIn(ADA, anonymous.headers));
  expect(ada.id).not.toBe(anonymous.id);
  expect(await testSessions(app).stored(ada)).toMatchObject({ userId: 'user-1', data: {} });
  expect(await testSessions(app).stored(anonymous)).toBeUndefined();
});

it('R61: a sign-in that is clicked twice succeeds twice', async () => {
  const { headers } = await testSessions(app).anonymous({});
  const answers = await Promise.all([signIn(ADA, headers), signIn(ADA, headers)]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
});

it.each([
  ['a wrong password', { ...ADA, password: 'first-compiler' }],
  ['an unknown user', { ...ADA, username: 'nobody' }],
  ['a user of JavaScript', { ...ADA, username: '__proto__' }],
  ['a password that is a number', { ...ADA, password: 1 }],
  ['a password that is a list', { ...ADA, password: [ADA.password] }],
  ['a user that is a query', { ...ADA, username: { $ne: '' } }],
  ['no password', { username: 'ada' }],
  ['nothing', {}],
])('%s is a 401, and begins no session', async (_, body) => {
  const answer = await signIn(body);
  expect(answer.status).toBe(401);
  expect(answer.headers.has('X-Auth-Token')).toBe(false);
});

it.each([
  ['GET', '/profile'],
  ['GET', '/sessions'],
  ['DELETE', '/sessions/any'],
])('%s %s needs a user', async (method, path) => {
  const { headers } = await testSessions(app).anonymous({});
  for (const answer of [await call(method, path), await call(method, path, headers)]) {
    expect(answer.status).toBe(401);
    expect(await answer.json()).toMatchObject({ code: 'LOGIN_REQUIRED' });
  }
});

it('a user ends their own sessions, and nobody else’s', async () => {
  const ada = await testSessions(app).signedIn('user-1');
  const grace = await testSessions(app).signedIn('user-2');
  expect((await call('DELETE', `/sessions/${ada.id}`, grace.headers)).status).toBe(404);
  expect((await call('GET', '/profile', ada.headers)).status).toBe(200);

  const phone = await testSessions(app).signedIn('user-1');
  expect((await call('DELETE', `/sessions/${phone.id}`, ada.headers)).status).toBe(204);
  expect((await call('GET', '/profile', phone.headers)).status).toBe(401);
  expect(await (await call('GET', '/profile', ada.headers)).json()).toEqual({ id: 'user-1', name: 'Ada' });
});
