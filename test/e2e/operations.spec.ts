import { Controller, Post } from '@nestjs/common';
import { MemoryStore, Session, SessionService, type SessionRecord } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { collectEvents } from '../support/events.js';
import { PLATFORMS } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

interface Data {
  n: number;
  cart: string[];
}

@Controller()
class OperationsController {
  constructor(private readonly sessions: SessionService) {}

  @Post('begin')
  begin(@Session() sess: Session<Data>): void {
    sess.n = 1;
  }

  @Post('nested')
  async nested(@Session() sess: Session<Data>): Promise<string> {
    let refused = '';
    await this.sessions.update(sess, async (draft) => {
      draft.n = (draft.n ?? 0) + 1;
      await Promise.resolve();
      refused = await sess.save().then(
        () => 'saved',
        (error: unknown) => (error as { code: string }).code,
      );
    });
    return refused;
  }

  @Post('rotate-unawaited')
  rotate(@Session() sess: Session<Data>): string {
    void sess.regenerate({ keep: ['n'] });
    return 'rotated';
  }

  @Post('kept')
  async kept(@Session() sess: Session<Data>): Promise<string[] | undefined> {
    sess.cart = ['apple'];
    const next = await this.sessions.regenerate(sess, { keep: ['cart'] });
    sess.cart.push('pear');
    return next.cart;
  }
}

describe.each(PLATFORMS)('operations of a session on %s', (platform) => {
  const store = new ProbedStore();
  let url: string;
  let token: string;

  beforeEach(async () => {
    store.before = undefined;
    ({ url } = await startApp(platform, { controllers: [OperationsController], session: { store } }));
    token = (await call(url, '/begin', { method: 'POST' })).token as string;
  });
  afterEach(closeApps);

  it('one inside the function of update() is refused, not waited for for ever', async () => {
    const answer = await call(url, '/nested', { method: 'POST', token });
    expect([answer.status, answer.text]).toEqual([201, 'NOT_SUPPORTED']);
  });

  it('law 7: a regenerate() that nobody awaits and the store refuses is no success', async () => {
    store.before = (operation) => {
      if (operation === 'create' || operation === 'update') throw new Error('down');
    };
    expect((await call(url, '/rotate-unawaited', { method: 'POST', token })).status).toBe(503);
  });

  it('law 7: what is kept is a copy, which the old session can not reach', async () => {
    expect((await call(url, '/kept', { method: 'POST', token })).json()).toEqual(['apple']);
  });
});

describe('SessionService', () => {
  afterEach(closeApps);

  it('law 9: a record that can not be decoded is an event and no session, not an error for ever', async () => {
    const records = new MemoryStore();
    const running = await startApp('express', { controllers: [OperationsController], session: { store: records } });
    const token = (await call(running.url, '/begin', { method: 'POST' })).token as string;
    const sessions = running.get(SessionService);
    const id = sessions.info((await sessions.load<Data>(token)) as Session<Data>).id as string;
    const record = records.load(id) as SessionRecord;
    const events = collectEvents(running);

    const loaded = (await sessions.load<Data>(token)) as Session<Data>;
    records.update(id, { ...record, payload: '1\n{"n":', version: 'broken' }, record.version);
    await expect(sessions.reload(loaded)).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    expect(events.map(({ type }) => type)).toContain('record_corrupt');
    expect(await sessions.load(token)).toBeUndefined();
    expect(records.load(id)).toBeUndefined();
  });
});
