import type { Locator, Page } from 'playwright-core';

/** What a card shows, as far as a test cares. */
export interface Shown {
  views?: number;
  says?: string | RegExp;
  idle?: string;
  absolute?: string;
  /** The user; null for the sign-in. */
  user?: string | null;
  /** What stands above the sign-in; '' for nothing. */
  message?: string;
  /** The user's sessions, the one used last first: what stands in each row, with ' … ' for anything between. */
  devices?: string[];
}

type Button =
  | 'Count a view'
  | 'Regenerate'
  | 'Destroy'
  | 'Sign in'
  | 'Sign out'
  | 'Sign out everywhere else'
  | `Sign out ${string}`;

/** One of the page's two cards, as its user sees it. */
export class Card {
  readonly element: Locator;

  constructor(page: Page, name: 'Header' | 'Cookie') {
    this.element = page.getByRole('article', { name });
  }

  async click(name: Button): Promise<void> {
    if (name === 'Regenerate' || name === 'Destroy') await this.lookInside();
    await this.element.getByRole('button', { name, exact: true }).click();
  }

  async signIn(user: string, password: string): Promise<void> {
    await this.element.getByLabel('User', { exact: true }).fill(user);
    await this.element.getByLabel('Password', { exact: true }).fill(password);
    await this.click('Sign in');
  }

  /** Waits until the card shows this. */
  async shows({ views, says, idle, absolute, user, message, devices }: Shown): Promise<void> {
    const unit = views === 1 ? 'view' : 'views';
    if (views !== undefined) await this.part('output', new RegExp(`^\\s*${views} ${unit}\\s*$`));
    if (says !== undefined) await this.part('.status', says);
    if (idle !== undefined) await this.part('[data-clock="idle"] dd', idle);
    if (absolute !== undefined) await this.part('[data-clock="absolute"] dd', absolute);
    if (typeof user === 'string') await this.heading(`Signed in as ${user}`).waitFor();
    if (user === null) await this.heading('Sign in').waitFor();
    if (message === '') await this.element.getByRole('alert').waitFor({ state: 'hidden' });
    else if (message !== undefined) await this.element.getByRole('alert').filter({ hasText: message }).waitFor();
    for (const [index, device] of (devices ?? []).entries()) {
      const words = device.split(' … ').map((part) => part.replaceAll('.', '\\.'));
      await this.part(`.devices li:nth-child(${index + 1})`, new RegExp(words.join('.*'), 's'));
    }
    if (devices !== undefined)
      await this.element.locator(`.devices:not(:has(li:nth-child(${devices.length + 1})))`).waitFor();
  }

  id(): Promise<string | null> {
    return this.element.locator('[data-id]:not(button)').textContent();
  }

  async data(): Promise<unknown> {
    return JSON.parse((await this.element.locator('pre').textContent()) ?? '');
  }

  /** The text of what has the focus in this card; null when nothing has. */
  async focus(): Promise<string | null> {
    const focused = this.element.locator(':focus');
    return (await focused.count()) === 0 ? null : focused.textContent();
  }

  async lookInside(): Promise<void> {
    const inside = this.element.locator('.inside');
    if ((await inside.getAttribute('open')) === null) await inside.locator('summary').click();
  }

  private heading(name: string): Locator {
    return this.element.getByRole('heading', { level: 3, name, exact: true });
  }

  private part(selector: string, hasText: string | RegExp): Promise<void> {
    return this.element.locator(selector).filter({ hasText }).waitFor();
  }
}
