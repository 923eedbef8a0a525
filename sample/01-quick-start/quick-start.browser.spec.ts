import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchChromium, Stage } from './testing/browser.js';
import { Card } from './testing/card.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;

let browser: Browser;
let stage: Stage;
let context: BrowserContext;
let page: Page;

beforeAll(async () => {
  browser = await launchChromium();
});

afterAll(() => browser.close());

beforeEach(async () => {
  stage = new Stage(browser);
  await stage.start();
  context = await stage.newBrowser();
  page = await stage.open(context);
});

afterEach(async () => {
  await stage.end();
  expect(stage.complaints).toEqual([]);
});

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
    await stage.pass(SECOND);
    await card().shows({ idle: '04:59', absolute: '59:59' });
    await stage.pass(SECOND);
    await card().shows({ idle: '04:58', absolute: '59:58' });
    await stage.pass(4 * MINUTE);
    await card().shows({ idle: '00:58', absolute: '55:58' });
    expect(asked).toEqual([]);

    await card().click('Count a view');
    await card().shows({ views: 2, idle: '05:00', absolute: '55:58' });
  });

  it('ends when its idle clock has run out', async () => {
    await card().click('Count a view');
    await card().shows({ views: 1 });
    await stage.pass(5 * MINUTE);
    await card().shows({ views: 0, says: 'The session has ended: it was not used for 5 minutes.', idle: '–' });
    await card().click('Count a view');
    await card().shows({ views: 1, says: 'A new session has begun.' });
  });

  it('ends when its absolute clock has run out, however much it is used', async () => {
    for (let used = 0; used < 15; used++) {
      await card().click('Count a view');
      await card().shows({ views: used + 1, idle: '05:00' });
      await stage.pass(4 * MINUTE);
    }
    await card().shows({ views: 0, says: 'The session has ended: it was 60 minutes old.' });
  });
});

it('shows what is left by the clock of the server, whatever the time on the device', async () => {
  await context.clock.setFixedTime(stage.now + 3 * 60 * MINUTE);
  await header().click('Count a view');
  await header().shows({ views: 1, idle: '05:00', absolute: '1:00:00' });
});

it('believes the server when a session was used elsewhere meanwhile', async () => {
  await header().click('Count a view');
  await header().shows({ views: 1 });
  await stage.pass(4 * MINUTE);
  await header().shows({ idle: '01:00' });
  const token = await page.evaluate<string>('sessionStorage.getItem("token")');
  await fetch(`${stage.url}/api/views`, { headers: { 'X-Auth-Token': token } });

  await stage.pass(MINUTE);
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
  expect(stage.complaints.splice(0)).toEqual([expect.stringContaining('503')]);
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
    await cookie().shows({ views: 0, says: 'The session has ended: it was ended elsewhere' });
    await cookie().click('Count a view');
    await cookie(second).shows({ views: 1 });
    expect(await cookie(second).id()).toBe(await cookie().id());
  });
});
