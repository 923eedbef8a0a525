import { Controller, Get, Param, Post } from '@nestjs/common';
import { Session, SessionService, type SessionEvent } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { collectEvents } from '../support/events.js';
import { closeStores } from '../support/express-stores.js';
import { removeFiles } from '../support/sqlite/files.js';
import { codecWith, Intruder, keyIdOf, newKey, STORES } from './support/encrypted-stores.js';

const SECRET = 'iban-DE02120300000000202051';
const LABEL = 'the-label-of-a-phone';
const AGENT = 'agent-of-a-browser/7';

@Controller()
class DiaryController {
  constructor(private readonly sessions: SessionService) {}

  @Get('diary')
  read(@Session() sess: Session<{ diary: string }>): object {
    const { userId, label, device } = this.sessions.info(sess);
    return { diary: sess.diary, userId, label, agent: device?.userAgent };
  }

  @Post('diary/:text')
  write(@Session() sess: Session<{ diary: string }>, @Param('text') text: string): void {
    sess.diary = text;
  }

  @Post('touch')
  async touch(@Session() sess: Session): Promise<void> {
    await this.sessions.touch(sess);
  }

  @Post('login/:user')
  async login(@Session() sess: Session<{ diary: string }>, @Param('user') user: string): Promise<void> {
    await this.sessions.login(sess, user, { label: LABEL, keep: ['diary'] });
  }
}

/** The reason of the record_corrupt events, each once. */
const corrupt = (events: SessionEvent[]): string[] =>
  events.flatMap((event) => (event.type === 'record_corrupt' ? [event.reason] : []));

afterEach(async () => {
  await closeApps();
  closeStores();
  removeFiles();
});

describe.each(STORES)('encryption in $name on $platform', ({ open, platform }) => {
  async function start() {
    const { store, dump } = open();
    const key = newKey('2026-11');
    const session = { store, codec: codecWith(key), captureDevice: true };
    const running = await startApp(platform, { controllers: [DiaryController], session });
    const { url } = running;
    const post = (path: string, token?: string) =>
      call(url, path, { method: 'POST', token, headers: { 'User-Agent': AGENT } });
    const signIn = async (user: string, diary: string): Promise<string> => {
      const { token } = await post(`/diary/${diary}`);
      return (await post(`/login/${user}`, token)).token as string;
    };
    const read = async (token: string) => (await call(url, '/diary', { token })).json() as object;
    return { events: collectEvents(running), intruder: new Intruder(store), dump, key, post, signIn, read };
  }

  it('ASVS 14.2.4, 11.2.4: who has a copy of it finds neither data, label, device, token nor key', async () => {
    const { dump, key, signIn, read, post, intruder } = await start();
    const token = await signIn('ada', SECRET);
    await post(`/diary/${SECRET}2`, token);
    const seen = { diary: `${SECRET}2`, userId: 'ada', label: LABEL, agent: AGENT };
    expect(await read(token)).toEqual(seen);
    const found = await dump();
    const raw = Buffer.from(key.key as Uint8Array);
    const keys = [raw.toString('base64'), raw.toString('base64url'), raw.toString('hex'), raw.toString('latin1')];
    const names = ['diary', 'label', 'device', 'userAgent', 'authenticatedAt'];
    for (const text of [SECRET, LABEL, AGENT, token, ...names, ...keys]) expect(found).not.toContain(text);
    // What it has is the session all the same.
    expect(found).toContain((await intruder.record(token)).payload.slice(2, 80));
    expect(keyIdOf(await intruder.record(token))).toBe('2026-11');
  });

  it('ASVS 11.3.3: a payload that was moved to another session is refused, and opens nobody else', async () => {
    const { intruder, signIn, read, events } = await start();
    const [mine, theirs] = [await signIn('eve', 'mine'), await signIn('ada', SECRET)];
    const { payload } = await intruder.record(theirs);
    await intruder.alter(mine, { payload });
    expect(await read(mine)).toEqual({});
    expect(await read(mine)).toEqual({});
    expect(corrupt(events)).toEqual([expect.stringMatching(/^its seal does not open: .*another session, user or/)]);
    expect(await read(theirs)).toMatchObject({ diary: SECRET, userId: 'ada' });
    // It is removed beside the answers: what the application asked of the store is carried out when it has closed.
    await closeApps();
    expect(await intruder.has(mine)).toBe(false);
  });

  it('ASVS 11.3.3: with its user and limits beside it neither', async () => {
    const { intruder, signIn, read, events } = await start();
    const [mine, theirs] = [await signIn('eve', 'mine'), await signIn('ada', SECRET)];
    const { version, ...record } = await intruder.record(theirs);
    await intruder.alter(mine, record);
    expect(await read(mine)).toEqual({});
    expect(corrupt(events)).toHaveLength(1);
  });

  it.each<[string, object]>([
    ['another user', { userId: 'ada' }],
    ['nobody', { userId: undefined }],
    ['a later start', { startedAt: Date.now() + 60_000 }],
    ['a longer idle limit', { idleTimeout: 86_400_000 }],
    ['a longer life', { absoluteTimeout: 86_400_000 }],
  ])('ASVS 7.3.2, 11.3.3: a session that was given %s is refused', async (_name, changes) => {
    const { intruder, signIn, read, events, post } = await start();
    const [mine, other] = [await signIn('eve', 'mine'), await signIn('eve', 'other')];
    for (const token of [mine, other]) await intruder.alter(token, changes);
    expect(await read(mine)).toEqual({});
    expect((await post('/diary/more', other)).status).toBe(401);
    expect(corrupt(events)).toHaveLength(2);
  });

  it('law 8: a touch moves the last use, and the seal stays', async () => {
    const { intruder, signIn, read, events, post } = await start();
    const token = await signIn('eve', 'mine');
    const { payload, usedAt } = await intruder.record(token);
    await intruder.alter(token, { usedAt: usedAt - 600_000 });
    expect((await post('/touch', token)).status).toBe(201);
    expect(await read(token)).toMatchObject({ diary: 'mine', userId: 'eve' });
    const after = await intruder.record(token);
    expect(after.usedAt).toBeGreaterThanOrEqual(usedAt);
    expect([after.payload, corrupt(events)]).toEqual([payload, []]);
  });

  it('ASVS 11.3.3: a payload that was altered or cut is refused', async () => {
    const { intruder, signIn, read, events } = await start();
    const alterations: ((payload: string) => string)[] = [
      (payload) => payload.slice(0, -1),
      (payload) => payload.slice(0, 20),
      (payload) => payload.slice(0, -10) + 'AAAAAAAAAA',
      (payload) => `${payload.slice(0, 30)}${payload[30] === 'A' ? 'B' : 'A'}${payload.slice(31)}`,
      () => '2\n',
      () => '2\n{"diary":"forged"}',
    ];
    for (const alter of alterations) {
      const token = await signIn('eve', 'mine');
      await intruder.alter(token, { payload: alter((await intruder.record(token)).payload) });
      expect(await read(token)).toEqual({});
    }
    expect(corrupt(events)).toHaveLength(alterations.length);
  });

  it('CVE-2026-39324: nothing falls back to plain text', async () => {
    const { intruder, signIn, read, events } = await start();
    const forged = ['1\n{"diary":"forged"}', '1{"level":9,"authenticatedAt":1}\n{"diary":"forged"}', '1\n{}'];
    for (const payload of forged) {
      const token = await signIn('eve', 'mine');
      await intruder.alter(token, { payload });
      expect(await read(token)).toEqual({});
    }
    const reason = expect.stringMatching(/^it is not encrypted, .*plainText: 'read'/) as string;
    expect(corrupt(events)).toEqual(forged.map(() => reason));
  });
});
