import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import Database from 'libsql';
import { encrypted, SessionModule } from 'nestjs-token-session';
import { SqliteStore } from 'nestjs-token-session/sqlite';
import { testSessions } from 'nestjs-token-session/testing';
import { AppModule } from './app.module.js';
import { SETTINGS } from './database.module.js';
import { settingsOf } from './settings.js';
import { welcome } from './welcome.js';

let folder: string;
let env: NodeJS.ProcessEnv;
let app: INestApplication | undefined;
let url: string;

/** The sample as main.ts starts it, with these keys. */
async function start(...keys: string[]): Promise<void> {
  const settings = settingsOf({ ...env, SESSION_KEYS: keys.join(',') });
  const testing = await Test.createTestingModule({ imports: [AppModule] })
    .overrideProvider(SETTINGS)
    .useValue(settings)
    .compile();
  app = testing.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
}

async function restart(...keys: string[]): Promise<void> {
  await app?.close();
  await start(...keys);
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'encrypted-'));
  env = { SESSION_FILE: join(folder, 'sessions.db') };
});

afterEach(async () => {
  await app?.close();
  app = undefined;
  rmSync(folder, { recursive: true });
});

const newKey = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const NOVEMBER = newKey('2026-11');
const DECEMBER = newKey('2026-12');

const FORM = { name: 'Ada Lovelace', iban: 'GB33BUKB20201555555555' };
type Form = Partial<typeof FORM>;

const fill = (form: Form, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/checkout`, { method: 'POST', headers, body: new URLSearchParams(form) });

/** Begins a session that holds the form, and gives the headers of its client. */
async function begin(): Promise<{ 'X-Auth-Token': string }> {
  return { 'X-Auth-Token': (await fill(FORM)).headers.get('X-Auth-Token') ?? '' };
}

async function shown(headers: Record<string, string>): Promise<unknown> {
  const answer = await fetch(`${url}/checkout`, { headers });
  return answer.status === 200 ? answer.json() : answer.status;
}

/** All that is on the disk: the file, and what SQLite keeps beside it. */
const onDisk = (): string =>
  readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'latin1'))
    .join('\n');

/** A text as it is, and as it would stand within a base64 text, at each of the three places that it can begin. */
function spellings(text: string): string[] {
  const places = [0, 1, 2].map((place) => Buffer.from(`${'-'.repeat(place)}${text}`).toString('base64'));
  return [text, ...places.map((coded) => coded.slice(4, -4))];
}

it('prints what the README has, and does what it says', async () => {
  await start();
  const readme = await readFile(join(import.meta.dirname, 'README.md'), 'utf8');
  const settings = settingsOf(env);
  const lines = welcome(url, settings)
    .split('\n')
    .filter((line) => /^TOKEN|^cat|^curl/.test(line));
  const inReadme = lines.join('\n').replaceAll(url, 'http://127.0.0.1:3000');
  expect(readme).toContain(`\n${inReadme.replaceAll(settings.file, 'sample/08-encrypted/data/sessions.db')}\n`);
  const { stdout } = await promisify(execFile)('sh', ['-ec', lines.join('\n')]);
  expect(readme).toContain(`\`\`\`text\n${stdout}\`\`\``);
});

it('the file has no data, before and after the end of the application', async () => {
  await start(NOVEMBER);
  const headers = await begin();
  const found = (): string[] =>
    Object.values(FORM)
      .flatMap(spellings)
      .filter((text) => onDisk().includes(text));
  expect(onDisk()).toContain('2026-11.');
  expect(found()).toEqual([]);
  await app?.close();
  expect(found()).toEqual([]);

  // The same search finds what is stored without the codec.
  const database = new Database(join(folder, 'plain.db'));
  const plain = await Test.createTestingModule({
    imports: [SessionModule.forRoot(new SqliteStore({ database }))],
  }).compile();
  await testSessions(plain.createNestApplication()).anonymous(FORM);
  expect(found()).toEqual(Object.values(FORM));
  await plain.close();
  database.close();

  await start(NOVEMBER);
  expect(await shown(headers)).toEqual(FORM);
});

it('rotates keys by three restarts, and nobody loses a session', async () => {
  await start(NOVEMBER);
  const headers = await begin();
  await restart(NOVEMBER, DECEMBER); // all processes can open the new one …
  await restart(DECEMBER, NOVEMBER); // … before the first seals with it
  expect(await shown(headers)).toEqual(FORM);
  expect((await fill({ ...FORM, name: 'Ada Byron' }, headers)).status).toBe(204);
  await restart(DECEMBER); // absoluteTimeout later
  expect(await shown(headers)).toEqual({ ...FORM, name: 'Ada Byron' });
});

it('a session whose key is not there yet is kept, and answered with 503', async () => {
  await start(DECEMBER);
  const headers = await begin();
  await restart(NOVEMBER);
  expect(await shown(headers)).toBe(503);
  await restart(NOVEMBER, DECEMBER);
  expect(await shown(headers)).toEqual(FORM);
});

describe('SESSION_KEYS', () => {
  it('has to be set in production', () => {
    expect(() => settingsOf({ NODE_ENV: 'production' })).toThrow('SESSION_KEYS is not set. It takes <id>:<key>');
    expect(settingsOf({ NODE_ENV: 'production', SESSION_KEYS: NOVEMBER }).keys).toHaveLength(1);
  });

  it.each([
    ['no id', NOVEMBER.slice('2026-11:'.length)],
    ['an empty id', `:${NOVEMBER}`],
    ['a comma at its end', `${NOVEMBER},`],
  ])('with %s is refused, and shows no key', (_, text) => {
    expect(() => settingsOf({ SESSION_KEYS: text })).toThrow(/^SESSION_KEYS: entry [12] has to be <id>:<key>\.$/);
  });

  it.each([
    ['a key that is too short', '2026-11:c2hvcnQ='],
    ['a passphrase', '2026-11:correct horse battery staple'],
    ['an id twice', `${NOVEMBER},${NOVEMBER}`],
  ])('with %s stops the boot', (_, text) => {
    expect(() => encrypted({ keys: settingsOf({ SESSION_KEYS: text }).keys })).toThrow(/^encrypted keys/);
  });
});
