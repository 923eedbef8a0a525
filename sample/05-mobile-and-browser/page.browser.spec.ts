import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { SessionService } from 'nestjs-token-session';
import { testSessions } from 'nestjs-token-session/testing';
import { AppModule } from './app.module.js';
import { LIMITS } from './clients.js';
import { servePage } from './serve-page.js';

let browser: Browser;
let app: NestExpressApplication;
let context: BrowserContext;
let page: Page;
let url: string;

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
});

afterAll(() => browser.close());

beforeEach(async () => {
  const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = testing.createNestApplication<NestExpressApplication>({ logger: false });
  servePage(app);
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
  context = await browser.newContext();
  page = await context.newPage();
});

afterEach(async () => {
  await context.close();
  await app.close();
});

const says = (text: string | RegExp): Promise<void> => page.getByText(text).waitFor();
const click = (name: string): Promise<void> => page.getByRole('button', { name }).click();

it('signs in by a cookie that no script sees, shows the phone, ends its session, and signs out', async () => {
  const phone = await testSessions(app).signedIn('ada', { ...LIMITS.app, label: 'phone', via: 'header' });
  await page.goto(url);
  await click('Sign in');
  await says('Hello, ada');
  await says(/ends in (29|30) minutes if it is not used, in 12 hours in any case/);
  await says('ends in 90 days if it is not used, in 90 days in any case');
  expect(await page.evaluate('document.cookie + localStorage.length + sessionStorage.length')).toBe('00');
  expect(await context.cookies()).toMatchObject([{ name: 'sid', httpOnly: true, sameSite: 'Lax' }]);

  await click('Sign out there');
  await says('That session has ended.');
  expect(await testSessions(app).stored(phone)).toBeUndefined();

  await click('Sign out');
  await says('Signed out.');
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
  expect(await context.cookies()).toEqual([]);
  expect(await app.get(SessionService).list('ada')).toEqual([]);
});

it('says that the password is wrong, and that the session was ended elsewhere', async () => {
  await page.goto(url);
  await page.getByLabel('Password').fill('wrong');
  await click('Sign in');
  await says('the user or the password may be wrong');

  await page.getByLabel('Password').fill('first-program');
  await click('Sign in');
  await says('Hello, ada');
  await app.get(SessionService).destroyAll('ada');
  await click('Refresh');
  await page.getByRole('button', { name: 'Sign in' }).waitFor();
});
