import { Controller, Get, Post, Req, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { SessionService } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { call } from '../support/client.js';
import {
  AccountController,
  directory,
  startWithPassport,
  Visitor,
  type PassportData,
  type PassportRequest,
} from '../support/passport.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { ProbedStore } from '../support/stores.js';

/** What the callback of a session's method got, and what the session held then. */
interface Called {
  error: unknown;
  data: PassportData;
  id: string | null;
}

@Controller()
class CallbackController {
  /** As Passport's login and logout call it. */
  @Post('regenerate')
  regenerate(@Req() request: PassportRequest): Promise<Called> {
    return new Promise((resolve) => void request.session.regenerate((error) => resolve(called(error, request))));
  }

  @Post('save')
  save(@Req() request: PassportRequest): Promise<Called> {
    request.session.cart = 2;
    return new Promise((resolve) => void request.session.save((error) => resolve(called(error, request))));
  }

  @Get('guarded')
  @UseGuards(AuthGuard('session'))
  guarded(@Req() request: PassportRequest): string {
    return request.user?.name ?? 'nobody';
  }
}

/** What callbacks got, also those whose answer was replaced by an error. */
let errors: unknown[];

function called(error: unknown, { session }: PassportRequest): Called {
  errors.push(error);
  return { error: (error as { code?: string } | null)?.code ?? error, data: { ...session }, id: session.id ?? null };
}

failOnUnhandledRejections();
afterEach(closeApps);

let store: ProbedStore;
let visitor: Visitor;
let sessions: SessionService;

beforeEach(async () => {
  errors = [];
  store = new ProbedStore();
  const running = await startWithPassport({ store }, { controllers: [AccountController, CallbackController] });
  visitor = new Visitor(running.url);
  sessions = running.get(SessionService);
});

const brokenStore = (): void => {
  store.before = () => {
    throw new Error('disk full');
  };
};

describe('the methods that Passport calls with callbacks', () => {
  it('regenerate(cb): stored under another token when it calls back; req.session is the new, empty one', async () => {
    const token = await visitor.begin();
    const answer = await visitor.post('/regenerate', token);
    const { error, data, id } = answer.json() as Called;
    expect({ error, data }).toEqual({ error: null, data: {} });
    expect((await sessions.load(answer.token as string))?.id).toBe(id);
    expect(await sessions.load(token)).toBeUndefined();
    // By the handler, and by nothing after it.
    expect(store.calls).toEqual(['create', 'load', 'create', 'update', 'load', 'load']);
  });

  it('regenerate(cb): nothing is stored for a visitor without a session', async () => {
    const answer = await visitor.post('/regenerate');
    expect(answer.json()).toEqual({ error: null, data: {}, id: null });
    expect([answer.token, store.calls]).toEqual([undefined, []]);
  });

  it('save(cb): stored when it calls back', async () => {
    const answer = await visitor.post('/save');
    expect(answer.json()).toMatchObject({ error: null, data: { cart: 2 } });
    expect(await sessions.load(answer.token as string)).toMatchObject({ cart: 2 });
  });

  it.each(['/regenerate', '/save'])(
    '%s(cb) gives the fault of the store, and 503 comes of a handler that hides it',
    async (path) => {
      const token = await visitor.begin();
      const { before } = store;
      store.before = (operation) => {
        if (operation !== 'load') throw new Error('disk full');
      };
      const refused = await visitor.post(path, token);
      store.before = before;
      expect(errors).toEqual([expect.objectContaining({ code: 'STORE_UNAVAILABLE' })]);
      expect(refused).toMatchObject({ status: 503, token: undefined });
      expect(await sessions.load(token)).toMatchObject({ cart: 1 });
    },
  );
});

describe('faults on the way to the user', () => {
  const FAULTS: [string, typeof directory.find][] = [
    ['fails', (_id, done) => done(new Error('directory down'))],
    [
      'throws',
      () => {
        throw new Error('directory down');
      },
    ],
  ];

  it.each(FAULTS)('deserializeUser %s: 500, nothing of it in the answer, the session as it was', async (_how, find) => {
    const token = await visitor.tokenOf();
    const { find: original } = directory;
    directory.find = find;
    const failed = await visitor.post('/cart', token);
    directory.find = original;
    expect(failed).toMatchObject({ status: 500, token: undefined });
    expect(failed.text).not.toContain('directory');
    expect(await visitor.me(token)).toEqual({ user: 'Ada', data: { passport: { user: 'ada' } } });
  });

  it('law 9: the store is down: 503 before Passport is asked; who sends no token is served', async () => {
    const token = await visitor.tokenOf();
    brokenStore();
    const refused = await call(visitor.url, '/me', { token });
    expect(refused).toMatchObject({ status: 503, token: undefined });
    expect(refused.json()).toMatchObject({ code: 'STORE_UNAVAILABLE' });
    expect(await visitor.me(undefined)).toEqual({ user: null, data: {} });
  });
});

describe('what Passport does that one might not expect', () => {
  it('logout() of a visitor without a session saves an empty one: a token is issued', async () => {
    const answer = await visitor.post('/logout');
    expect(answer).toMatchObject({ status: 201, token: expect.stringMatching(/^[\w-]{43}$/) as string });
    expect(store.calls).toEqual(['create', 'create', 'update']);
  });

  it("AuthGuard('session') lets everybody through, and hides the user: it is no guard", async () => {
    expect(await call(visitor.url, '/guarded')).toMatchObject({ status: 200, text: 'nobody' });
    const token = await visitor.tokenOf();
    expect(await call(visitor.url, '/guarded', { token })).toMatchObject({ status: 200, text: 'nobody' });
  });
});
