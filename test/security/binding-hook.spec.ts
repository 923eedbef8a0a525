import { combined, userAgent, type SessionBinding } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { failOnUnhandledRejections } from '../support/rejections.js';
import { data, login } from '../support/scripted.js';
import { ProbedStore } from '../support/stores.js';
import { BOUND_WAYS, BoundApp, REFUSE, REPORT, shop } from './support/bound.js';

const HOME = 'the browser at home';
const SECRET = 'what only the request knows';

class HookError extends TypeError {
  override readonly name = 'HookError';
}

const fail = (): never => {
  throw new HookError(SECRET);
};
const reject = (): Promise<string> => Promise.reject(new HookError(SECRET));
const throwOddly = (): never => {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- hooks may be JavaScript
  throw SECRET;
};

const throwHostile = (): never => {
  throw Object.create(null, {
    name: {
      get: () => {
        throw new Error(SECRET);
      },
    },
  });
};

const FAULTS: [string, () => unknown, RegExp][] = [
  ['throws', fail, /binding\.of has to give text or undefined for every request, and threw HookError/],
  ['throws what is no error', throwOddly, /and threw something/],
  ['throws what throws when it is read', throwHostile, /and threw something/],
  ['gives a promise that rejects', reject, /binding\.of has to give text or undefined, at once, and gave a promise/],
  ['gives a promise', () => Promise.resolve(HOME), /gave a promise/],
  ['gives null', () => null, /gave null/],
  ['gives a number', () => 7, /gave number/],
  ['gives an object', () => ({ toString: () => SECRET }), /gave object/],
  ['has a part that throws', () => combined(userAgent, fail)({ raw: { headers: {} } } as never), /threw HookError/],
  ['has a part that gives a promise', () => combined(reject as never)({} as never), /gave a promise/],
];

afterEach(closeApps);
failOnUnhandledRejections();

describe.each(BOUND_WAYS)('a hook that fails, on $title', (way) => {
  /** A binding whose hook is a good one until `break` is called. */
  function breakable(onMismatch: SessionBinding['onMismatch'], fault: () => unknown) {
    let of: () => unknown = () => HOME;
    return { binding: { of: () => of() as string, onMismatch }, break: () => void (of = fault) };
  }

  it.each(FAULTS)("law 9: with 'refuse' a bound session is closed when it %s", async (_what, fault, message) => {
    const { binding, ...hook } = breakable('refuse', fault);
    const app = await BoundApp.start(way, { binding });
    const token = await app.begin(HOME);
    hook.break();
    const answer = await app.from(HOME, data, token);
    expect([answer.status, answer.result, answer.issued]).toEqual([201, {}, undefined]);
    expect(app.mismatches).toMatchObject([{ reason: expect.stringMatching(message) as string }]);
    expect(JSON.stringify(app.events)).not.toContain(SECRET);
  });

  it.each(FAULTS)("law 9: with 'report' a bound session stays open when it %s", async (_what, fault, message) => {
    const { binding, ...hook } = breakable('report', fault);
    const app = await BoundApp.start(way, { binding });
    const token = await app.begin(HOME);
    hook.break();
    expect((await app.from(HOME, data, token)).result).toEqual({ cart: 'full' });
    expect(app.mismatches).toMatchObject([{ reason: expect.stringMatching(message) as string }]);
    expect(JSON.stringify(app.events)).not.toContain(SECRET);
  });

  it.each(FAULTS)("law 4: with 'refuse' no session begins without a binding: it %s", async (_what, of, message) => {
    const store = new ProbedStore();
    const binding = { of: of as () => string, onMismatch: 'refuse' as const };
    const app = await BoundApp.start({ ...way, build: () => store as never }, { binding });
    const codes: unknown[] = [];
    const refused = await app.from(HOME, async (_session, sessions) => {
      await sessions.login(_session, 'ada').catch((error: unknown) => {
        codes.push(error);
        throw error;
      });
    });
    expect(codes).toEqual([
      expect.objectContaining({ code: 'INVALID_BINDING', message: expect.stringMatching(message) as string }),
    ]);
    const written = await app.from(HOME, shop);
    for (const { status, text, issued } of [refused, written]) {
      expect([status, issued, text.includes(SECRET)]).toEqual([500, undefined, false]);
    }
    expect(store.calls).toEqual([]);
    expect(await app.scripted.sessions.list('ada')).toEqual([]);
  });

  it.each(FAULTS)(
    "law 12: with 'report' a session begins unbound, and that is told: it %s",
    async (_what, of, message) => {
      const app = await BoundApp.start(way, { binding: { of: of as () => string, onMismatch: 'report' } });
      const token = await app.begin(HOME, login('ada'));
      expect(token).toMatch(/^[\w-]{43}$/);
      expect(app.notices).toEqual([expect.stringMatching(message)]);
      expect(app.notices[0]).toMatch(/^A session is stored without a binding: /);
      await app.from(HOME, data, token);
      expect(app.mismatches).toEqual([]);
      expect(JSON.stringify(app.events)).not.toContain(SECRET);
    },
  );
});

describe.each(BOUND_WAYS)('a request with nothing to bind to, on $title', (way) => {
  it('does not have what a session is bound to', async () => {
    const app = await BoundApp.start(way, { binding: REFUSE });
    const token = await app.begin(HOME);
    expect(await app.opensAt(undefined, token)).toBe(false);
    expect(await app.opensAt('', token)).toBe(false);
    expect(app.mismatches).toHaveLength(2);
  });

  it.each([REPORT, REFUSE])(
    'law 12: begins a session that is not bound, and that is told ($onMismatch)',
    async (binding) => {
      const app = await BoundApp.start(way, { binding });
      const token = await app.begin(undefined);
      expect(app.notices).toEqual([
        expect.stringMatching(/without a binding: binding\.of gives nothing for its request/),
      ]);
      expect((await app.from(HOME, data, token)).result).toEqual({ cart: 'full' });
      expect(app.mismatches).toEqual([]);
    },
  );
});
