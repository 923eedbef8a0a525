import connect from 'connect';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import compression from 'compression';
import express from 'express';
import { filter, firstValueFrom } from 'rxjs';
import { session, type Session, type SessionEvent, type SessionMiddleware } from 'nestjs-token-session';
import { SILENT } from '../support/app.js';
import { call, type Answer } from '../support/client.js';

type Request = IncomingMessage & { session: Session<{ views: number; list: string[] }> };
type Handler = (request: Request, response: ServerResponse) => unknown;

/** The session is looked at within the arguments: JavaScript has looked up Node's own method by then. */
const HANDLERS: Record<string, Handler> = {
  end: (req, res) => res.end(String(req.session.views)),
  'end without a body': (req, res) => res.end(Object.keys(req.session).length > 99 ? 'x' : undefined),
  'write, then end': (req, res) => {
    res.write(String(req.session.views));
    res.end('.');
  },
  'a status, then end': (req, res) => {
    res.statusCode = 203;
    res.end(String(req.session.views));
  },
};

let server: Server | undefined;
let sessions: SessionMiddleware | undefined;

afterEach(async () => {
  server?.closeAllConnections();
  server?.close();
  await sessions?.close();
});

async function serve(kind: 'connect' | 'express', handler: Handler, ...before: unknown[]): Promise<string> {
  sessions = session({ logger: SILENT });
  const app = (kind === 'connect' ? connect() : express()) as connect.Server;
  for (const middleware of before) app.use(middleware as connect.NextHandleFunction);
  app.use(sessions);
  app.use('/count', ((req: Request, res: ServerResponse) => {
    req.session.views = 7;
    req.session.list = [];
    res.end('7');
  }) as never);
  app.use(handler as never);
  app.use(((error: Error & { code?: string }, _: unknown, res: ServerResponse, __: unknown) => {
    res.statusCode = 500;
    res.end(error.code);
  }) as never);
  server = createServer(app as never).listen(0, '127.0.0.1');
  await new Promise((resolve) => server?.once('listening', resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

function firstEvent(type: SessionEvent['type']): Promise<SessionEvent> {
  const events = (sessions as SessionMiddleware).service.events$;
  return firstValueFrom(events.pipe(filter((event) => event.type === type)));
}

function shown({ status, text, headers }: Answer): unknown[] {
  return [status, text, headers['vary']?.includes('X-Auth-Token')];
}

describe.each(['connect', 'express'] as const)(
  'a session that is first looked at within the arguments, on %s',
  (kind) => {
    it.each(Object.entries(HANDLERS))('L81: is answered as any other by %s', async (name, handler) => {
      const url = await serve(kind, handler);
      const { token } = await call(url, '/count');
      const body = name === 'end without a body' ? '' : name.startsWith('write') ? '7.' : '7';
      expect(shown(await call(url, '/', { token }))).toEqual([name.startsWith('a status') ? 203 : 200, body, true]);
      const anonymous = body.replace('7', 'undefined');
      expect(shown(await call(url, '/'))).toEqual([name.startsWith('a status') ? 203 : 200, anonymous, true]);
    });

    it('L89: also below compression, which was there before', async () => {
      const url = await serve(kind, HANDLERS['end'] as Handler, compression({ threshold: 0 }));
      const { token } = await call(url, '/count');
      expect(shown(await call(url, '/', { token }))).toEqual([200, '7', true]);
    });

    it('law 4: what is changed there can not be stored before the answer, and is an error that says so', async () => {
      const url = await serve(kind, (req, res) => res.end(String((req.session.views = 8))));
      const { token } = await call(url, '/count');
      const answer = await call(url, '/', { token });
      expect([answer.status, answer.text]).toEqual([500, 'ALREADY_ANSWERED']);
    });

    it('law 12: a change within a value that comes after such an answer has begun is told', async () => {
      const url = await serve(kind, (req, res) => {
        res.write(String(req.session.list?.length));
        req.session.list?.push('late');
        res.end();
      });
      const { token } = await call(url, '/count');
      const refused = firstEvent('write_refused');
      expect((await call(url, '/', { token })).text).toBe('0');
      expect(await refused).toMatchObject({ reason: expect.stringContaining('after the answer had begun') as string });
    });
  },
);
