import { Controller, Get, Res } from '@nestjs/common';
import type { ServerResponse } from 'node:http';
import { MemoryStore, Session, type SessionRecord } from 'nestjs-token-session';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { PLATFORMS } from '../support/platforms.js';

/** The same that gives promises. */
class SlowStore extends MemoryStore {
  override create(id: string, record: SessionRecord): never {
    return Promise.resolve(super.create(id, record)) as never;
  }

  override update(...args: Parameters<MemoryStore['update']>): never {
    return Promise.resolve(super.update(...args)) as never;
  }
}

type AnyResponse = ServerResponse & { raw?: ServerResponse };

@Controller()
class BadHeadController {
  /** Node refuses such a head when it is to go out: after the session was stored. */
  @Get('bad')
  bad(@Session() sess: Session<{ count: number }>, @Res({ passthrough: true }) response: AnyResponse): object {
    sess.count = (sess.count ?? 0) + 1;
    (response.raw ?? response).statusMessage = 'two\nlines';
    return { count: sess.count };
  }

  @Get('count')
  count(@Session() sess: Session<{ count: number }>): object {
    return { count: sess.count ?? null };
  }
}

describe.each(PLATFORMS)('an answer whose head Node refuses on %s', (platform) => {
  afterEach(closeApps);

  it.each([
    ['at once', MemoryStore],
    ['by a promise', SlowStore],
  ])('law 4: leaves an error that tells of the token, with a store that answers %s', async (_how, Store) => {
    const { url } = await startApp(platform, {
      controllers: [BadHeadController],
      session: { store: new Store(), logger: SILENT },
    });
    const first = await call(url, '/bad');
    expect([first.status, first.statusMessage]).toEqual([500, 'Internal Server Error']);
    expect(first.headers['cache-control']).toBe('no-store');
    const { token } = first;
    expect((await call(url, '/count', { token })).json()).toEqual({ count: 1 });
    const second = await call(url, '/bad', { token });
    expect([second.status, second.token]).toEqual([500, undefined]);
    expect((await call(url, '/count', { token })).json()).toEqual({ count: 2 });
  });
});
