import { Controller, Get, Param, Post, Req } from '@nestjs/common';
import { once } from 'node:events';
import { connect } from 'node:net';
import { Session } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, Connection } from '../support/client.js';
import { PLATFORMS } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

// Mounted twice: mounting.spec.ts. HTTP/2: http2.spec.ts.

interface Owned {
  owner: string;
}

/** Where the first of several requests waits. */
let held: Barrier;

@Controller()
class OwnerController {
  @Get('owner')
  owner(@Session() sess: Session<Owned>): { owner: string | undefined } {
    return { owner: sess.owner };
  }

  @Get('held')
  async held(@Session() sess: Session<Owned>): Promise<{ owner: string | undefined }> {
    await held.pass();
    return { owner: sess.owner };
  }

  @Post('begin/:owner')
  begin(@Session() sess: Session<Owned>, @Param('owner') owner: string): void {
    sess.owner = owner;
  }

  @Get('same')
  same(@Session() first: Session<Owned>, @Session() second: Session<Owned>, @Req() request: { session: unknown }) {
    first.owner = 'first';
    second.owner = 'second';
    return { same: first === second && first === request.session };
  }
}

afterEach(closeApps);

describe.each(PLATFORMS)('one session per request on %s', (platform) => {
  let store: ProbedStore;
  let url: string;

  beforeEach(async () => {
    store = new ProbedStore();
    ({ url } = await startApp(platform, { controllers: [OwnerController], session: { store } }));
  });

  const begin = async (owner: string): Promise<string> =>
    (await call(url, `/begin/${owner}`, { method: 'POST' })).token as string;

  it('law 10: everyone in a request has the same one: one load, one commit', async () => {
    const token = await begin('nobody');
    store.calls.length = 0;
    expect((await call(url, '/same', { token })).json()).toEqual({ same: true });
    expect(store.calls).toEqual(['load', 'update']);
    expect((await call(url, '/owner', { token })).json()).toEqual({ owner: 'second' });
  });

  it('law 10: requests on one kept-alive connection have each their own', async () => {
    const connection = new Connection(url);
    const [ada, bob] = [await begin('ada'), await begin('bob')];
    for (const [token, owner] of [
      [ada, 'ada'],
      [undefined, undefined],
      [bob, 'bob'],
      [ada, 'ada'],
      ['A'.repeat(43), undefined],
    ] as const) {
      const answer = await connection.call('/owner', { token });
      expect([answer.json(), answer.token]).toEqual([{ owner }, undefined]);
    }
    const created = await connection.call('/begin/eve', { method: 'POST' });
    expect(created.token).toMatch(/^[\w-]{43}$/);
    expect((await connection.call('/owner')).token).toBeUndefined();
    expect(connection.opened).toBe(1);
    connection.close();
  });

  it('law 10: pipelined requests have each their own, and are answered in order', async () => {
    const [ada, bob] = [await begin('ada'), await begin('bob')];
    held = new Barrier();
    const { port } = new URL(url);
    const socket = connect(Number(port), '127.0.0.1');
    let received = '';
    socket.on('data', (chunk) => (received += String(chunk)));
    const request = (method: string, path: string, ...headers: string[]): string =>
      [`${method} ${path} HTTP/1.1`, 'Host: test', 'Content-Length: 0', ...headers, '', ''].join('\r\n');
    socket.write(
      request('GET', '/held', `X-Auth-Token: ${ada}`) +
        request('POST', '/begin/eve') +
        request('GET', '/owner') +
        request('GET', '/owner', `X-Auth-Token: ${bob}`, 'Connection: close'),
    );
    await held.arrived;
    held.open();
    await once(socket, 'close');

    const answers = received.split(/(?=HTTP\/1\.1 )/);
    expect(answers.map((answer) => /\{.*\}/.exec(answer)?.[0])).toEqual([
      '{"owner":"ada"}',
      undefined,
      '{}',
      '{"owner":"bob"}',
    ]);
    const tokens = answers.map((answer) => /^x-auth-token: (.*)\r$/im.exec(answer)?.[1]);
    expect(tokens).toEqual([undefined, expect.stringMatching(/^[\w-]{43}$/), undefined, undefined]);
    expect((await call(url, '/owner', { token: tokens[1] })).json()).toEqual({ owner: 'eve' });
  });

  it('law 10: 100 requests of 10 sessions at once see each their own', async () => {
    const owners = Array.from({ length: 10 }, (_, number) => `owner${String(number)}`);
    const tokens = await Promise.all(owners.map(begin));
    held = new Barrier(100);
    const answers = Array.from({ length: 100 }, (_, number) => call(url, '/held', { token: tokens[number % 10] }));
    await held.arrived;
    held.open();
    expect((await Promise.all(answers)).map((answer) => answer.json())).toEqual(
      answers.map((_, number) => ({ owner: owners[number % 10] })),
    );
  });
});
