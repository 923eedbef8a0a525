import { Controller, Get } from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core';
import { Session, SessionService } from 'nestjs-token-session';
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { serverOf } from '../support/aborts.js';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { PLATFORMS } from '../support/platforms.js';

@Controller()
class CountController {
  @Get('count') count(@Session() session: Session<{ views: number }>) {
    session.views = (session.views ?? 0) + 1;
    return { views: session.views };
  }
}

const ARGUMENTS = '__routeArguments__';

describe.each(PLATFORMS)('L92: outside of HTTP handlers on %s', (platform) => {
  afterEach(closeApps);

  it.each(['rpc', 'ws'])('@Session() in a %s handler says what to use instead', async (type) => {
    const { app } = await startApp(platform, { controllers: [CountController] });
    // As @nestjs/microservices and websockets build their handlers; those of graphql have sessions: test/graphql.
    const controller = app.get(CountController);
    const factory = { exchangeKeyForValue: () => undefined };
    const handler = app
      .get(ExternalContextCreator)
      .create(
        controller,
        controller.count as never,
        'count',
        ARGUMENTS,
        factory,
        undefined,
        undefined,
        undefined,
        type as never,
      );
    const handling = (async (): Promise<unknown> => handler({}, {}, {}, {}))();
    await expect(handling).rejects.toMatchObject({
      name: 'SessionUsageError',
      code: 'NOT_HTTP',
      message: expect.stringContaining(`${type} handler`),
    });
    await expect(handling).rejects.toThrow('SessionService.load(token)');
  });

  it('an upgrade passes untouched, and SessionService.load gives the session of its token', async () => {
    const running = await startApp(platform, { controllers: [CountController] });
    const { token } = await call(running.url, '/count');
    const sessions = running.get(SessionService);
    const loaded: unknown[] = [];
    serverOf(running).on('upgrade', (request: IncomingMessage, socket: Duplex) => {
      void sessions.load(String(request.headers['x-auth-token'])).then((session) => {
        loaded.push((request as { session?: unknown }).session, session);
        const key = `${String(request.headers['sec-websocket-key'])}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
        socket.end(
          'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
            `Sec-WebSocket-Accept: ${createHash('sha256').update(key).digest('base64')}\r\n\r\n`,
        );
      });
    });
    const { port, hostname } = new URL(running.url);
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(Number(port), hostname);
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      socket.on('error', reject);
      socket.on('end', () => {
        resolve(text);
      });
      socket.write(
        'GET /count HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nX-Auth-Token: ${token ?? ''}\r\n\r\n`,
      );
    });
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(loaded).toMatchObject([undefined, { views: 1 }]);
  });
});
