import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { chromium, type Browser } from 'playwright-core';
import { AppModule } from './app.module.js';
import { servePage } from './serve-page.js';

let browser: Browser;
let app: NestExpressApplication;

beforeAll(async () => {
  browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });
});

afterAll(() => browser.close());

beforeEach(async () => {
  const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = testing.createNestApplication<NestExpressApplication>({ logger: false });
  servePage(app);
  await app.listen(0, '127.0.0.1');
});

afterEach(() => app.close());

it('two tabs chat, and a sign-out in one ends the other', async () => {
  const context = await browser.newContext();
  const url = await app.getUrl();
  const [one, two] = [await context.newPage(), await context.newPage()];
  await one.goto(url);
  await one.getByText('Please sign in.').waitFor();
  await one.getByRole('button', { name: 'Sign in' }).click();
  await one.getByText('You are in the room.').waitFor();
  await two.goto(url);
  await two.getByText('You are in the room.').waitFor();

  await one.getByLabel('Message').fill('hello');
  await one.getByRole('button', { name: 'Send' }).click();
  await one.getByText('Messages of this session: 1').waitFor();
  await two.getByText('ada: hello').waitFor();

  await one.getByRole('button', { name: 'Sign out' }).click();
  for (const page of [one, two]) {
    await page.getByText('You have been signed out.').waitFor();
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
  }
  expect(await two.getByText('ada: hello').count()).toBe(0);
  await context.close();
});
