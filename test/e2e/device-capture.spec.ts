import { connect } from 'node:net';
import { once } from 'node:events';
import { Controller, Post } from '@nestjs/common';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Session, SessionService, type SessionDevice } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { PLATFORMS } from '../support/platforms.js';
import { info, login, pairsOf, regenerate, ScriptedApp } from '../support/scripted.js';

@Controller()
class LoginController {
  constructor(private readonly sessions: SessionService) {}

  @Post('login')
  async login(@Session() session: Session): Promise<void> {
    await this.sessions.login(session, 'ada');
  }
}

interface Plan {
  trusts?: boolean;
  captures?: boolean;
  store?: unknown;
}

const SPOOFED = { 'X-Forwarded-For': '203.0.113.7', Forwarded: 'for=203.0.113.8', 'X-Real-IP': '203.0.113.9' };

afterEach(closeApps);

describe.each(PLATFORMS)('captureDevice on %s', (platform) => {
  const start = ({ trusts = false, captures = true, store }: Plan = {}): Promise<ScriptedApp> =>
    ScriptedApp.start(
      platform,
      { captureDevice: captures, ...(store !== undefined && { store: store as never }) },
      {
        controllers: [LoginController],
        ...(platform === 'fastify' ? { adapter: new FastifyAdapter({ trustProxy: trusts }) } : {}),
        prepare: (app) => {
          if (platform === 'express') (app as NestExpressApplication).set('trust proxy', trusts);
        },
      },
    );

  const devices = async (app: ScriptedApp): Promise<(SessionDevice | undefined)[]> =>
    (await app.sessions.list('ada')).map(({ device }) => device);

  /** Signs in with bytes as they are: Node's client would refuse some of them. */
  async function signInRaw(app: ScriptedApp, userAgent: Buffer): Promise<string> {
    const { hostname, port } = new URL(app.running.url);
    const socket = connect(Number(port), hostname);
    socket.write('POST /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\nUser-Agent: ');
    socket.write(Buffer.concat([userAgent, Buffer.from('\r\n\r\n')]));
    let text = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
    await once(socket, 'close');
    return text;
  }

  it('is off by default: a login notes nothing of the client', async () => {
    const app = await ScriptedApp.start(platform);
    const token = (await app.run(login('ada'), undefined, { 'User-Agent': 'Safari' })).issued as string;
    expect((await app.run(info, token)).result).not.toHaveProperty('device');
    expect(await devices(app)).toEqual([undefined]);
  });

  it.each(pairsOf(platform))('notes address and user agent at login, in $store', async ({ build }) => {
    const app = await start({ store: build() });
    const token = (await app.run(login('ada'), undefined, { 'User-Agent': 'Safari' })).issued as string;
    const device = { address: '127.0.0.1', userAgent: 'Safari' };
    expect(await devices(app)).toEqual([device]);
    expect((await app.run(info, token)).result).toMatchObject({ device });
  });

  it('ASVS 4.1.3, P28: spoofed proxy headers change nothing where the framework trusts no proxy', async () => {
    const app = await start();
    await app.run(login('ada'), undefined, SPOOFED);
    expect(await devices(app)).toEqual([{ address: '127.0.0.1' }]);
  });

  it('ASVS 4.1.3: notes the address that the framework takes from a proxy that it trusts', async () => {
    const app = await start({ trusts: true });
    await app.run(login('ada'), undefined, SPOOFED);
    expect(await devices(app)).toEqual([{ address: '203.0.113.7' }]);
  });

  it('ASVS 4.1.3: an address from a trusted proxy that is none, or very long, fills no record', async () => {
    const app = await start({ trusts: true });
    await app.run(login('ada'), undefined, { 'X-Forwarded-For': 'x'.repeat(10_000) });
    expect(JSON.stringify(await devices(app)).length).toBeLessThan(600);
  });

  it.each([511, 512, 513, 10_000])('of a user agent of %d characters notes 512 at most', async (length) => {
    const app = await start();
    const userAgent = 'x'.repeat(length - 1) + 'y';
    await app.run(login('ada'), undefined, { 'User-Agent': userAgent });
    expect(await devices(app)).toEqual([{ address: '127.0.0.1', userAgent: userAgent.slice(0, 512) }]);
  });

  it.each([
    ['markup', Buffer.from('<script>alert(1)</script>')],
    ['JSON that would end the note', Buffer.from('"}, "level": 9, "x": {"')],
    ['the form of a record', Buffer.from('1{"level":9}\\n{"userId":"bob"}')],
    ['a name of the prototype', Buffer.from('__proto__')],
    ['bytes that are no UTF-8', Buffer.from([0x61, 0xff, 0xfe, 0x80, 0x9b, 0xc3, 0x28])],
    ['UTF-8', Buffer.from('名前 👩‍💻')],
    ['a tab', Buffer.from('a\tb')],
    ['511 characters and a pair', Buffer.from('x'.repeat(511) + '👩')],
    ['nothing', Buffer.from('')],
  ])('a hostile user agent, %s, is noted as text and changes nothing else', async (_kind, userAgent) => {
    for (const { build } of pairsOf(platform)) {
      const app = await start({ store: build() });
      expect(await signInRaw(app, userAgent)).toMatch(/^HTTP\/1\.1 201 /);
      const [session, ...more] = await app.sessions.list('ada');
      expect(more).toEqual([]);
      expect(session).toMatchObject({ userId: 'ada', level: 1 });
      expect(session?.device).toEqual({ address: '127.0.0.1', userAgent: userAgent.toString('latin1').slice(0, 512) });
      await app.running.close();
    }
  });

  it('a client that says nothing of itself is noted by its address', async () => {
    const app = await start();
    await app.run(login('ada'));
    expect(await devices(app)).toEqual([{ address: '127.0.0.1' }]);
  });

  it('notes where the user signed in: not later uses, not new tokens, not anonymous sessions', async () => {
    const app = await start();
    const phone = { 'User-Agent': 'phone' };
    const visitor = await app.run((session) => void (session['cart'] = 1), undefined, phone);
    expect((await app.run(info, visitor.issued, phone)).result).not.toHaveProperty('device');
    const signedIn = await app.run(login('ada'), visitor.issued, phone);
    const renewed = await app.run(regenerate, signedIn.issued, {
      'User-Agent': 'laptop',
    });
    expect(await devices(app)).toEqual([{ address: '127.0.0.1', userAgent: 'phone' }]);
    await app.run(login('ada'), renewed.issued, { 'User-Agent': 'laptop' });
    expect(await devices(app)).toEqual([{ address: '127.0.0.1', userAgent: 'laptop' }]);
  });

  it('a login outside of a request has no device', async () => {
    const app = await start();
    const visitor = (await app.run((session) => void (session['cart'] = 1))).issued as string;
    await app.sessions.login((await app.sessions.load(visitor)) as Session, 'ada');
    expect(await devices(app)).toEqual([undefined]);
  });
});
