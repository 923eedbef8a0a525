import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { AppModule, SETTINGS } from './app.module.js';
import { before } from './before.js';
import { settingsOf } from './shared.js';
import { welcome } from './welcome.js';

let folder: string;
let app: INestApplication;
let server: Server;
let urls: { before: string; after: string };

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'from-express-session-'));
  const settings = settingsOf({ SESSION_FOLDER: folder });
  const testing = await Test.createTestingModule({ imports: [AppModule] })
    .overrideProvider(SETTINGS)
    .useValue(settings)
    .compile();
  app = testing.createNestApplication({ logger: false });
  await app.listen(0, '127.0.0.1');
  server = createServer(before(settings));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  urls = { before: `http://127.0.0.1:${port}`, after: await app.getUrl() };
});

afterEach(async () => {
  await app.close();
  await new Promise((closed) => server.close(closed));
  rmSync(folder, { recursive: true });
});

/** A browser: one cookie for both applications, as cookies do not depend on ports. */
class Visitor {
  cookie = '';

  async call(url: string, method: string, path: string, body: Record<string, string> = {}) {
    const headers = { Cookie: this.cookie };
    const answer = await fetch(`${url}/${path}`, {
      ...{ method, headers },
      ...(method === 'POST' && { body: new URLSearchParams(body) }),
    });
    const [set = this.cookie] = answer.headers.getSetCookie();
    this.cookie = set.split(';')[0] ?? '';
    // To its end: express-session sends the headers before it has stored the session.
    return { status: answer.status, text: await answer.text() };
  }

  async me(url: string): Promise<unknown> {
    return JSON.parse((await this.call(url, 'GET', 'me')).text);
  }

  signIn(url: string, password = 'first-program') {
    return this.call(url, 'POST', 'sign-in', { user: 'ada', password });
  }

  /** One who has the same cookie now. */
  copy(): Visitor {
    return Object.assign(new Visitor(), this);
  }
}

const NOBODY = { user: null, cart: [] };

it('prints what the README has, and does what it says', async () => {
  const readme = await readFile(join(import.meta.dirname, 'README.md'), 'utf8');
  const lines = welcome(urls.before, urls.after)
    .split('\n')
    .filter((line) => line.includes('curl'));
  const shown = lines.join('\n').replaceAll(urls.before, 'http://127.0.0.1:3000');
  expect(readme).toContain(`\n${shown.replaceAll(urls.after, 'http://127.0.0.1:3001')}\n`);
  const { stdout } = await promisify(execFile)('sh', ['-ec', lines.join('\n')]);
  expect(readme).toContain(`\`\`\`text\n${stdout}\`\`\``);
});

describe.each([
  ['before', 'after'],
  ['after', 'before'],
] as const)('a session that begins %s', (here, there) => {
  it('is the same on the other side: cart, user, changes, sign-out', async () => {
    const visitor = new Visitor();
    await visitor.call(urls[here], 'POST', 'cart', { item: 'tea' });
    expect(await visitor.me(urls[there])).toEqual({ user: null, cart: ['tea'] });
    expect((await visitor.signIn(urls[here])).status).toBe(200);
    expect(await visitor.me(urls[there])).toEqual({ user: 'ada', cart: ['tea'] });

    await visitor.call(urls[there], 'POST', 'cart', { item: 'milk' });
    expect(await visitor.me(urls[here])).toEqual({ user: 'ada', cart: ['tea', 'milk'] });

    const thief = visitor.copy();
    expect((await visitor.call(urls[there], 'POST', 'sign-out')).status).toBe(204);
    for (const url of [urls[here], urls[there]]) expect(await thief.copy().me(url)).toEqual(NOBODY);
  });

  it('gets a new token at the sign-in; the old one opens nothing on either side', async () => {
    const visitor = new Visitor();
    await visitor.call(urls[here], 'POST', 'cart', { item: 'tea' });
    const anonymous = visitor.copy();
    await visitor.signIn(urls[there]);
    expect(visitor.cookie).not.toBe(anonymous.cookie);
    for (const url of [urls[here], urls[there]]) {
      expect(await anonymous.copy().me(url)).toEqual(NOBODY);
      expect(await visitor.me(url)).toEqual({ user: 'ada', cart: ['tea'] });
    }
  });

  it('is not signed in by a wrong password', async () => {
    const visitor = new Visitor();
    await visitor.call(urls[here], 'POST', 'cart', { item: 'tea' });
    expect((await visitor.signIn(urls[there], 'wrong')).status).toBe(401);
    expect(await visitor.me(urls[here])).toEqual({ user: null, cart: ['tea'] });
  });

  it('takes no id without its signature', async () => {
    const visitor = new Visitor();
    await visitor.signIn(urls[here]);
    visitor.cookie = visitor.cookie.replace('s%3A', '').replace(/\..*/, '');
    expect(await visitor.me(urls[there])).toEqual(NOBODY);
  });
});

it('signs out everywhere: on both sides, once the new one has seen the session', async () => {
  const [old, fresh] = [new Visitor(), new Visitor()];
  await old.signIn(urls.before);
  await old.me(urls.after);
  await old.call(urls.after, 'POST', 'cart', { item: 'tea' });
  await fresh.signIn(urls.after);
  expect((await fresh.call(urls.after, 'POST', 'sign-out-everywhere')).status).toBe(204);
  expect(await old.me(urls.before)).toEqual(NOBODY);
});

it('does not start in production without a secret', () => {
  expect(() => settingsOf({ NODE_ENV: 'production' })).toThrow('SESSION_SECRET is not set.');
  expect(settingsOf({ NODE_ENV: 'production', SESSION_SECRET: 'one' }).cookie.secure).toBe(true);
});
