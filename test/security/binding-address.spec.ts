import { Agent, createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import connect from 'connect';
import express from 'express';
import {
  clientAddress,
  combined,
  session,
  userAgent,
  type Session,
  type SessionBinding,
  type SessionEvent,
} from 'nestjs-token-session';
import { closeApps, SILENT } from '../support/app.js';
import { call } from '../support/client.js';
import { CounterController } from '../support/counter.controller.js';
import { PLATFORMS, type Platform } from '../support/platforms.js';
import { BOUND_WAYS, BoundApp } from './support/bound.js';

const BINDING: SessionBinding = { of: clientAddress, onMismatch: 'refuse' };

/** All that a client can say of its address. */
const saying = (address: string): Record<string, string> => ({
  'X-Forwarded-For': address,
  Forwarded: `for="${address}"`,
  'X-Real-IP': address,
  'X-Client-IP': address,
});

afterEach(closeApps);

describe.each(PLATFORMS)('a session that is bound to an address, on %s', (platform) => {
  const [way] = BOUND_WAYS.filter((candidate) => candidate.platform === platform) as [(typeof BOUND_WAYS)[number]];

  function start(on: Platform, trusts: boolean, of: SessionBinding['of'] = clientAddress): Promise<BoundApp> {
    const plan = {
      controllers: [CounterController],
      ...(on === 'fastify' && { adapter: new FastifyAdapter({ trustProxy: trusts }) }),
      prepare: (app: unknown): void => {
        if (on === 'express') (app as NestExpressApplication).set('trust proxy', trusts);
      },
    };
    return BoundApp.start(way, { binding: { ...BINDING, of } }, plan);
  }

  const views = async (app: BoundApp, token: string | undefined, headers = {}, agent?: Agent) => {
    const method = token === undefined ? 'POST' : 'GET';
    return call(app.scripted.running.url, '/views', { method, token, headers, ...(agent && { agent }) });
  };
  const seen = async (...args: Parameters<typeof views>): Promise<unknown> => (await views(...args)).json();

  it('is closed to another address of the network', async () => {
    const app = await start(platform, false);
    const token = (await views(app, undefined)).token as string;
    const elsewhere = new Agent({ localAddress: '127.0.0.2' });
    expect(await seen(app, token)).toEqual({ views: 1 });
    expect(await seen(app, token, {}, elsewhere)).toEqual({ views: 0 });
    expect(app.mismatches).toHaveLength(1);
  });

  it('ASVS 4.1.3, P28: spoofed proxy headers open and close nothing where no proxy is trusted', async () => {
    const app = await start(platform, false);
    const token = (await views(app, undefined, saying('192.0.2.1'))).token as string;
    expect(await seen(app, token, saying('192.0.2.2'))).toEqual({ views: 1 });
    const elsewhere = new Agent({ localAddress: '127.0.0.2' });
    expect(await seen(app, token, saying('127.0.0.1'), elsewhere)).toEqual({ views: 0 });
    expect(await seen(app, token, saying('192.0.2.1'), elsewhere)).toEqual({ views: 0 });
  });

  it('ASVS 4.1.3: behind a trusted proxy it is the address that the proxy names', async () => {
    const app = await start(platform, true);
    const token = (await views(app, undefined, saying('192.0.2.1'))).token as string;
    const elsewhere = new Agent({ localAddress: '127.0.0.2' });
    expect(await seen(app, token, saying('192.0.2.1'), elsewhere)).toEqual({ views: 1 });
    expect(await seen(app, token, saying('192.0.2.2'))).toEqual({ views: 0 });
    expect(await seen(app, token)).toEqual({ views: 0 });
  });

  it('IPv6 counts by its network, and IPv4 is IPv4 however it is written', async () => {
    const app = await start(platform, true);
    const six = (await views(app, undefined, saying('2001:db8:1:2:aaaa::1'))).token as string;
    expect(await seen(app, six, saying('2001:DB8:1:2::ffff'))).toEqual({ views: 1 });
    expect(await seen(app, six, saying('2001:db8:1:3:aaaa::1'))).toEqual({ views: 0 });
    const four = (await views(app, undefined, saying('192.0.2.1'))).token as string;
    expect(await seen(app, four, saying('::ffff:192.0.2.1'))).toEqual({ views: 1 });
    expect(await seen(app, four, saying('::ffff:192.0.2.2'))).toEqual({ views: 0 });
  });

  it('law 12: a trusted proxy that names no address leaves sessions unbound, which is told', async () => {
    const app = await start(platform, true);
    const headers = { 'X-Forwarded-For': 'x'.repeat(5_000) };
    const token = (await views(app, undefined, headers)).token as string;
    expect(app.notices).toEqual([expect.stringMatching(/^A session is stored without a binding: /)]);
    expect(await seen(app, token)).toEqual({ views: 1 });
    const bound = (await views(app, undefined)).token as string;
    expect(await seen(app, bound, headers)).toEqual({ views: 0 });
  });

  it('of several, each has to be as it was', async () => {
    const app = await start(platform, true, combined(userAgent, clientAddress));
    const home = { ...saying('192.0.2.1'), 'User-Agent': 'phone' };
    const token = (await views(app, undefined, home)).token as string;
    expect(await seen(app, token, home)).toEqual({ views: 1 });
    expect(await seen(app, token, { ...home, 'User-Agent': 'laptop' })).toEqual({ views: 0 });
    expect(await seen(app, token, { ...home, ...saying('192.0.2.2') })).toEqual({ views: 0 });
    expect(await seen(app, token, saying('192.0.2.1'))).toEqual({ views: 0 });
  });
});

type Request = IncomingMessage & { session: Session<{ views: number }> };

const count = (request: Request, response: ServerResponse): void => {
  if (request.method === 'POST') request.session.views = (request.session.views ?? 0) + 1;
  response.end(String(request.session.views ?? 0));
};

describe.each<[string, (...handlers: unknown[]) => unknown]>([
  ['Express', (...handlers) => handlers.reduce((app: express.Express, one) => app.use(one as never), express())],
  ['connect', (...handlers) => handlers.reduce((app: connect.Server, one) => app.use(one as never), connect())],
])('session(options) on %s', (_name, appOf) => {
  it.each<SessionBinding['onMismatch']>(['report', 'refuse'])('binds sessions too: %s', async (onMismatch) => {
    const middleware = session({ logger: SILENT, binding: { of: clientAddress, onMismatch } });
    const events: SessionEvent[] = [];
    middleware.service.events$.subscribe((event) => events.push(event));
    const server = createServer(appOf(middleware, count) as RequestListener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    try {
      const { token } = await call(url, '/', { method: 'POST' });
      const elsewhere = new Agent({ localAddress: '127.0.0.2' });
      expect((await call(url, '/', { token, headers: saying('192.0.2.2') })).text).toBe('1');
      expect((await call(url, '/', { token, agent: elsewhere })).text).toBe(onMismatch === 'report' ? '1' : '0');
      expect(events.filter(({ type }) => type === 'session_binding_mismatch')).toHaveLength(1);
      expect((await call(url, '/', { token })).text).toBe('1');
    } finally {
      await new Promise((resolve) => server.close(resolve));
      await middleware.close();
    }
  });
});
