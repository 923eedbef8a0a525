import { createHash, randomBytes } from 'node:crypto';
import { MemoryStore } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { TestClock } from '../support/clock.js';
import { data, info, login, regenerate, type Ran, type Script } from '../support/scripted.js';
import { ProbedStore } from '../support/stores.js';
import { BOUND_WAYS, BoundApp, REFUSE, REPORT, shop } from './support/bound.js';

const HOME = 'the browser at home';
const AWAY = 'a stranger';
const HOUR = 3_600_000;

const logout: Script = (session, sessions) => sessions.destroy(session);
const touch: Script = (session, sessions) => sessions.touch(session);
const update: Script = (session, sessions) => sessions.update(session, (draft) => (draft['cart'] = 'mine'));
const nothing: Script = () => undefined;
const signInAsBob: Script = async (session, sessions) => {
  await sessions.login(session, 'bob');
};

/** All that a client sees of an answer but for the time and a new token's value. */
function comparable({ status, headers, text, issued }: Ran): object {
  const { date: _date, ...rest } = headers;
  const seen = JSON.stringify([rest, text]);
  return { status, seen: issued ? seen.replaceAll(issued, 'a token') : seen };
}

afterEach(closeApps);

describe.each(BOUND_WAYS)('sessions that are bound, on $title', (way) => {
  it("law 12: 'report' tells of a request from elsewhere, and everything goes on", async () => {
    const app = await BoundApp.start(way, { binding: REPORT });
    const token = await app.begin(HOME, login('ada', { keep: ['cart'] }));
    expect((await app.from(AWAY, shop, token)).status).toBe(201);
    const { id } = (await app.from(HOME, info, token)).result as { id: string };
    expect((await app.from(AWAY, data, token)).result).toEqual({ cart: 'full' });

    expect(app.mismatches).toMatchObject([
      { type: 'session_binding_mismatch', id, userId: 'ada' },
      { type: 'session_binding_mismatch', id, userId: 'ada' },
    ]);
    for (const { reason } of app.mismatches) expect(reason).toMatch(/let in\. .* may be stolen: end .* destroyAll/);
    expect((await app.from(AWAY, logout, token)).issued).toBe('');
  });

  it("'refuse' gives a request from elsewhere no session, and tells of it once", async () => {
    const app = await BoundApp.start(way, { binding: REFUSE });
    const token = await app.begin(HOME);
    const { id } = (await app.from(HOME, info, token)).result as { id: string };
    const twice: Script = (session) => [session.isNew, { ...session }];

    expect((await app.from(AWAY, twice, token)).result).toEqual([true, {}]);
    expect(app.mismatches).toEqual([
      { type: 'session_binding_mismatch', id, reason: expect.stringMatching(/got no session/) as string },
    ]);
    expect((await app.from(HOME, data, token)).result).toEqual({ cart: 'full' });
    expect(app.mismatches).toHaveLength(1);
  });

  it.each<[string, Script]>([
    ['nothing', nothing],
    ['reading', data],
    ['what is known of it', info],
    ['writing', shop],
    ['a transaction', update],
    ['a login', signInAsBob],
    ['regenerate', regenerate],
    ['reauthenticate', (session, sessions) => sessions.reauthenticate(session)],
    ['touch', touch],
    ['reload', (session) => session.reload()],
    ['logout', logout],
  ])('H24: it is answered as one whose token is unknown: %s', async (_what, script) => {
    const app = await BoundApp.start(way, { binding: REFUSE, clock: new TestClock().now });
    const token = await app.begin(HOME, login('ada'));
    const unknown = await app.from(AWAY, script, randomBytes(32).toString('base64url'));
    const refused = await app.from(AWAY, script, token);
    expect(comparable(refused)).toEqual(comparable(unknown));
    expect(app.mismatches).toHaveLength(1);
    // Whatever the stranger did, the owner goes on.
    expect(await app.opensAt(HOME, token)).toBe(true);
  });

  it('law 1: what a stranger stores gets a token of its own and none of the data, bound to the stranger', async () => {
    const app = await BoundApp.start(way, { binding: REFUSE });
    const token = await app.begin(HOME);
    const strangers = (await app.from(AWAY, (session) => void (session['noted'] = 1), token)).issued as string;
    expect(strangers).not.toBe(token);
    expect((await app.from(AWAY, data, strangers)).result).toEqual({ noted: 1 });
    expect((await app.from(HOME, data, token)).result).toEqual({ cart: 'full' });
    expect(await app.opensAt(HOME, strangers)).toBe(false);
  });

  it('law 7: a login from the new place works, and the old session lives where it was', async () => {
    const app = await BoundApp.start(way, { binding: REFUSE });
    const old = await app.begin(HOME, login('ada'));
    const moved = (await app.from(AWAY, login('ada'), old)).issued as string;
    expect(await app.opensAt(AWAY, moved)).toBe(true);
    expect(await app.opensAt(HOME, old)).toBe(true);
    expect(await app.opensAt(HOME, moved)).toBe(false);
    expect(await app.scripted.sessions.list('ada')).toHaveLength(2);
  });

  it('ASVS 7.3.1: a refused request keeps no session alive', async () => {
    const clock = new TestClock();
    const app = await BoundApp.start(way, { binding: REFUSE, clock: clock.now, idleTimeout: '1h' });
    const token = await app.begin(HOME);
    clock.advance(HOUR - 1);
    await app.from(AWAY, touch, token);
    clock.advance(1);
    expect(await app.opensAt(HOME, token)).toBe(false);
  });

  it('law 5: parallel edits of a bound session all survive, and so does its binding', async () => {
    const app = await BoundApp.start(way, { binding: REFUSE });
    const token = await app.begin(HOME);
    const names = ['a', 'b', 'c', 'd', 'e'];
    const together = new Barrier(names.length);
    const edit =
      (name: string): Script =>
      async (session) => {
        await together.pass();
        session[name] = name;
      };
    const answers = names.map((name) => app.from(HOME, edit(name), token));
    await together.arrived;
    together.open();
    await Promise.all(answers);
    const all = Object.fromEntries(names.map((name) => [name, name]));
    expect((await app.from(HOME, data, token)).result).toEqual({ cart: 'full', ...all });
    expect(await app.opensAt(AWAY, token)).toBe(false);
  });
});

describe.each(['express', 'fastify'] as const)('what a binding costs and stores, on %s', (platform) => {
  const [way] = BOUND_WAYS.filter((candidate) => candidate.platform === platform) as [(typeof BOUND_WAYS)[number]];

  it('law 3: a bound session is read by one load; without a token nothing is asked, of the store or the hook', async () => {
    const store = new ProbedStore();
    let asked = 0;
    const of = (): string => String((asked++, 1));
    const app = await BoundApp.start(
      { ...way, build: () => store as never },
      { binding: { of, onMismatch: 'refuse' } },
    );
    await app.from(HOME, data);
    expect([store.calls, asked]).toEqual([[], 0]);
    const token = await app.begin(HOME);
    expect([store.calls, asked]).toEqual([['create'], 1]);
    await app.from(HOME, data, token);
    expect([store.calls, asked]).toEqual([['create', 'load'], 2]);
    await app.from(HOME, shop, randomBytes(32).toString('base64url'));
    expect(store.calls).toEqual(['create', 'load', 'load', 'create']);
  });

  it('law 3: a refused request costs one load, and not a touch that is due', async () => {
    const clock = new TestClock();
    const store = new ProbedStore();
    const app = await BoundApp.start(
      { ...way, build: () => store as never },
      { binding: REFUSE, clock: clock.now, idleTimeout: '1h' },
    );
    const token = await app.begin(HOME);
    clock.advance(HOUR / 2);
    store.calls.length = 0;
    await app.from(AWAY, data, token);
    expect(store.calls).toEqual(['load']);
    await app.from(HOME, data, token);
    expect(store.calls).toEqual(['load', 'load', 'touch']);
  });

  it('law 3: without the option a record is as it was, byte for byte', async () => {
    const store = new MemoryStore();
    const app = await BoundApp.start({ ...way, build: () => store }, {});
    const token = await app.begin(HOME);
    const { id } = (await app.from(HOME, info, token)).result as { id: string };
    expect(store.load(id)?.payload).toBe('1\n{"cart":"full"}');
  });

  it('law 2: neither a store nor an event nor the log has the value, or a hash that can be found by trying', async () => {
    const store = new MemoryStore();
    const lines: string[] = [];
    const log = (line: string): void => void lines.push(line);
    const app = await BoundApp.start(
      { ...way, build: () => store },
      { binding: REFUSE, logger: { warn: log, error: log } },
    );
    const tokens = [await app.begin(HOME), await app.begin(HOME)];
    for (const token of tokens) await app.from(AWAY, data, token);
    const ids = tokens.map((token) => createHash('sha256').update(token).digest('base64url'));
    const payloads = ids.map((id) => store.load(id)?.payload);
    const marks = payloads.map((payload) => /^1\{"binding":"([\w-]{22})"\}\n/.exec(payload ?? '')?.[1]);

    expect(marks).toEqual([expect.any(String), expect.any(String)]);
    // Nor do they tell which sessions come from one place.
    expect(marks[0]).not.toBe(marks[1]);
    const told = JSON.stringify([payloads, app.events, lines]);
    const plain = createHash('sha256').update(HOME).digest('base64url').slice(0, 20);
    for (const secret of [HOME, AWAY, plain, ...tokens]) expect(told).not.toContain(secret);
    expect(lines).toEqual([
      expect.stringMatching(/^session_binding_mismatch id=[\w-]{43} .*The request does not have/),
    ]);
  });
});
