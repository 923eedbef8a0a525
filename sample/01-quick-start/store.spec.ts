import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { PasswordHasher } from './accounts/password-hasher.js';
import { AppModule } from './app.module.js';
import { configureApp } from './configure-app.js';
import { listen } from './listen.js';
import { OPENED_STORE, openStore, sessionFile } from './store.module.js';
import { ApiClient } from './testing/api-client.js';
import { QuickHasher } from './testing/app.js';
import { welcome } from './welcome.js';

let folder: string;
let env: NodeJS.ProcessEnv;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'quick-start-'));
  env = { SESSION_STORE: 'sqlite', SESSION_FILE: join(folder, 'data', 'sessions.db') };
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The application as main.ts starts it, in this environment. */
async function start(): Promise<{ app: NestExpressApplication; url: string }> {
  const testing = await Test.createTestingModule({ imports: [AppModule] })
    .overrideProvider(OPENED_STORE)
    .useFactory({ factory: () => openStore(env) })
    .overrideProvider(PasswordHasher)
    .useClass(QuickHasher)
    .compile();
  const app = configureApp(testing.createNestApplication<NestExpressApplication>({ logger: false }));
  return { app, url: await listen(app, { PORT: '0' }) };
}

describe('SESSION_STORE=sqlite', () => {
  it.each(['header', 'cookie'] as const)('keeps who is signed in over a restart, by %s', async (way) => {
    const before = await start();
    const client = await ApiClient.signedIn(before.url, way);
    await client.count();
    await before.app.close();

    const after = await start();
    const again = new ApiClient(after.url, way);
    again.token = client.token;
    expect((await again.count()).data.views).toBe(2);
    expect(await again.user()).toBe('ada');
    expect(await again.devices()).toHaveLength(1);
    await again.call('DELETE', '/api/session');
    await after.app.close();

    const last = await start();
    const ended = new ApiClient(last.url, way);
    ended.token = client.token;
    expect(await ended.user()).toBeUndefined();
    await last.app.close();
  });

  it('says where, and otherwise that it is possible', () => {
    expect(welcome('http://x', sessionFile(env))).toContain(`\nSessions: ${String(env.SESSION_FILE)}\n`);
    expect(welcome('http://x', sessionFile({}))).toContain('SESSION_STORE=sqlite npm start');
    expect(sessionFile({ SESSION_STORE: 'sqlite' })).toMatch(/data.sessions\.db$/);
    expect(() => sessionFile({ SESSION_STORE: 'mysql' })).toThrow('SESSION_STORE takes memory or sqlite; got mysql.');
  });
});
