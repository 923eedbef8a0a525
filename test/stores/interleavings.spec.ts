import {
  MemoryStore,
  session,
  type AtomicSessionStore,
  type Session,
  type SessionRecord,
  type SessionService,
  type SessionStore,
  type SessionTimes,
  type StoredSession,
} from 'nestjs-token-session';
import { SILENT } from '../support/app.js';
import { everyWay, Scheduler, type Choose } from '../support/interleaving.js';

/**
 * Every order in which the store can carry out the steps of two or three requests on one session.
 * What must hold in each: no lost update (law 5), nothing comes back after a destroy (law 6), at
 * most one session is left of it (law 7, R61), and no request fails but for an ended session.
 */

type Data = Record<string, number>;

/** A store whose atomic steps a scheduler carries out, and the ids of the living sessions in it. */
type Scheduled = (scheduler: Scheduler) => { store: AtomicSessionStore | SessionStore; living: () => string[] };

const strong: Scheduled = (scheduler) => {
  const inner = new MemoryStore();
  const ids = new Set<string>();
  return {
    store: {
      load: (id: string) => scheduler.step('load', () => inner.load(id)),
      create: (id: string, record: SessionRecord) => {
        ids.add(id);
        return scheduler.step('create', () => inner.create(id, record));
      },
      update: (id: string, record: SessionRecord, version: string) =>
        scheduler.step('update', () => inner.update(id, record, version)),
      touch: (id: string, times: SessionTimes) => scheduler.step('touch', () => inner.touch(id, times)),
      destroy: (id: string, version?: string) => scheduler.step('destroy', () => inner.destroy(id, version)),
    },
    living: () => [...ids].filter((id) => inner.load(id)?.payload.startsWith('1\n') === true),
  };
};

const simple: Scheduled = (scheduler) => {
  const inner = new Map<string, string>();
  return {
    store: {
      get: (id: string) => scheduler.step('get', () => JSON.parse(inner.get(id) ?? 'null') as StoredSession | null),
      set: (id: string, stored: StoredSession) =>
        scheduler.step('set', () => {
          inner.set(id, JSON.stringify(stored));
        }),
      destroy: (id: string) => scheduler.step('destroy', () => inner.delete(id)),
    },
    living: () => [...inner].flatMap(([id, text]) => (text.includes('rotatedTo') ? [] : [id])),
  };
};

/** What requests do with the session, once they have it. */
const ACTIONS = {
  put: async (sessions: SessionService, sess: Session<Data>, key: string) => {
    sess[key] = 1;
    await sessions.save(sess);
  },
  increment: (sessions: SessionService, sess: Session<Data>) =>
    sessions.update(sess, (draft) => (draft['count'] = (draft['count'] ?? 0) + 1)),
  regenerate: (sessions: SessionService, sess: Session<Data>) =>
    sessions.regenerate(sess, { keep: ['key0', 'key1', 'key2', 'count'] }),
  touch: (sessions: SessionService, sess: Session<Data>) => sessions.touch(sess),
  destroy: (sessions: SessionService, sess: Session<Data>) => sessions.destroy(sess),
} as const;

type Action = keyof typeof ACTIONS;

/** What became of a request: done, refused as the session had ended, or no session found. */
type Outcome = 'under way' | 'done' | 'SESSION_ENDED' | 'none';

/** Plays requests in one order, and throws with that order when a law is broken. */
async function play(
  scheduled: Scheduled,
  actions: readonly Action[],
  choose: Choose,
  loadFirst: boolean,
): Promise<void> {
  const scheduler = new Scheduler();
  const { store, living } = scheduled(scheduler);
  const layer = session({ store, logger: SILENT });
  const sessions = layer.service;
  const { token, id } = await begin(layer);
  const outcomes: Outcome[] = actions.map(() => 'under way');
  let renewed: string | undefined;

  const loaded = loadFirst ? await Promise.all(actions.map(() => sessions.load<Data>(token))) : undefined;
  const programs = actions.map((action, index) => async () => {
    const sess = loaded?.[index] ?? (await sessions.load<Data>(token));
    if (sess === undefined) {
      outcomes[index] = 'none';
      return;
    }
    try {
      const next = await ACTIONS[action](sessions, sess, `key${String(index)}`);
      if (next !== undefined) {
        expectThat(renewed === undefined, 'two rotations of one session succeeded');
        renewed = sessions.info(next).token;
      }
      outcomes[index] = 'done';
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      expectThat(code === 'SESSION_ENDED', `${action} failed: ${message}`);
      outcomes[index] = 'SESSION_ENDED';
    }
  });

  const done = (wanted: Action): number[] =>
    actions.flatMap((action, index) => (action === wanted && outcomes[index] === 'done' ? [index] : []));
  await scheduler.run(programs, choose, () => {
    const ended = done('destroy').length > 0 || renewed !== undefined;
    expectThat(!(ended && living().includes(id)), 'the token opens a session that was ended');
  });

  const left = living();
  const wasDestroyed = done('destroy').length > 0;
  expectThat(left.length === (wasDestroyed ? 0 : 1), `${String(left.length)} sessions are left`);
  const survivor = await sessions.load<Data>(renewed ?? token);
  expectThat((survivor === undefined) === wasDestroyed, 'the client has no token of the session that is left');
  if (survivor !== undefined) {
    const increments = done('increment').length;
    const wanted: Data = { ...(increments === 0 ? {} : { count: increments }) };
    for (const index of done('put')) wanted[`key${String(index)}`] = 1;
    expect({ ...survivor, order: scheduler.trace }).toEqual({ ...wanted, order: scheduler.trace });
  }
  await layer.close();

  function expectThat(held: boolean, otherwise: string): void {
    if (!held) {
      throw new Error(
        `${actions.join(' | ')}: ${otherwise}; after ${scheduler.trace.join(', ')} they were ${outcomes.join(' | ')}`,
      );
    }
  }
}

/** A stored, empty session, by a request that saves it. */
async function begin(layer: ReturnType<typeof session>): Promise<{ token: string; id: string }> {
  const request = { headers: {}, url: '/' } as never as { session: Session };
  const response = { headersSent: false } as never;
  layer(request as never, response, () => undefined);
  await request.session.save();
  const { token, id } = layer.service.info(request.session);
  return { token: token as string, id: id as string };
}

/** Every combination, whatever the order of its members. */
function combinations(size: number, from: readonly Action[] = Object.keys(ACTIONS) as Action[]): Action[][] {
  if (size === 0) return [[]];
  return from.flatMap((action, index) => combinations(size - 1, from.slice(index)).map((rest) => [action, ...rest]));
}

describe('laws 5 to 7 in every order of the steps of a strong store', () => {
  it.each(combinations(2).map((actions) => [actions.join(' | '), actions] as const))('%s', async (_name, actions) => {
    expect(await everyWay((choose) => play(strong, actions, choose, false))).toBeGreaterThan(5);
  });

  it.each(combinations(3).map((actions) => [actions.join(' | '), actions] as const))(
    '%s, with the session loaded by all',
    async (_name, actions) => {
      expect(await everyWay((choose) => play(strong, actions, choose, true))).toBeGreaterThan(5);
    },
    60_000,
  );
});

describe('laws 5 to 7 in every order of the steps of a simple store, within one process', () => {
  it.each(combinations(2).map((actions) => [actions.join(' | '), actions] as const))('%s', async (_name, actions) => {
    expect(await everyWay((choose) => play(simple, actions, choose, false))).toBeGreaterThan(5);
  });
});
