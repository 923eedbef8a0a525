import { MemoryStore as ExpressMemoryStore } from 'express-session';
import type { Session } from 'nestjs-token-session';
import { expressStore } from 'nestjs-token-session/express-session';
import { testSessions } from 'nestjs-token-session/testing';
import { closeApps } from '../support/app.js';
import { login, regenerate, type Data, type Script } from '../support/scripted.js';
import { SteeredStore } from '../support/steered-store.js';
import { BOUND_WAYS, BoundApp, REFUSE, REPORT, shop } from './support/bound.js';
import { SIGNED } from './support/ways.js';

const HOME = 'the browser at home';
const AWAY = 'another one';

const reauthenticate: Script = async (session, sessions) => {
  await sessions.reauthenticate(session);
};
const signInByData: Script = (session) => {
  session['user'] = 'ada';
};
const leaveByData: Script = (session) => {
  delete session['user'];
};
const userIdOf = (data: Data): string | undefined => data['user'] as string | undefined;

afterEach(closeApps);

describe.each(BOUND_WAYS)('what tokens are bound to, on $title', (way) => {
  it.each<[string, Script, Script]>([
    ['regenerate, of nobody', shop, regenerate],
    ['regenerate, of a user', login('ada'), regenerate],
    ['reauthenticate', login('ada'), reauthenticate],
    ['login', shop, login('ada')],
    ['login once more', login('ada'), login('ada')],
    ['data that tell of a user', shop, signInByData],
  ])('ASVS 7.2.4: a new token is a new binding: %s', async (_what, begin, renew) => {
    const app = await BoundApp.start(way, { binding: REPORT, userIdOf });
    const old = await app.begin(HOME, begin);
    const token = (await app.from(AWAY, renew, old)).issued as string;
    expect(token).toMatch(/^[\w-]{43}$/);
    expect(app.mismatches).toHaveLength(1);
    await app.from(AWAY, shop, token);
    expect(app.mismatches).toHaveLength(1);
    await app.from(HOME, shop, token);
    expect(app.mismatches).toHaveLength(2);
  });

  it.each<[string, Script]>([
    ['a change', shop],
    ['a transaction', (session, sessions) => sessions.update(session, (draft) => (draft['n'] = 1))],
    ['data that tell of no user any more', leaveByData],
  ])('a token that stays keeps its binding: %s', async (_what, script) => {
    const app = await BoundApp.start(way, { binding: REPORT, userIdOf });
    const token = await app.begin(HOME, signInByData);
    expect((await app.from(AWAY, script, token)).issued).toBeUndefined();
    expect(app.mismatches).toHaveLength(1);
    await app.from(HOME, shop, token);
    expect(app.mismatches).toHaveLength(1);
    await app.from(AWAY, shop, token);
    expect(app.mismatches).toHaveLength(2);
  });

  it('a session that began in a transaction is bound, also where that says who is signed in', async () => {
    const app = await BoundApp.start(way, { binding: REFUSE, userIdOf });
    const token = await app.begin(HOME, (session, sessions) =>
      sessions.update(session, (draft) => (draft['user'] = 'ada')),
    );
    expect([await app.opensAt(HOME, token), await app.opensAt(AWAY, token)]).toEqual([true, false]);
    expect(await app.scripted.sessions.list('ada')).toHaveLength(1);
  });

  it('sessions from before the option are used from everywhere, until they get a new token', async () => {
    const store = way.build();
    const before = await BoundApp.start({ ...way, build: () => store }, {});
    const token = await before.begin(HOME);
    const app = await BoundApp.start({ ...way, build: () => store }, { binding: REFUSE });
    expect([await app.opensAt(HOME, token), await app.opensAt(AWAY, token)]).toEqual([true, true]);
    expect(app.mismatches).toEqual([]);

    const renewed = (await app.from(HOME, regenerate, token)).issued as string;
    expect([await app.opensAt(HOME, renewed), await app.opensAt(AWAY, renewed)]).toEqual([true, false]);
  });

  it('when the option is taken back bound sessions are used from everywhere', async () => {
    const store = way.build();
    const before = await BoundApp.start({ ...way, build: () => store }, { binding: REFUSE });
    const token = await before.begin(HOME, login('ada'));
    const app = await BoundApp.start({ ...way, build: () => store }, {});
    expect(await app.opensAt(AWAY, token)).toBe(true);

    const renewed = (await app.from(AWAY, reauthenticate, token)).issued as string;
    expect(await app.opensAt(HOME, renewed)).toBe(true);
    // Nothing of the old token's binding goes along, where it would never fit.
    expect(await before.opensAt(HOME, renewed)).toBe(true);
  });

  it('outside of a request nothing is checked, and a new token is bound to nothing', async () => {
    const app = await BoundApp.start(way, { binding: REFUSE });
    const { sessions } = app.scripted;
    const loaded = (await sessions.load(await app.begin(HOME, login('ada')))) as Session<Data>;
    expect(loaded.isNew).toBe(false);
    const { token } = sessions.info(await sessions.reauthenticate(loaded));
    expect([await app.opensAt(HOME, token as string), await app.opensAt(AWAY, token as string)]).toEqual([true, true]);
    expect(app.mismatches).toEqual([]);

    const test = await testSessions(app.scripted.running.app).signedIn('ada');
    expect(await app.opensAt(AWAY, test.token)).toBe(true);
  });
});

describe.each(['express', 'fastify'] as const)('on %s', (platform) => {
  const [way] = BOUND_WAYS.filter((candidate) => candidate.platform === platform) as [(typeof BOUND_WAYS)[number]];

  it('ASVS 7.2.3: when the first id is taken, what is bound is the token that the client gets', async () => {
    const store = new SteeredStore();
    let tries = 0;
    store.steer = (operation, run) => (operation === 'create' && tries++ === 0 ? false : run());
    const app = await BoundApp.start({ ...way, build: () => store as never }, { binding: REFUSE });
    const token = await app.begin(HOME);
    expect(tries).toBe(2);
    expect([await app.opensAt(HOME, token), await app.opensAt(AWAY, token)]).toEqual([true, false]);
  });

  it('works on the sessions that express-session shares, whose tokens are their ids', async () => {
    const store = expressStore(new ExpressMemoryStore(), { rawIds: true });
    const app = await BoundApp.start({ platform, carrier: SIGNED, build: () => store as never }, { binding: REFUSE });
    for (const begin of [shop, login('ada')]) {
      const token = await app.begin(HOME, begin);
      expect([await app.opensAt(HOME, token), await app.opensAt(AWAY, token)]).toEqual([true, false]);
    }
    expect(JSON.stringify(app.events)).not.toContain(HOME);
  });

  it('S52: a binding in a record that is none makes it a corrupt one, and no error', async () => {
    for (const binding of ['', 'x', 'x'.repeat(23), '=='.repeat(11), 1, null, {}, ['x'.repeat(22)]]) {
      const store = new SteeredStore();
      const app = await BoundApp.start({ ...way, build: () => store as never }, { binding: REFUSE });
      const token = await app.begin(HOME);
      store.steer = (operation, run) => {
        const record = run() as { payload: string };
        return operation === 'load' ? { ...record, payload: `1${JSON.stringify({ binding })}\n{"cart":1}` } : record;
      };
      expect(await app.opensAt(HOME, token)).toBe(false);
      expect(app.events.map(({ type }) => type)).toContain('record_corrupt');
      await app.scripted.running.close();
    }
  });
});
