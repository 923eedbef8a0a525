import { UserEntries } from '../../../lib/stores/user-entries.js';
import type { UserIndex } from 'nestjs-token-session';
import type { SqliteStatement, SqliteStore } from 'nestjs-token-session/sqlite';
import { TestClock } from '../../support/clock.js';
import { openDatabase, removeFiles } from '../../support/sqlite/files.js';
import { attached, TestHost } from '../../support/sqlite/host.js';

type Database = ReturnType<typeof openDatabase>;

const SECOND = 1_000;

afterAll(removeFiles);

/** Numbers below `n`, the same ones for the same seed. */
function numbersFrom(seed: number): (n: number) => number {
  let state = seed;
  return (n) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

/** An operation on the rules over all entries of a user, and the same in the store. */
interface Step {
  readonly text: string;
  whole(entries: UserEntries, now: number): unknown;
  stored(index: UserIndex): unknown;
}

function randomStep(below: (n: number) => number, user: string): Step {
  const idOf = (): string => `id${String(below(7))}`;
  const id = idOf();
  const life = (1 + below(20)) * SECOND;
  switch (below(10)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      const replaces = below(2) === 0 ? {} : { replaces: idOf() };
      const isThere = below(4) === 0 ? { isThere: true } : {};
      const limit = below(4) === 0 ? { max: 1 + below(4), evict: [idOf(), idOf()] } : {};
      const terms = { ...replaces, ...isThere, ...limit };
      return {
        text: `add ${id} ${String(life)} ${JSON.stringify(terms)}`,
        whole: (entries, now) => entries.add(id, life, terms, now),
        stored: (index) => index.add(user, id, life, terms),
      };
    }
    case 4:
    case 5:
    case 6:
      return {
        text: `settle ${id} ${String(life)}`,
        whole: (entries, now) => entries.settle(id, life, now),
        stored: (index) => index.settle(user, id, life),
      };
    case 7:
    case 8: {
      const choice = below(6) === 0 ? { except: id } : { only: id };
      return {
        text: `revoke ${JSON.stringify(choice)}`,
        whole: (entries, now) => entries.revoke(choice, now).sort(),
        stored: async (index) => (await index.revoke(user, choice)).sort(),
      };
    }
    default: {
      const ids = [id, idOf()];
      return {
        text: `remove ${ids.join()}`,
        whole: (entries) => entries.remove(ids),
        stored: (index) => index.remove(user, ids),
      };
    }
  }
}

const sorted = (answer: unknown): unknown => {
  const { revoked } = answer as { revoked?: string[] };
  return revoked === undefined ? answer : { ...(answer as object), revoked: [...revoked].sort() };
};

/** The rows of a user that have not ended, as `UserEntries` would keep them. */
function rowsOf(database: Database, user: string, now: number): unknown[] {
  const rows = database
    .prepare(
      `SELECT id, ends_at, settled, revoked, replaces, replaced FROM token_session_user WHERE user_id = ? AND ends_at > ?`,
    )
    .raw()
    .all(user, now) as unknown[][];
  return rows.map((row) => row.join()).sort();
}

function entriesOf(entries: UserEntries, now: number): unknown[] {
  return entries
    .stored()
    .filter(([, { endsAt }]) => endsAt > now)
    .map(([id, { endsAt, settled, revoked, replaces, replaced }]) =>
      [id, endsAt, Number(settled), Number(revoked), replaces, replaced].join(),
    )
    .sort();
}

it('ASVS 7.4.3, 7.1.2: what is read of a user is enough for the rules over all entries: 30,000 random steps', async () => {
  const clock = new TestClock();
  const database = openDatabase(':memory:');
  const store = attached({ database }, new TestHost(clock.now));
  const below = numbersFrom(7);
  const seen = new Map<string, number>();
  for (let game = 0; game < 1_000; game++) {
    const users = [`ada${String(game)}`, `bob${String(game)}`];
    const wholes = users.map(() => new UserEntries());
    const steps: string[] = [];
    for (let turn = 0; turn < 30; turn++) {
      if (below(4) === 0) clock.advance(below(6) * SECOND);
      const who = below(2);
      const [user, whole] = [users[who] as string, wholes[who] as UserEntries];
      const step = randomStep(below, user);
      steps.push(`${user} ${step.text}`);
      const expected = sorted(step.whole(whole, clock.now()) ?? {});
      const kind = `${step.text.split(' ')[0] as string} ${JSON.stringify(expected).replace(/id\d/g, 'id')}`;
      seen.set(kind, (seen.get(kind) ?? 0) + 1);
      const result = sorted((await step.stored(store.users)) ?? {});
      const found = { result, rows: rowsOf(database, user, clock.now()) };
      const wanted = { result: expected, rows: entriesOf(whole, clock.now()) };
      if (JSON.stringify(found) !== JSON.stringify(wanted)) expect({ steps, ...found }).toEqual({ steps, ...wanted });
    }
  }
  // Each kind of answer came up: entries that were added or not, beside revoked ones, and revoked together.
  for (const kind of [
    'settle true',
    'settle false',
    'revoke []',
    'revoke ["id"]',
    'revoke ["id","id"]',
    'add {"added":true,"revoked":[]}',
    'add {"added":false,"revoked":[]}',
    'add {"added":true,"revoked":["id"]}',
    'add {"added":false,"revoked":["id","id"]}',
  ]) {
    expect([kind, (seen.get(kind) ?? 0) > 20]).toEqual([kind, true]);
  }
});

describe('growth: at a user with 3,000 entries', () => {
  const now = Date.now();
  let database: Database;
  let used: string[];

  beforeEach(() => {
    database = openDatabase(':memory:');
    used = [];
  });

  /** A store whose reads are noted in `used`. */
  function observed(): SqliteStore {
    const prepare = (sql: string): SqliteStatement => {
      const statement = database.prepare(sql);
      return {
        get: (...values) => statement.get(...values),
        run: (...values) => statement.run(...values),
        all: (...values) => {
          used.push(sql);
          return statement.all(...values);
        },
      };
    };
    return attached({ database: { prepare, exec: (sql) => database.exec(sql) } }, new TestHost(() => now));
  }

  const plans = (): string[] =>
    used.map((sql) => {
      const values = sql
        .split('?')
        .slice(1)
        .map(() => 1);
      const steps = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { detail: string }[];
      return steps.map(({ detail }) => detail.replace(/^.* USING /, '')).join('; ');
    });
  const ONE = 'PRIMARY KEY (user_id=? AND id=?)';
  const REVOKED = 'INDEX token_session_user_revoked (user_id=?)';
  const REPLACING = 'INDEX token_session_user_replaces (user_id=? AND replaces=?)';
  const REPLACED = 'INDEX token_session_user_replaced (user_id=? AND replaced=?)';

  it.each([
    ['whose tables were never analysed', ''],
    ['whose tables were analysed', 'ANALYZE'],
  ])('a login, a rotation and the end of one session read by key what they concern, in a file %s', async (_, sql) => {
    attached({ database });
    database.exec(`
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
      INSERT INTO token_session_user SELECT 'ada', 'e' || i, ${String(now + 60 * SECOND)}, 1, 0, NULL, NULL FROM n;
      INSERT INTO token_session_user VALUES ('ada', 'gone', ${String(now + 60 * SECOND)}, 1, 1, NULL, NULL);
      ${sql};
    `);
    const { users } = observed();
    used = [];
    expect(await users.add('ada', 'new', SECOND, {})).toEqual({ added: true, revoked: ['gone'] });
    expect(await users.settle('ada', 'new', SECOND)).toBe(true);
    expect(plans()).toEqual([ONE, REVOKED, ONE]);
    used = [];
    expect(await users.add('ada', 'newer', SECOND, { replaces: 'new', max: 5 })).toMatchObject({ added: true });
    expect(await users.settle('ada', 'newer', SECOND)).toBe(true);
    expect(plans()).toEqual([ONE, REVOKED, ONE, ONE, ONE]);
    used = [];
    expect(await users.revoke('ada', { only: 'new' })).toEqual(['newer']);
    expect(new Set(plans())).toEqual(new Set([ONE, REPLACED, REPLACING]));
    used = [];
    expect((await users.list('ada')).length).toBe(3_000);
    expect(plans()).toEqual(['PRIMARY KEY (user_id=?)']);
  });
});
