import { Controller, Get, Res } from '@nestjs/common';
import { Session, SessionService } from 'nestjs-token-session';
import { takeOver, type AnyResponse } from '../support/answers.js';
import { closeApps, startApp } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { call, type Answer } from '../support/client.js';
import { bothKinds, cookieIn, Jar, type Seen } from '../support/named-sessions.js';
import { PLATFORMS, type RunningApp } from '../support/platforms.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore } from '../support/stores.js';
import { refusalOf } from '../support/scripted.js';

failOnUnhandledRejections();
afterEach(closeApps);

/** What the handler does once it has called `end`. */
let behind: (ours: Session<Seen>, shop: SessionService) => Promise<unknown>;

@Controller()
class BehindController {
  constructor(private readonly shop: SessionService) {}

  @Get('seed') seed(@Session() ours: Session<Seen>, @Session({ name: 'admin' }) theirs: Session<Seen>): void {
    ours.seen = theirs.seen = 1;
  }

  @Get('one') async one(@Session() ours: Session<Seen>, @Res() response: AnyResponse): Promise<void> {
    ours.seen = 2;
    takeOver(response).end('answered');
    await behind(ours, this.shop);
  }

  /** Of the default session nothing is to be stored; the other one's commit is what the answer waits for. */
  @Get('two') async two(
    @Session() ours: Session<Seen>,
    @Session({ name: 'admin' }) theirs: Session<Seen>,
    @Res() response: AnyResponse,
  ): Promise<void> {
    theirs.seen = 2;
    takeOver(response).end('answered');
    await behind(ours, this.shop);
  }
}

describe.each(PLATFORMS)('what is begun behind an answer that is still held, on %s', (platform) => {
  let running: RunningApp;
  let shop: ProbedStore;
  let admin: ProbedStore;
  let jar: Jar;

  beforeEach(async () => {
    [shop, admin, jar] = [new ProbedStore(), new ProbedStore(), new Jar()];
    running = await startApp(platform, {
      controllers: [BehindController],
      imports: bothKinds({ store: shop }, { store: admin }),
    });
    jar.take(await call(running.url, '/seed'));
  });

  /** One request whose commit goes on once `act` has begun; `created` runs when what that creates is about to be stored. */
  async function during(path: string, act: typeof behind, created: () => unknown = () => undefined): Promise<Answer> {
    const [updating, creating] = [new Barrier(), new Barrier()];
    let isUpdating = false;
    (path === '/two' ? admin : shop).before = async (operation) => {
      if (operation !== 'update' || isUpdating) return;
      isUpdating = true;
      await updating.pass();
    };
    const { before } = shop;
    shop.before = async (operation, id) => {
      await before?.(operation, id);
      if (operation !== 'create') return;
      await creating.pass();
      await created();
    };
    behind = async (ours, service) => {
      await updating.arrived;
      const outcome = act(ours, service);
      updating.open();
      await outcome;
    };
    let isTold = false;
    const answering = call(running.url, path, { headers: jar.headers }).then((answer) => {
      isTold = true;
      return answer;
    });
    await creating.arrived;
    for (let round = 0; round < 3; round++) await call(running.url, '/nowhere');
    const isEarly = isTold;
    creating.open();
    const answer = await answering;
    expect(isEarly).toBe(false);
    return answer;
  }

  const ACTS: [string, (ours: Session<Seen>, service: SessionService) => Promise<unknown>][] = [
    ['login', (ours, service) => service.login(ours, 'ada')],
    ['regenerate', (ours, service) => service.regenerate(ours)],
  ];

  it.each(ACTS)(
    'law 4: %s that has failed before the other one\u2019s commit is done is no success',
    async (_name, act) => {
      const updating = new Barrier();
      let isUpdating = false;
      admin.before = (operation) => {
        if (operation !== 'update' || isUpdating) return undefined;
        isUpdating = true;
        return updating.pass();
      };
      shop.before = (operation) => {
        if (operation === 'create') throw new Error('down');
      };
      let refusal: unknown;
      behind = async (ours, service) => {
        await updating.arrived;
        refusal = await refusalOf(act(ours, service));
        updating.open();
      };
      const answer = await call(running.url, '/two', { headers: jar.headers });
      expect(refusal).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect(answer.status).toBe(503);
    },
  );

  describe.each(['/one', '/two'])('%s', (path) => {
    it.each(ACTS)('law 4, law 7: the answer waits for %s, and takes its token along', async (_name, act) => {
      const answer = await during(path, act);
      const token = cookieIn(answer, '__Host-sid');
      expect([answer.status, answer.text, token]).toEqual([
        200,
        'answered',
        expect.stringMatching(/^[\w-]{43}$/) as unknown,
      ]);
      expect(await running.get(SessionService).load(token as string)).toBeDefined();
    });

    it.each(ACTS)('law 4: where %s fails the answer is no success', async (_name, act) => {
      let refusal: unknown;
      const answer = await during(
        path,
        async (ours, service) => {
          refusal = await refusalOf(act(ours, service));
        },
        () => {
          throw new Error('down');
        },
      );
      expect(refusal).toMatchObject({ code: 'STORE_UNAVAILABLE' });
      expect([answer.status, cookieIn(answer, '__Host-sid')]).toEqual([503, undefined]);
    });

    it('law 12: once the answer has left it is an error, and the session stays as it is', async () => {
      const left = new Barrier();
      const refused = new Promise((resolve) => {
        behind = async (ours, service) => {
          await left.pass();
          resolve(await refusalOf(service.login(ours, 'ada')));
        };
      });
      const answer = await call(running.url, path, { headers: jar.headers });
      left.open();
      expect(await refused).toMatchObject({ code: 'ALREADY_ANSWERED' });
      expect([answer.text, cookieIn(answer, '__Host-sid')]).toEqual(['answered', undefined]);
      expect((await call(running.url, path, { headers: jar.headers })).status).toBe(200);
    });
  });
});
