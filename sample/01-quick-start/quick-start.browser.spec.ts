import { jest } from '@jest/globals';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { SessionModule } from 'nestjs-token-session';
import { chromium, type Browser, type BrowserContext, type Locator, type Page } from 'playwright-core';
import { sessionOptions } from './app.module.js';
import { configureApp } from './configure-app.js';
import { listen } from './listen.js';
import { ViewsController } from './views.controller.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

jest.setTimeout(60_000);

let browser: Browser;
let context: BrowserContext;
let page: Page;
let app: NestExpressApplication;
let url: string;
/** The time of the server and of the pages. */
let now: number;
/** What a page must not do: fail, complain or load something from elsewhere. */
let complaints: string[];

beforeAll(async () => {
  browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
});

afterAll(() => browser.close());

beforeEach(async () => {
  now = Date.UTC(2026, 0, 1, 12);
  const testing = await Test.createTestingModule({
    imports: [SessionModule.forRoot({ ...sessionOptions, clock: () => now })],
    controllers: [ViewsController],
  }).compile();
  app = configureApp(testing.createNestApplication<NestExpressApplication>({ logger: false }));
  url = await listen(app, { PORT: '0' });

  complaints = [];
  context = await browser.newContext({ viewport: { width: 1100, height: 900 } });
  context.setDefaultTimeout(10_000);
  context.on('weberror', (error) => complaints.push(String(error.error())));
  context.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  context.on('request', (request) => request.url().startsWith(url) || complaints.push(request.url()));
  await context.clock.setFixedTime(now);
  page = await open();
});

afterEach(async () => {
  await context.close();
  await app.close();
  expect(complaints).toEqual([]);
});

async function open(): Promise<Page> {
  const opened = await context.newPage();
  await opened.goto(url);
  return opened;
}

/** Lets time go on, on the server and in the pages. */
async function pass(ms: number): Promise<void> {
  now += ms;
  await context.clock.setFixedTime(now);
}

/** Makes the picture in the README, when asked: `SCREENSHOT=docs/quick-start.png`. */
async function screenshot(): Promise<void> {
  const path = process.env.SCREENSHOT;
  if (!path) return;
  await pass(72 * SECOND);
  await cookie().shows({ idle: '03:48' });
  await page.screenshot({ path, fullPage: true });
}

/** One of the page's two cards, as its user sees it. */
class Card {
  private readonly element: Locator;

  constructor(page: Page, name: 'Header' | 'Cookie') {
    this.element = page.getByRole('article', { name });
  }

  click(button: 'Count a view' | 'Regenerate' | 'Destroy'): Promise<void> {
    return this.element.getByRole('button', { name: button }).click();
  }

  /** Waits until the card shows this. */
  async shows(expected: { views?: number; says?: string | RegExp; idle?: string; absolute?: string }): Promise<void> {
    const { views, says, idle, absolute } = expected;
    const unit = views === 1 ? 'view' : 'views';
    if (views !== undefined) await this.part('output', new RegExp(`^\\s*${views} ${unit}\\s*$`));
    if (says !== undefined) await this.part('.status', says);
    if (idle !== undefined) await this.part('[data-clock="idle"] dd', idle);
    if (absolute !== undefined) await this.part('[data-clock="absolute"] dd', absolute);
  }

  id(): Promise<string | null> {
    return this.element.locator('[data-id]').textContent();
  }

  async data(): Promise<unknown> {
    return JSON.parse((await this.element.locator('pre').textContent()) ?? '');
  }

  private part(selector: string, hasText: string | RegExp): Promise<void> {
    return this.element.locator(selector).filter({ hasText }).waitFor();
  }
}

const header = (of = page): Card => new Card(of, 'Header');
const cookie = (of = page): Card => new Card(of, 'Cookie');

it('begins without a session, and so without a cookie and without a token', async () => {
  await header().shows({ views: 0, says: 'No session yet', idle: '–', absolute: '–' });
  await cookie().shows({ views: 0, says: 'No session yet', idle: '–', absolute: '–' });
  expect(await context.cookies()).toEqual([]);
  expect(await page.evaluate('sessionStorage.length')).toBe(0);
});

it('counts by the header, and by the cookie, each in a session of its own', async () => {
  for (let click = 0; click < 3; click++) await header().click('Count a view');
  await header().shows({ views: 3, says: 'The session is live.' });
  await cookie().shows({ views: 0, says: 'No session yet' });
  expect(await context.cookies()).toEqual([]);

  await cookie().click('Count a view');
  await cookie().shows({ views: 1, says: 'A new session has begun.' });
  await header().shows({ views: 3 });
  expect(await cookie().id()).not.toBe(await header().id());
  expect(await cookie().data()).toEqual({ views: 1, lastView: expect.any(String) });
  expect(await context.cookies()).toEqual([
    expect.objectContaining({ name: 'sid', httpOnly: true, sameSite: 'Lax', path: '/' }),
  ]);
  expect(await page.evaluate('document.cookie')).toBe('');
  await screenshot();
});

it('goes on with both sessions after a reload', async () => {
  await header().click('Count a view');
  await cookie().click('Count a view');
  await header().shows({ views: 1 });
  await cookie().shows({ views: 1 });
  await page.reload();
  await header().shows({ views: 1, says: 'The session is live.' });
  await cookie().shows({ views: 1, says: 'The session is live.' });
});

describe.each([
  ['header', header],
  ['cookie', cookie],
])('the session by the %s', (_name, card) => {
  it('gets a new id at regenerate and keeps its views', async () => {
    await card().click('Count a view');
    await card().click('Count a view');
    await card().shows({ views: 2 });
    const before = await card().id();

    await card().click('Regenerate');
    await card().shows({ views: 2, says: 'New token, new id' });
    expect(await card().id()).not.toBe(before);
    expect(await card().data()).toEqual({ views: 2 });

    await card().click('Count a view');
    await card().shows({ views: 3 });
  });

  it('ends at destroy, and the next click starts a new one', async () => {
    await card().click('Count a view');
    await card().shows({ views: 1 });
    const before = await card().id();

    await card().click('Destroy');
    await card().shows({ views: 0, says: 'The session was destroyed', idle: '–', absolute: '–' });
    expect(await card().data()).toEqual({});

    await card().click('Count a view');
    await card().shows({ views: 1, says: 'A new session has begun.', idle: '05:00', absolute: '1:00:00' });
    expect(await card().id()).not.toBe(before);
  });

  it('shows both clocks, which tick without asking the server', async () => {
    await card().click('Count a view');
    await card().shows({ idle: '05:00', absolute: '1:00:00' });
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await pass(SECOND);
    await card().shows({ idle: '04:59', absolute: '59:59' });
    await pass(SECOND);
    await card().shows({ idle: '04:58', absolute: '59:58' });
    await pass(4 * MINUTE);
    await card().shows({ idle: '00:58', absolute: '55:58' });
    expect(asked).toEqual([]);

    await card().click('Count a view');
    await card().shows({ views: 2, idle: '05:00', absolute: '55:58' });
  });

  it('ends when its idle clock has run out', async () => {
    await card().click('Count a view');
    await card().shows({ views: 1 });
    await pass(5 * MINUTE);
    await card().shows({ views: 0, says: 'The session has ended: it was not used for 5 minutes.', idle: '–' });
    await card().click('Count a view');
    await card().shows({ views: 1, says: 'A new session has begun.' });
  });

  it('ends when its absolute clock has run out, however much it is used', async () => {
    for (let used = 0; used < 15; used++) {
      await card().click('Count a view');
      await card().shows({ views: used + 1, idle: '05:00' });
      await pass(4 * MINUTE);
    }
    await card().shows({ views: 0, says: 'The session has ended: its 60 minutes were over.' });
  });
});

it('shows what is left by the clock of the server, whatever the time on the device', async () => {
  await context.clock.setFixedTime(now + 3 * 60 * MINUTE);
  await header().click('Count a view');
  await header().shows({ views: 1, idle: '05:00', absolute: '1:00:00' });
});

it('believes the server when a session was used elsewhere meanwhile', async () => {
  await header().click('Count a view');
  await header().shows({ views: 1 });
  await pass(4 * MINUTE);
  await header().shows({ idle: '01:00' });
  const token = await page.evaluate<string>('sessionStorage.getItem("token")');
  await fetch(`${url}/api/views`, { headers: { 'X-Auth-Token': token } });

  await pass(MINUTE);
  await header().shows({ views: 2, idle: '05:00', absolute: '55:00' });
});

it('says so when the server does not answer, and goes on when it does', async () => {
  await header().click('Count a view');
  await header().shows({ views: 1 });
  await page.route('**/api/**', (route) => route.fulfill({ status: 503 }));
  const reported = page.waitForEvent('console');
  await header().click('Count a view');
  await header().shows({ views: 1, says: 'The server did not answer.' });
  await reported;
  expect(complaints.splice(0)).toEqual([expect.stringContaining('503')]);
  await page.unroute('**/api/**');
  await header().click('Count a view');
  await header().shows({ views: 2, says: 'The session is live.' });
});

describe('a second tab', () => {
  async function openSecondTab(): Promise<Page> {
    const [second] = await Promise.all([
      context.waitForEvent('page'),
      page.getByRole('article', { name: 'Cookie' }).getByRole('link', { name: 'Open a second tab' }).click(),
    ]);
    return second;
  }

  it('shows the same session by the cookie, and none by the header', async () => {
    await header().click('Count a view');
    await cookie().click('Count a view');
    await header().shows({ views: 1 });
    await cookie().shows({ views: 1 });

    const second = await openSecondTab();
    await cookie(second).shows({ views: 1, says: 'The session is live.' });
    expect(await cookie(second).id()).toBe(await cookie().id());
    await header(second).shows({ views: 0, says: 'No session yet' });
  });

  it('and the first one follow each other', async () => {
    const second = await openSecondTab();
    await cookie(second).click('Count a view');
    await cookie().shows({ views: 1, says: 'The session is live.' });
    await cookie().click('Count a view');
    await cookie(second).shows({ views: 2 });

    await cookie().click('Regenerate');
    await cookie(second).shows({ views: 2, says: 'The session has a new token, from another tab.' });
    await cookie(second).click('Destroy');
    await cookie().shows({ views: 0, says: 'The session has ended: elsewhere' });
    await cookie().click('Count a view');
    await cookie(second).shows({ views: 1 });
    expect(await cookie(second).id()).toBe(await cookie().id());
  });
});
