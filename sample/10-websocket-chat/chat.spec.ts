import type { NestExpressApplication } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { SessionService } from 'nestjs-token-session';
import { testSessions } from 'nestjs-token-session/testing';
import { io, type Socket } from 'socket.io-client';
import { AppModule } from './app.module.js';
import { servePage } from './serve-page.js';
import { welcome } from './welcome.js';

let app: NestExpressApplication;
let url: string;
const sockets: Socket[] = [];

beforeEach(async () => {
  const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
  app = testing.createNestApplication<NestExpressApplication>({ logger: false });
  servePage(app);
  await app.listen(0, '127.0.0.1');
  url = await app.getUrl();
});

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.disconnect();
  await app.close();
});

/** A tab of a browser that is, or is not, signed in. */
async function openTab(headers: Record<string, string> = {}): Promise<Socket> {
  const socket = io(url, { forceNew: true, reconnection: false, extraHeaders: headers });
  sockets.push(socket);
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('connect_error', reject);
  });
  return socket;
}

const next = (socket: Socket, event: string): Promise<unknown> =>
  new Promise((resolve) => {
    socket.once(event, resolve);
  });

const signIn = (user: string, password: string): Promise<Response> =>
  fetch(`${url}/api/sign-in`, { method: 'POST', body: new URLSearchParams({ user, password }) });

const headersAfter = (answer: Response): Record<string, string> => testSessions(app).of(answer)?.headers ?? {};

it('says where it is', () => {
  expect(welcome(url)).toContain(url);
});

it('lets in who has signed in by HTTP, and counts what the session says', async () => {
  expect((await signIn('ada', 'wrong')).status).toBe(401);
  await expect(openTab()).rejects.toMatchObject({ data: { code: 'SESSION_REQUIRED' } });
  const ada = await openTab(headersAfter(await signIn('ada', 'first-program')));
  const grace = await openTab(headersAfter(await signIn('grace', 'first-compiler')));
  const heard = next(grace, 'said');
  expect(await ada.emitWithAck('say', 'hello')).toEqual({ said: 1 });
  expect(await heard).toEqual({ user: 'ada', text: 'hello' });
  expect(await ada.emitWithAck('say', 'again')).toEqual({ said: 2 });
  const refused = next(ada, 'exception');
  ada.emit('say', '');
  expect(await refused).toMatchObject({ status: 'error', message: 'Takes up to 500 characters.' });
});

it('an anonymous session neither hears nor speaks', async () => {
  const stranger = await openTab((await testSessions(app).anonymous({}, { via: 'cookie' })).headers);
  const refused = next(stranger, 'exception');
  stranger.emit('say', 'hello');
  expect(await refused).toMatchObject({ code: 'LOGIN_REQUIRED' });
});

it('signing out in one tab closes the socket of the other, and nobody else’s', async () => {
  const headers = headersAfter(await signIn('ada', 'first-program'));
  const other = await openTab(headers);
  const grace = await openTab(headersAfter(await signIn('grace', 'first-compiler')));
  const [told, gone] = [next(other, 'session_ended'), next(other, 'disconnect')];
  expect((await fetch(`${url}/api/sign-out`, { method: 'POST', headers })).status).toBe(204);
  expect(await told).toEqual({ code: 'SESSION_ENDED' });
  expect(await gone).toBe('io server disconnect');
  expect(await grace.emitWithAck('say', 'still here')).toEqual({ said: 1 });
  expect(await app.get(SessionService).list('ada')).toEqual([]);
});

it('a page of another site does not get in with the cookie', async () => {
  const headers = { ...headersAfter(await signIn('ada', 'first-program')), Origin: 'https://evil.example' };
  await expect(openTab(headers)).rejects.toMatchObject({ data: { code: 'CSRF_REFUSED' } });
});
