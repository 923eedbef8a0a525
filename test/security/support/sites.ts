import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type BrowserContext } from 'playwright-core';

/**
 * Names that lead to this machine and are no trustworthy origins over plain http: there Chromium sends no Fetch
 * metadata and takes no Secure cookies. All of them are one site.
 */
export const PLAIN_SITE = 'shop.example';

/**
 * A Chromium that finds `PLAIN_SITE` and what is below it on this machine. It has a profile of its own in which other
 * sites get cookies, as far as `SameSite` lets them: whether they do is for each user to say.
 */
export async function launchBrowser(): Promise<BrowserContext> {
  const folder = mkdtempSync(join(tmpdir(), 'browser-'));
  mkdirSync(join(folder, 'Default'));
  const preferences = { profile: { cookie_controls_mode: 0, block_third_party_cookies: false } };
  writeFileSync(join(folder, 'Default', 'Preferences'), JSON.stringify(preferences));
  const rules = `MAP ${PLAIN_SITE} 127.0.0.1, MAP *.${PLAIN_SITE} 127.0.0.1`;
  const browser = await chromium.launchPersistentContext(folder, {
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', `--host-resolver-rules=${rules}`],
  });
  browser.once('close', () => {
    // Its processes may still be writing for a while: what they leave behind is nobody's loss.
    void rm(folder, { recursive: true, force: true, maxRetries: 10 }).catch(() => undefined);
  });
  return browser;
}

/** A site of somebody else: pages that a test writes, and redirects. */
export class ForeignSite {
  private readonly pages = new Map<string, string>();
  private readonly server: Server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://any');
    const page = this.pages.get(pathname);
    if (pathname === '/307') {
      response.writeHead(307, { Location: searchParams.get('to') ?? '/' }).end();
    } else {
      response.writeHead(page === undefined ? 404 : 200, { 'Content-Type': 'text/html; charset=utf-8' }).end(page);
    }
  });

  async start(): Promise<this> {
    await new Promise<void>((listening) => this.server.listen(0, '127.0.0.1', listening));
    return this;
  }

  end(): Promise<unknown> {
    this.server.closeAllConnections();
    return new Promise((closed) => this.server.close(closed));
  }

  /** Where it is by this name: another name or port is another origin. */
  origin(host: string): string {
    return `http://${host}:${String((this.server.address() as AddressInfo).port)}`;
  }

  /** Puts a page there, found by this name; gives its address. */
  publish(host: string, body: string): string {
    const path = `/page-${String(this.pages.size)}`;
    this.pages.set(path, `<!doctype html><title>elsewhere</title><body>${body}</body>`);
    return this.origin(host) + path;
  }
}

/** A page of `origin` that makes the browser send a POST to `target`. */
export type Attack = (target: string, origin: string) => string;

/** Out of it comes the Origin null, and no cookie that is Lax. */
export const SANDBOXED = 'a form in a sandboxed frame';

/** Pages that make the browser send a POST to `target`, one for each way there is without asking first. */
export const ATTACKS: Record<string, Attack> = {
  'a form': (target) => submitted(`<form method="post" action="${target}"><input name="to" value="mallory"></form>`),
  'a form that looks like JSON': (target) =>
    submitted(
      `<form method="post" enctype="text/plain" action="${target}"><input name='{"to":"mallory","x":"' value='"}'></form>`,
    ),
  'a form in a frame': (target) =>
    `<iframe name="frame"></iframe>${submitted(`<form method="post" target="frame" action="${target}"></form>`)}`,
  [SANDBOXED]: (target) =>
    `<iframe sandbox="allow-scripts allow-forms" srcdoc='<form method="post" action="${target}"></form>${script('document.forms[0].submit()')}'></iframe>`,
  'a form whose answer redirects with 307': (target, origin) =>
    submitted(`<form method="post" action="${origin}/307?to=${encodeURIComponent(target)}"></form>`),
  'fetch without CORS': (target) =>
    script(`fetch("${target}", { method: "POST", mode: "no-cors", credentials: "include", body: "to=mallory" })`),
  'fetch with CORS': (target) =>
    script(`fetch("${target}", { method: "POST", credentials: "include", body: "to=mallory" })`),
  XMLHttpRequest: (target) =>
    script(
      `const x = new XMLHttpRequest(); x.open("POST", "${target}"); x.withCredentials = true; x.send("to=mallory")`,
    ),
  'a beacon': (target) => script(`navigator.sendBeacon("${target}", "to=mallory")`),
};

/** Those that take the user along. */
export const LEAVING: ReadonlySet<string> = new Set([
  'a form',
  'a form that looks like JSON',
  'a form whose answer redirects with 307',
]);

/** It waits for the test, as a tab that leaves before it is there confuses who waits for it. */
function submitted(form: string): string {
  return form + script('function act() { document.forms[0].submit() }');
}

export function script(text: string): string {
  return `<script>${text}</script>`;
}
