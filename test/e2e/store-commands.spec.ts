import { Controller, Get, Post } from '@nestjs/common';
import { Session, SessionService, type SessionOptions } from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call, type Answer } from '../support/client.js';
import { TestClock } from '../support/clock.js';
import { PLATFORMS } from '../support/platforms.js';
import { ProbedStore } from '../support/stores.js';

type Data = Record<string, unknown>;

const MINUTE = 60_000;

@Controller()
class CommandController {
  constructor(private readonly sessions: SessionService) {}

  @Get('plain')
  plain(): string {
    return 'plain';
  }

  @Get('read')
  read(@Session() sess: Session<Data>): Data {
    return { ...sess };
  }

  @Post('change')
  change(@Session() sess: Session<Data>): void {
    sess['count'] = ((sess['count'] as number | undefined) ?? 0) + 1;
    sess['nested'] = { a: [1] };
  }

  @Post('change-back')
  changeBack(@Session() sess: Session<Data>): void {
    sess['count'] = 9;
    sess['count'] = 1;
  }

  @Post('assign-the-same')
  assignTheSame(@Session() sess: Session<Data>): void {
    sess['nested'] = { a: [1] };
  }

  @Post('change-nested')
  changeNested(@Session() sess: Session<{ nested: { a: number[] } }>): void {
    sess.nested?.a.push(2);
  }

  @Post('save-and-change')
  async saveAndChange(@Session() sess: Session<Data>): Promise<void> {
    sess['count'] = 7;
    await sess.save();
    await sess.save();
  }

  @Post('update')
  update(@Session() sess: Session<Data>): Promise<void> {
    return this.sessions.update(sess, (draft) => (draft['updated'] = true));
  }

  @Post('destroy')
  destroy(@Session() sess: Session<Data>): Promise<void> {
    return sess.destroy();
  }

  @Post('change-and-destroy')
  changeAndDestroy(@Session() sess: Session<Data>): Promise<void> {
    sess['count'] = 7;
    return sess.destroy();
  }

  @Post('regenerate')
  async regenerate(@Session() sess: Session<Data>): Promise<void> {
    await sess.regenerate({ keep: ['count'] });
  }

  @Post('regenerate-and-change')
  async regenerateAndChange(@Session() sess: Session<Data>): Promise<void> {
    const next = (await sess.regenerate()) as Session<Data>;
    next['user'] = 'ada';
  }
}

afterEach(closeApps);

describe.each(PLATFORMS)('what a request costs at the store on %s', (platform) => {
  let store: ProbedStore;
  let url: string;
  let token: string;

  beforeEach(() => begin());

  async function begin(session: SessionOptions = {}): Promise<void> {
    store = new ProbedStore();
    ({ url } = await startApp(platform, { controllers: [CommandController], session: { store, ...session } }));
    token = (await call(url, '/change', { method: 'POST' })).token as string;
  }

  /** The commands of one request. */
  async function commands(path: string, options: { token?: string; method?: string } = {}): Promise<string[]> {
    store.calls.length = 0;
    const answer: Answer = await call(url, path, options);
    expect(answer.status).toBeLessThan(300);
    return store.calls;
  }

  it.each(['/plain', '/read'])('law 3: %s without a token: 0', async (path) => {
    expect(await commands(path)).toEqual([]);
  });

  it.each(['short', 'A'.repeat(44), '../../etc/passwd'])('law 1: the malformed token %s: 0', async (malformed) => {
    expect(await commands('/read', { token: malformed })).toEqual([]);
  });

  it.each(['destroy', 'regenerate'])('law 3: %s without a token: 0', async (path) => {
    expect(await commands(`/${path}`, { method: 'POST' })).toEqual([]);
  });

  it.each([
    ['a new session', '/change', ['create']],
    ['a new session by update()', '/update', ['create']],
    ['a new session under a new token before it is stored', '/regenerate-and-change', ['create']],
  ])('section 5: %s: 1', async (_name, path, wanted) => {
    expect(await commands(path, { method: 'POST' })).toEqual(wanted);
  });

  it.each([
    ['read', 'GET', '/read', ['load']],
    ['a value set to what it was', 'POST', '/assign-the-same', ['load']],
    ['changed and changed back', 'POST', '/change-back', ['load']],
    ['changed', 'POST', '/change', ['load', 'update']],
    ['changed below the top level', 'POST', '/change-nested', ['load', 'update']],
    ['saved twice, changed once', 'POST', '/save-and-change', ['load', 'update']],
    ['updated', 'POST', '/update', ['load', 'update']],
    ['destroyed', 'POST', '/destroy', ['load', 'destroy']],
    ['changed and destroyed', 'POST', '/change-and-destroy', ['load', 'destroy']],
    ['regenerated', 'POST', '/regenerate', ['load', 'create', 'update']],
  ])('section 5: %s', async (_name, method, path, wanted) => {
    expect(await commands(path, { method, token })).toEqual(wanted);
  });

  it('section 5: touch costs nothing until a tenth of the idle timeout has passed, and then once', async () => {
    const clock = new TestClock();
    await begin({ clock: clock.now });
    clock.advance(3 * MINUTE - 1);
    expect(await commands('/read', { token })).toEqual(['load']);
    clock.advance(1);
    expect(await commands('/read', { token })).toEqual(['load', 'touch']);
    expect(await commands('/read', { token })).toEqual(['load']);
  });

  it('section 5: 60 requests in half an hour cost 10 touches', async () => {
    const clock = new TestClock();
    await begin({ clock: clock.now });
    store.calls.length = 0;
    for (let request = 0; request < 60; request++) {
      clock.advance(MINUTE / 2);
      await call(url, '/read', { token });
    }
    expect(store.calls.filter((operation) => operation === 'touch')).toHaveLength(10);
    expect(store.calls).toHaveLength(70);
  });
});
