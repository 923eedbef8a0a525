import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { describeSessionStore, testSessions } from 'nestjs-token-session/testing';
import { AppModule } from './app.module.js';
import { DatabaseSessionStore } from './database-session.store.js';
import { DatabaseService } from './database.module.js';
import { welcome } from './welcome.js';

// The whole contract, as the suite for store authors has it.
describeSessionStore(
  'the custom store',
  () => new DatabaseSessionStore(new DatabaseService(':memory:')),
  { contract: 'simple' },
  { describe, it },
);

describe('the sample', () => {
  let folder: string;
  let app: INestApplication;
  let url: string;

  async function start(): Promise<void> {
    const testing = await Test.createTestingModule({ imports: [AppModule] })
      .overrideProvider(DatabaseService)
      .useFactory({ factory: () => new DatabaseService(join(folder, 'notes.db')) })
      .compile();
    app = testing.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    url = await app.getUrl();
  }

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'custom-store-'));
    await start();
  });

  afterEach(async () => {
    await app.close();
    rmSync(folder, { recursive: true });
  });

  const notes = (headers: Record<string, string>, text?: string): Promise<Response> =>
    fetch(`${url}/notes`, text === undefined ? { headers } : { ...posted(text), headers });
  const posted = (text: string) => ({ method: 'POST', body: new URLSearchParams({ text }) });

  it('prints what the README has, and does what it says', async () => {
    const readme = await readFile(join(import.meta.dirname, 'README.md'), 'utf8');
    const lines = welcome(url)
      .split('\n')
      .filter((line) => line.includes('curl'));
    expect(readme).toContain(`\n${lines.join('\n').replaceAll(url, 'http://127.0.0.1:3000')}\n`);
    const { stdout } = await promisify(execFile)('sh', ['-ec', lines.join('\n')]);
    expect(readme).toContain(`\`\`\`text\n${stdout}\`\`\``);
  });

  it('keeps sessions over a restart', async () => {
    const { headers } = await testSessions(app).anonymous({ notes: ['buy milk'] });
    await app.close();
    await start();
    expect(await (await notes(headers)).json()).toEqual(['buy milk']);
  });

  it('has no token in the database, and one row for a session', async () => {
    const { token, id } = await testSessions(app).anonymous({ notes: ['buy milk'] });
    const database = app.get(DatabaseService);
    const row = database.get('SELECT *, (SELECT count(*) FROM session) AS rows FROM session');
    expect(row).toMatchObject({ sid: id, rows: 1 });
    expect(JSON.stringify(row).includes(token)).toBe(false);
  });

  it('law 5: loses no note of many at the same time', async () => {
    const { headers } = await testSessions(app).anonymous({});
    const texts = Array.from({ length: 10 }, (_, number) => `note ${number}`);
    await Promise.all(texts.map((text) => notes(headers, text)));
    expect(((await (await notes(headers)).json()) as string[]).sort()).toEqual(texts);
  });

  it('removes what has ended', async () => {
    const database = app.get(DatabaseService);
    const store = new DatabaseSessionStore(database);
    await store.set('an ended one', {}, -1);
    expect(await store.get('an ended one')).toBeUndefined();
    await store.set('a living one', {}, 60_000);
    expect(database.get('SELECT count(*) AS rows FROM session')).toMatchObject({ rows: 1 });
  });

  it.each(['', 'x'.repeat(201)])('refuses a note that is none', async (text) => {
    const answer = await notes({}, text);
    expect(answer.status).toBe(400);
    expect(answer.headers.has('X-Auth-Token')).toBe(false);
  });
});
