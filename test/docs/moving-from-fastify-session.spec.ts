import fastifyCookie from '@fastify/cookie';
import fastifySession from '@fastify/session';
import expressSession from 'express-session';
import fastify, { type FastifyInstance } from 'fastify';
import type { SessionTransport } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { Browser, startMoved } from '../support/express-move.js';
import type { RunningApp } from '../support/platforms.js';
import { exampleOf } from './support/examples.js';

const SECRET = 'the secret of @fastify/session, 32 characters or more';
const PAGE = 'docs/moving-from-fastify-session.md';

type CookieOf = (name: string, secret: string) => SessionTransport;

/** The transport of the page. */
let fastifySessionCookie: CookieOf;

const started: FastifyInstance[] = [];

/** The application that is to be moved: the real @fastify/session on a store of express-session. */
async function startPeer(store: expressSession.Store, cookiePrefix?: string): Promise<string> {
  const app = fastify();
  started.push(app);
  await app.register(fastifyCookie);
  await app.register(fastifySession, {
    secret: SECRET,
    store,
    saveUninitialized: false,
    cookie: { secure: false, maxAge: 30 * 60_000 },
    ...(cookiePrefix !== undefined && { cookiePrefix }),
  });
  app.get('/data', ({ session }) => {
    const { cookie: _cookie, 'nestjs-token-session': _ours, ...data } = session as unknown as Record<string, unknown>;
    return data;
  });
  app.post('/set', async ({ session, body }) => {
    for (const [key, value] of Object.entries(body as object)) session.set(key as never, value as never);
    return null;
  });
  app.post('/logout', async ({ session }) => {
    await session.destroy();
    return null;
  });
  return app.listen({ port: 0, host: '127.0.0.1' });
}

function startOurs(store: expressSession.Store): Promise<RunningApp> {
  return startMoved(store, {
    platform: 'fastify',
    session: {
      transport: fastifySessionCookie('sessionId', SECRET),
      userIdOf: (data) => data['userId'] as string | undefined,
    },
  });
}

describe('docs/moving-from-fastify-session.md', () => {
  beforeAll(async () => {
    const text = 'export function fastifySessionCookie';
    ({ fastifySessionCookie } = await exampleOf<{ fastifySessionCookie: CookieOf }>(PAGE, text));
  });

  afterEach(async () => {
    await closeApps();
    await Promise.all(started.splice(0).map((app) => app.close()));
  });

  it.each([
    ['without a prefix', undefined],
    ['with its cookiePrefix', 's:'],
  ])('keeps who is signed in there, %s', async (_, prefix) => {
    const store = new expressSession.MemoryStore();
    const browser = new Browser();
    await browser.ask(await startPeer(store, prefix), '/set', { userId: 'ada', cart: ['tea'] });
    const { url } = await startOurs(store);
    expect(await browser.data(url)).toEqual({ userId: 'ada', cart: ['tea'] });
    expect(await browser.user(url)).toBe('ada');
    await browser.ask(url, '/set', { cart: [] });
    expect(await browser.data(url)).toEqual({ userId: 'ada', cart: [] });
    await browser.ask(url, '/logout', {});
    expect(await browser.data(url)).toEqual({});
  });

  it('with its cookiePrefix both serve the same sessions, wherever they began', async () => {
    const store = new expressSession.MemoryStore();
    const theirs = await startPeer(store, 's:');
    const { url: ours } = await startOurs(store);
    const browser = new Browser();
    await browser.ask(ours, '/set', { theme: 'dark' });
    expect(await browser.data(theirs)).toEqual({ theme: 'dark' });
    await browser.ask(theirs, '/set', { cart: ['tea'] });
    expect(await browser.data(ours)).toEqual({ theme: 'dark', cart: ['tea'] });
    await browser.ask(theirs, '/logout', {});
    expect(await browser.data(ours)).toEqual({});
  });

  it('without its cookiePrefix it does not take the cookies of sessions that began here', async () => {
    const store = new expressSession.MemoryStore();
    const { url } = await startOurs(store);
    const browser = new Browser();
    await browser.ask(url, '/set', { theme: 'dark' });
    expect(browser.cookie).toMatch(/^sessionId=s%3A/);
    expect(await browser.data(await startPeer(store))).toEqual({});
  });

  it('takes no cookie that is not signed with the secret', async () => {
    const store = new expressSession.MemoryStore();
    const browser = new Browser();
    await browser.ask(await startPeer(store), '/set', { userId: 'ada' });
    const { url } = await startOurs(store);
    browser.cookie = browser.cookie?.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
    expect(await browser.data(url)).toEqual({});
  });
});
