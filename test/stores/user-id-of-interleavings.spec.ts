import {
  MemoryStore,
  session,
  type AtomicSessionStore,
  type Session,
  type SessionRecord,
  type SessionService,
} from 'nestjs-token-session';
import { SILENT } from '../support/app.js';
import { everyWay, Scheduler, type Choose } from '../support/interleaving.js';

/**
 * Every order in which the store can carry out the steps of two requests on one session whose data
 * say who is signed in (`userIdOf`). What must hold in each: record, data and index of users agree,
 * no acknowledged write is lost (law 5), one session is left at most (law 7, R61), nobody but an
 * ended session is refused.
 */

type Data = Record<string, unknown>;
type Act = (sessions: SessionService, sess: Session<Data>, key: string) => Promise<unknown>;

const assign =
  (data: Data): Act =>
  (_sessions, sess) => {
    Object.assign(sess, data);
    return sess.save();
  };

/** What requests do with the session that all of them have loaded. */
const ACTS = {
  // Also where it says what stands there already, beside something else.
  ada: (_sessions, sess, key) => assign({ user: 'ada', [key]: true })(_sessions, sess, key),
  bob: assign({ user: 'bob' }),
  leave: (_sessions, sess) => {
    delete sess['user'];
    return sess.save();
  },
  put: (_sessions, sess, key) => assign({ [key]: true })(_sessions, sess, key),
  update: (sessions, sess, key) => sessions.update<Data>(sess, (draft) => (draft[key] = true)),
  regenerate: (_sessions, sess) => sess.regenerate({ keep: ['user', 'key0', 'key1'] }),
  'regenerate to nobody': (_sessions, sess) => sess.regenerate({ keep: ['key0', 'key1'] }),
  reauthenticate: (sessions, sess) => sessions.reauthenticate(sess),
  destroy: (_sessions, sess) => sess.destroy(),
  'destroyAll ada': (sessions) => sessions.destroyAll('ada'),
} as const satisfies Record<string, Act>;

type ActName = keyof typeof ACTS;

/** Whom the session belongs to after an act, where the act says. */
const USER_AFTER: Partial<Record<ActName, string | undefined>> = {
  ...{ ada: 'ada', bob: 'bob', leave: undefined, 'regenerate to nobody': undefined },
};

const USERS = ['ada', 'bob'];

/** A store whose atomic steps a scheduler carries out, and what lives in it. */
function scheduled(scheduler: Scheduler) {
  const inner = new MemoryStore();
  const ids = new Set<string>();
  const { users } = inner;
  const store: AtomicSessionStore = {
    attach: (host) => inner.attach(host),
    load: (id) => scheduler.step('load', () => inner.load(id)),
    create: (id, record) => scheduler.step('create', () => (ids.add(id), inner.create(id, record))),
    update: (id, record, version) => scheduler.step('update', () => inner.update(id, record, version)),
    touch: (id, times) => scheduler.step('touch', () => inner.touch(id, times)),
    destroy: (id) => scheduler.step('destroy', () => inner.destroy(id)),
    users: {
      add: (...args) => scheduler.step('users.add', () => users.add(...args)),
      settle: (...args) => scheduler.step('users.settle', () => users.settle(...args)),
      revoke: (...args) => scheduler.step('users.revoke', () => users.revoke(...args)),
      remove: (...args) => scheduler.step('users.remove', () => users.remove(...args)),
      list: (...args) => scheduler.step('users.list', () => users.list(...args)),
    },
  };
  const living = (): { id: string; userId: string | undefined; data: Data }[] =>
    [...ids].flatMap((id) => {
      const { payload, userId } = inner.load(id) ?? ({} as Partial<SessionRecord>);
      if (payload?.includes('"rotatedTo"') !== false) return [];
      return [{ id, userId, data: JSON.parse(payload.slice(payload.indexOf('\n') + 1)) as Data }];
    });
  return { store, living };
}

/** Plays two requests in one order, and throws with that order when something does not hold. */
async function play(start: Data, acts: readonly ActName[], choose: Choose): Promise<void> {
  const scheduler = new Scheduler();
  const { store, living } = scheduled(scheduler);
  const layer = session({ store, logger: SILENT, userIdOf: ({ user }) => user as string });
  const sessions = layer.service;
  const token = await begin(layer, start);
  const loaded = await Promise.all(acts.map(() => sessions.load<Data>(token)));
  const [before] = living();
  const outcomes: string[] = acts.map(() => 'under way');

  let failed: string | undefined;
  const programs = acts.map((act, index) => async () => {
    try {
      await ACTS[act](sessions, loaded[index] as Session<Data>, `key${String(index)}`);
      outcomes[index] = 'done';
    } catch (error) {
      const { code = String(error) } = error as { code?: string };
      outcomes[index] = code;
      const isRefusal = code === 'SESSION_ENDED' || (code === 'LOGIN_REQUIRED' && act === 'reauthenticate');
      failed ??= isRefusal ? undefined : `${act} failed: ${String(error)}`;
    }
  });
  let onTheWay: string | undefined;
  await scheduler.run(programs, choose, () => {
    const wrong = living().find(({ userId, data }) => userId !== undefined && data['user'] !== userId);
    if (wrong !== undefined) onTheWay ??= scheduler.trace.join(', ');
  });
  expectThat(failed === undefined, failed ?? '');
  expectThat(onTheWay === undefined, `record and data disagreed after ${onTheWay ?? ''}`);

  const left = living();
  expectThat(left.length <= 1, `${String(left.length)} sessions are left`);
  const [survivor] = left;
  const done = acts.filter((_act, index) => outcomes[index] === 'done');
  const mayEnd = done.some((act) => act === 'destroy' || act === 'destroyAll ada');
  expectThat(survivor !== undefined || mayEnd, 'the session is gone');
  for (const user of USERS) {
    const listed = (await sessions.list(user)).map(({ id }) => id);
    const theirs = left.filter(({ userId }) => userId === user).map(({ id }) => id);
    expectThat(listed.join() === theirs.join(), `${user} has ${listed.join()} in the list and ${theirs.join()} stored`);
  }
  if (survivor !== undefined) {
    const { id, userId, data } = survivor;
    expectThat(data['user'] === userId, `the data say ${String(data['user'])}, the record ${String(userId)}`);
    acts.forEach((act, index) => {
      const isPut = outcomes[index] === 'done' && ['put', 'update', 'ada'].includes(act);
      expectThat(!isPut || data[`key${String(index)}`] === true, `an acknowledged ${act} is lost`);
    });
    const said = done.filter((act) => act in USER_AFTER);
    const [only] = said;
    if (said.length === 1 && only !== undefined) {
      expectThat(userId === USER_AFTER[only], `after ${only} it belongs to ${String(userId)}`);
    }
    // ASVS 7.2.4: who knew the token before a user came does not have the session after.
    const isSame = userId === undefined || userId === before?.userId;
    expectThat(isSame || id !== before?.id, 'a user was bound under the old token');
  }
  await layer.close();

  function expectThat(held: boolean, otherwise: string): void {
    if (held) return;
    const order = scheduler.trace.join(', ');
    throw new Error(`${acts.join(' | ')}: ${otherwise}; after ${order} they were ${outcomes.join(' | ')}`);
  }
}

/** A stored session, by a request that saves it; its token. */
async function begin(layer: ReturnType<typeof session>, data: Data): Promise<string> {
  const request = { headers: {}, url: '/' } as never as { session: Session };
  layer(request as never, { headersSent: false } as never, () => undefined);
  Object.assign(request.session, data);
  await request.session.save();
  return layer.service.info(request.session).token as string;
}

const NAMES = Object.keys(ACTS) as ActName[];
const PAIRS = NAMES.flatMap((first, index) => NAMES.slice(index).map((second) => [first, second] as const));

describe.each([
  ['anonymous', { old: true }],
  ['of ada by its data', { user: 'ada' }],
])('userIdOf in every order of the steps of the store, on a session that is %s', (_start, start) => {
  it.each(PAIRS)(
    '%s | %s',
    async (...acts) => {
      expect(await everyWay((choose) => play(start, acts, choose))).toBeGreaterThan(0);
    },
    60_000,
  );
});
