import type { Browser, BrowserContext, Page } from 'playwright-core';
import { ApiClient } from './testing/api-client.js';
import { launchChromium, Stage } from './testing/browser.js';
import { Card } from './testing/card.js';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';

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

/** What Chromium itself reports of answers that are refused; anything else stays a complaint. */
function expectRefusals(...statuses: number[]): void {
  const expected = statuses.map((status): unknown => expect.stringContaining(`status of ${status}`));
  expect(stage.complaints.splice(0)).toEqual(expected);
}

/** Another browser, signed in on one of the cards. */
async function elsewhere(on: (of: Page) => Card): Promise<Page> {
  const opened = await stage.open(await stage.newBrowser({ userAgent: FIREFOX }));
  await on(opened).signIn('ada', 'first-program');
  await on(opened).shows({ user: 'ada' });
  return opened;
}

/** What a card's client holds to prove its session. */
async function secretOf(card: 'Header' | 'Cookie'): Promise<string> {
  if (card === 'Header') return page.evaluate('sessionStorage.getItem("token")');
  return (await context.cookies())[0]?.value ?? '';
}

describe.each([
  ['Header', header],
  ['Cookie', cookie],
] as const)('signing in on the card %s', (name, card) => {
  it('gives a new token and a new id, and the views come along (ASVS 7.2.4)', async () => {
    await card().click('Count a view');
    await card().click('Count a view');
    await card().shows({ views: 2, user: null });
    const before = { id: await card().id(), secret: await secretOf(name) };

    await card().signIn('ada', 'first-program');
    await card().shows({ user: 'ada', views: 2, says: 'Signed in, under a new token. The views came along.' });
    expect(await card().data()).toEqual({ views: 2 });
    expect(await card().id()).not.toBe(before.id);
    expect(await secretOf(name)).toMatch(/^[\w-]{43}$/);
    expect(await secretOf(name)).not.toBe(before.secret);

    await card().click('Count a view');
    await card().shows({ views: 3, user: 'ada' });
    await page.reload();
    await card().shows({ views: 3, user: 'ada', devices: [`${name} card`] });
  });

  it('is refused with a wrong password, and the anonymous session goes on', async () => {
    await card().click('Count a view');
    await card().shows({ views: 1 });
    const before = await card().id();
    await card().signIn('ada', 'first-compiler');
    await card().shows({ user: null, message: 'The user or the password is wrong.', views: 1 });
    expect(await card().id()).toBe(before);
    expectRefusals(401);

    await card().signIn('ada', 'first-program');
    await card().shows({ user: 'ada', message: '', views: 1 });
  });

  it('works with the keyboard alone, and the focus is where one goes on', async () => {
    await card().element.getByRole('button', { name: 'grace: first-compiler' }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Enter');
    await card().shows({ user: 'grace', message: '' });
    expect(await card().focus()).toBe('Signed in as grace');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await card().shows({ user: null, message: '', says: 'The session was destroyed.' });
    expect(await card().focus()).toBe('Sign in');
    expect(await card().element.getByLabel('Password', { exact: true }).inputValue()).toBe('');
  });

  it('is over when the user was idle, and the page says so', async () => {
    await card().signIn('ada', 'first-program');
    await card().shows({ user: 'ada' });
    await stage.pass(5 * MINUTE);
    await card().shows({ user: null, message: 'You are signed out: the session was not used for 5 minutes.' });
  });
});

describe('two browsers of one user (ASVS 7.5.2)', () => {
  it('both show both sessions, where each is, when it was used and which one is theirs', async () => {
    const second = await elsewhere(cookie);
    await stage.pass(3 * MINUTE);
    await cookie().signIn('ada', 'first-program');
    const here = 'Cookie card … this one … Chrome on Linux · 127.0.0.1 · just now';
    await cookie().shows({ devices: [here, 'Cookie card … Firefox on Linux · 127.0.0.1 · 3 min ago'] });
    const rows = cookie().element.locator('.devices li');
    await expect(rows.getByText('this one', { exact: true }).count()).resolves.toBe(1);
    await expect(rows.getByRole('button').count()).resolves.toBe(1);

    await stage.pass(SECOND);
    await cookie(second).click('Count a view');
    const there = 'Cookie card … this one … Firefox on Linux';
    await cookie(second).shows({ devices: [there, 'Cookie card … Chrome on Linux'] });
    await screenshot();
  });

  it('one signs the other out, which notices with its next action', async () => {
    await cookie().signIn('ada', 'first-program');
    const second = await elsewhere(header);
    await header(second).click('Sign out Cookie card, Chrome on Linux');
    await header(second).shows({ says: 'That session has ended.', devices: ['Header card … this one'] });

    await cookie().shows({ user: 'ada' });
    await cookie().click('Count a view');
    await cookie().shows({ user: null, message: 'You are signed out: the session was ended elsewhere' });
    await cookie().shows({ views: 1, says: 'A new session has begun.' });

    await cookie().signIn('ada', 'first-program');
    await cookie().shows({ user: 'ada', message: '', devices: ['Cookie card', 'Header card'] });
  });

  it('one signs the other out, which notices when it gets the focus', async () => {
    await header().signIn('ada', 'first-program');
    await header().shows({ user: 'ada' });
    const second = await elsewhere(cookie);
    await cookie(second).click('Sign out Header card, Chrome on Linux');
    await cookie(second).shows({ devices: ['Cookie card … this one'] });

    await page.evaluate('dispatchEvent(new Event("focus"))');
    await header().shows({ user: null, message: 'the session was ended elsewhere', says: 'The session has ended.' });
  });

  it('one signs out everywhere else: it goes on, and nobody else', async () => {
    const grace = new ApiClient(stage.url, 'header');
    await grace.signIn('grace', 'first-compiler');
    await header().signIn('ada', 'first-program');
    await header().shows({ user: 'ada' });
    await cookie().signIn('ada', 'first-program');
    await cookie().shows({ user: 'ada' });
    const second = await elsewhere(cookie);
    await cookie(second).shows({ devices: ['Cookie card', 'Cookie card', 'Header card'] });

    await cookie(second).click('Sign out everywhere else');
    await cookie(second).shows({ user: 'ada', says: 'All other sessions', devices: ['Cookie card … this one'] });
    for (const card of [header(), cookie()]) {
      await card.click('Count a view');
      await card.shows({ user: null, message: 'the session was ended elsewhere', views: 1 });
    }
    await cookie(second).click('Count a view');
    await cookie(second).shows({ user: 'ada', views: 1 });
    expect(await grace.user()).toBe('grace');
  });

  it('signs itself out only', async () => {
    await cookie().signIn('ada', 'first-program');
    await cookie().shows({ user: 'ada' });
    const second = await elsewhere(cookie);
    await cookie(second).click('Sign out');
    await cookie(second).shows({ user: null, message: '' });
    await cookie().click('Count a view');
    await cookie().shows({ user: 'ada', devices: ['Cookie card … this one'] });
  });

  it('a session that has ended already is no error to end', async () => {
    const other = new ApiClient(stage.url, 'header');
    await other.signIn('ada', 'first-program', 'a script');
    await cookie().signIn('ada', 'first-program');
    await cookie().shows({ devices: ['Cookie card', 'a script'] });
    await other.call('DELETE', '/api/session');
    await cookie().click('Sign out a script, a spec');
    await cookie().shows({ user: 'ada', devices: ['Cookie card'], says: 'That session has ended.' });
    expectRefusals(404);
  });
});

it('shows the sessions of both cards on each, and what one ends the other notices at once', async () => {
  await header().signIn('ada', 'first-program');
  await header().shows({ devices: ['Header card … this one'] });
  await cookie().signIn('ada', 'first-program');
  await cookie().shows({ devices: ['Cookie card … this one', 'Header card'] });
  await header().shows({ devices: ['Cookie card', 'Header card … this one'] });
  await cookie().click('Sign out Header card, Chrome on Linux');
  await header().shows({ user: null, message: 'the session was ended elsewhere' });
});

it('a second tab signs in and out with the first, by the cookie', async () => {
  const second = await stage.open(context);
  await cookie(second).signIn('ada', 'first-program');
  await cookie().shows({ user: 'ada' });
  await cookie().click('Sign out');
  await cookie(second).shows({ user: null, message: 'the session was ended elsewhere' });
});

it('asks the server nothing while nobody does anything, so that a session can be idle', async () => {
  await cookie().signIn('ada', 'first-program');
  await cookie().shows({ user: 'ada', idle: '05:00' });
  const asked: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  await stage.pass(2 * MINUTE);
  await cookie().shows({ idle: '03:00', devices: ['2 min ago'] });
  expect(asked).toEqual([]);
});

it('fits into 360 px, with a list of sessions', async () => {
  await elsewhere(header);
  await cookie().signIn('ada', 'first-program');
  await cookie().shows({ devices: ['Cookie card', 'Header card'] });
  await page.setViewportSize({ width: 360, height: 780 });
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(360);
});

/** Makes the picture in the README, when asked: `SCREENSHOT=docs/quick-start.png`. */
async function screenshot(): Promise<void> {
  const path = process.env.SCREENSHOT;
  if (!path) return;
  for (let views = 0; views < 3; views++) await header().click('Count a view');
  await header().shows({ views: 3, user: null });
  await new ApiClient(stage.url, 'header', 'curl/8.14.1').signIn('ada', 'first-program');
  await stage.pass(72 * SECOND);
  await cookie().click('Count a view');
  await cookie().shows({ views: 1, devices: ['Cookie card', 'curl … 1 min ago', '1 min ago'] });
  await stage.pass(21 * SECOND);
  await cookie().shows({ idle: '04:39' });
  await page.screenshot({ path, fullPage: true });
}
