import { Controller, Get, Param, Post } from '@nestjs/common';
import { Session, SessionModule, SessionService, type SessionRecord, type UpdateResult } from 'nestjs-token-session';
import { MarkingFilter } from '../support/answers.js';
import { closeApps, SILENT, startApp } from '../support/app.js';
import { call, type Answer } from '../support/client.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore } from '../support/stores.js';

type Data = Record<string, unknown>;

/** Each way in which a handler changes its session. */
const CHANGES: Record<string, (sess: Session<Data>, sessions: SessionService) => unknown> = {
  'the automatic commit': (sess) => {
    sess['changed'] = true;
  },
  save: async (sess) => {
    sess['changed'] = true;
    await sess.save();
  },
  'a save that nobody waits for': (sess) => {
    sess['changed'] = true;
    void sess.save();
  },
  'a save of the service that nobody waits for': (sess, sessions) => {
    sess['changed'] = true;
    void sessions.save(sess);
  },
  'a save whose error is swallowed': async (sess) => {
    sess['changed'] = true;
    await sess.save().catch(() => undefined);
  },
  update: (sess, sessions) => sessions.update(sess, (draft) => (draft['changed'] = true)),
  'an update that nobody waits for': (sess, sessions) => {
    void sessions.update(sess, (draft) => (draft['changed'] = true));
  },
};

@Controller()
class OutcomeController {
  constructor(private readonly sessions: SessionService) {}

  @Post('begin')
  begin(@Session() sess: Session<Data>): void {
    sess['begun'] = true;
  }

  @Get('data')
  data(@Session() sess: Session<Data>): Data {
    return { ...sess };
  }

  @Post('change/:way')
  async change(@Session() sess: Session<Data>, @Param('way') way: string): Promise<{ ok: boolean }> {
    await CHANGES[way]?.(sess, this.sessions);
    return { ok: true };
  }
}

/** A store in which another request was always faster. */
class ContestedStore extends ProbedStore {
  contested = false;

  override async update(id: string, record: SessionRecord, expectedVersion: string): Promise<UpdateResult> {
    const theirs = await this.inner.load(id);
    if (this.contested && theirs !== undefined) {
      await this.inner.update(id, { ...theirs, version: `${theirs.version}'` }, theirs.version);
    }
    return super.update(id, record, expectedVersion);
  }
}

const post = (url: string, way: string, token?: string): Promise<Answer> =>
  call(url, `/change/${encodeURIComponent(way)}`, { method: 'POST', token });

failOnUnhandledRejections();
afterEach(closeApps);

describe.each(PLATFORMS)('what a request is told of its commit on %s', (platform) => {
  let store: ContestedStore;
  let filter: MarkingFilter;
  let running: RunningApp;
  let url: string;
  let token: string;

  beforeEach(async () => {
    store = new ContestedStore();
    filter = new MarkingFilter(platform);
    running = await startApp(platform, {
      controllers: [OutcomeController],
      imports: [SessionModule.forRoot(store, { storeTimeout: 20, logger: SILENT })],
      prepare: (app) => app.useGlobalFilters(filter),
    });
    ({ url } = running);
    token = (await call(url, '/begin', { method: 'POST' })).token as string;
  });

  /** A refusal by the application's own filter, with the framework's response, and without a token. */
  function expectRefusal(answer: Answer, status: number, code: string): void {
    expect([answer.status, answer.json(), answer.token]).toEqual([status, { filtered: true, code }, undefined]);
    expect(answer.headers['x-filter']).toBe('yes');
    expect(filter.caught).toMatchObject([{ error: { code, status }, givenFrameworks: true }]);
  }

  /** Lets every write fail once the request has loaded its session. */
  function failWrites(fault: () => unknown): void {
    store.before = (operation) => (operation === 'load' ? undefined : fault());
  }

  const down = (): never => {
    throw new Error('connection refused');
  };
  const hang = (): Promise<never> => new Promise(() => undefined);

  it('nothing changed: as the handler gave it', async () => {
    const answer = await call(url, '/data', { token });
    expect([answer.status, answer.json(), answer.token]).toEqual([200, { begun: true }, undefined]);
  });

  describe.each(Object.keys(CHANGES))('%s', (way) => {
    it('stored: as the handler gave it', async () => {
      const answer = await post(url, way, token);
      expect([answer.status, answer.json(), answer.token]).toEqual([201, { ok: true }, undefined]);
      expect((await call(url, '/data', { token })).json()).toEqual({ begun: true, changed: true });
    });

    it('stored, a new session: with its token', async () => {
      const answer = await post(url, way);
      expect(answer.status).toBe(201);
      expect((await call(url, '/data', { token: answer.token })).json()).toEqual({ changed: true });
    });

    it('law 6: the session ended meanwhile: 401 SESSION_ENDED, no token is set', async () => {
      failWrites(() => store.clear());
      expectRefusal(await post(url, way, token), 401, 'SESSION_ENDED');
    });

    it('law 5: conflicts beyond the limit: 503 SESSION_CONFLICT, and nothing is stored', async () => {
      store.contested = true;
      expectRefusal(await post(url, way, token), 503, 'SESSION_CONFLICT');
      expect((await call(url, '/data', { token })).json()).toEqual({ begun: true });
    });

    it('F78: the store refuses: 503 STORE_UNAVAILABLE, and the session is intact', async () => {
      failWrites(down);
      expectRefusal(await post(url, way, token), 503, 'STORE_UNAVAILABLE');
      store.before = undefined;
      expect((await call(url, '/data', { token })).json()).toEqual({ begun: true });
    });

    it('law 4: the store refuses a new session: 503 STORE_UNAVAILABLE, no token', async () => {
      failWrites(down);
      expectRefusal(await post(url, way), 503, 'STORE_UNAVAILABLE');
    });

    it('law 9: the deadline passes: 503 OUTCOME_UNKNOWN', async () => {
      failWrites(hang);
      expectRefusal(await post(url, way, token), 503, 'OUTCOME_UNKNOWN');
    });

    it('law 9: the deadline of a new session passes: 503 OUTCOME_UNKNOWN, no token', async () => {
      failWrites(hang);
      expectRefusal(await post(url, way), 503, 'OUTCOME_UNKNOWN');
    });
  });

  it('law 5: a write whose outcome is open is not run again by the session layer', async () => {
    failWrites(hang);
    store.calls.length = 0;
    await post(url, 'update', token);
    expect(store.calls).toEqual(['load', 'update']);
  });

  it('law 9: a save that failed and is made up for by the commit is a success', async () => {
    let failures = 0;
    failWrites(() => {
      if (failures++ === 0) down();
    });
    const answer = await post(url, 'a save whose error is swallowed', token);
    expect([answer.status, answer.json()]).toEqual([201, { ok: true }]);
    expect((await call(url, '/data', { token })).json()).toEqual({ begun: true, changed: true });
  });
});
