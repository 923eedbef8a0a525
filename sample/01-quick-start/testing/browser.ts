import type { NestExpressApplication } from '@nestjs/platform-express';
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core';
import { listen } from '../listen.js';
import { createApp } from './app.js';

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
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
}

/** The sample, the browsers that look at it, and the time of both, which only the test moves. */
export class Stage {
  now = Date.UTC(2026, 0, 1, 12);
  /** What a page must not do: fail, complain or load something from elsewhere. */
  readonly complaints: string[] = [];
  app!: NestExpressApplication;
  url = '';
  private readonly contexts: BrowserContext[] = [];

  constructor(private readonly browser: Browser) {}

  async start(): Promise<void> {
    this.app = await createApp({ clock: () => this.now });
    this.url = await listen(this.app, { PORT: '0' });
  }

  async end(): Promise<void> {
    for (const context of this.contexts) await context.close();
    await this.app.close();
  }

  /** A browser of its own: with its own cookies, and tabs that follow each other. */
  async newBrowser(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    const context = await this.browser.newContext({ viewport: { width: 1100, height: 900 }, ...options });
    const { complaints, url } = this;
    context.setDefaultTimeout(10_000);
    context.on('weberror', (error) => complaints.push(String(error.error())));
    context.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    context.on('request', (request) => request.url().startsWith(url) || complaints.push(request.url()));
    await context.clock.setFixedTime(this.now);
    this.contexts.push(context);
    return context;
  }

  async open(context: BrowserContext): Promise<Page> {
    const page = await context.newPage();
    await page.goto(this.url);
    return page;
  }

  /** Lets time go on, on the server and in the pages. */
  async pass(ms: number): Promise<void> {
    this.now += ms;
    for (const context of this.contexts) await context.clock.setFixedTime(this.now);
  }
}
