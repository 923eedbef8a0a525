import * as assert from '../assertions.js';
import type { Act, Attempt, Play } from './play.js';

/** What ends Ada's own session for good. */
const ENDS: readonly Act[] = ['log out', 'end all', 'end by id'];
const LOGINS: readonly Act[] = ['login', 'login again'];
/** What puts another session in the place of Ada's own. */
const ROTATIONS: readonly Act[] = ['regenerate', 'login again'];

/** What must hold when all programs have come to their end, whatever the order was. */
export async function checkLaws(play: Play): Promise<void> {
  for (const attempt of play.attempts) {
    checkOutcome(play, attempt);
    await checkGiven(play, attempt);
  }
  await checkOwn(play);
  await checkLine(play);
  await checkData(play);
  if (play.world.hasUsers) {
    await checkUser(play);
    await checkEnd(play);
  }
}

function checkOutcome(play: Play, { act, program, state }: Attempt): void {
  const { onMax, max } = play.world.plan;
  const isIn = (acts: readonly Act[]): boolean => play.has(acts, program);
  const mayBe =
    state === 'done' ||
    (state === 'TOO_MANY_SESSIONS' && onMax === 'reject' && LOGINS.includes(act)) ||
    (state === 'SESSION_ENDED' && ['save', 'touch', 'regenerate'].includes(act) && isIn([...ENDS, ...ROTATIONS])) ||
    (state === 'SESSION_ENDED' && LOGINS.includes(act) && (isIn(['end all']) || max !== undefined)) ||
    (state === 'SESSION_ENDED' && act === 'login again' && isIn(['end by id', 'log out', ...ROTATIONS]));
  assert.ok(mayBe, `"${act}" failed: ${state}`);
}

/** A session that was given to a caller lives, if and only if nobody ended it. */
async function checkGiven(play: Play, { act, got }: Attempt): Promise<void> {
  if (got === undefined) return;
  const isAlive = await play.world.isAlive(got);
  const mayBeOver =
    play.world.plan.max !== undefined ||
    play.has(['end all']) ||
    (act === 'login again' && play.has(['end by id'])) ||
    (act === 'regenerate' && play.has(ENDS));
  assert.ok(isAlive || mayBeOver, `the session of "${act}" ended, and nobody ended it`);
  const wasFound = play.attempts.some((other) => other.act === 'end by id' && other.answer === true);
  const mustBeOver = act === 'regenerate' && (play.did(['end all', 'log out']) || wasFound);
  assert.ok(!isAlive || !mustBeOver, `the session of "${act}" lives, and was ended`);
}

async function checkOwn(play: Play): Promise<void> {
  const isAlive = await play.world.isAlive(play.own);
  const mayBeOver = play.has([...ENDS, ...ROTATIONS]) || play.world.plan.onMax === 'evict';
  assert.ok(isAlive || mayBeOver, 'the session that was there ended, and nobody ended it');
  assert.ok(!isAlive || !play.did([...ENDS, ...ROTATIONS]), 'the session that was there lives, though it was ended');
}

/** Of a session and what it was regenerated to, one lives at most (R61). */
async function checkLine({ world, own, attempts }: Play): Promise<void> {
  const line = [own, ...attempts.flatMap(({ act, got }) => (act === 'regenerate' && got ? [got] : []))];
  const alive = await Promise.all(line.map((known) => world.isAlive(known)));
  assert.ok(alive.filter(Boolean).length <= 1, 'two sessions of one line live');
}

/** What was stored for one request is there after the others, as long as the session is (law 5). */
async function checkData({ world, own, attempts }: Play): Promise<void> {
  const line = [own, ...attempts.flatMap(({ act, got }) => (act === 'regenerate' && got ? [got] : []))];
  for (const known of line) {
    const opened = await world.open(known);
    if (opened === undefined) continue;
    assert.equal(opened['planted'], true, 'what the session held before is there');
    for (const { act, program, state } of attempts) {
      if (act === 'save' && state === 'done')
        assert.equal(opened[`key${String(program)}`], program, 'an update that was stored is there (a lost update)');
    }
  }
}

/** What lives has a token that somebody has, is listed and counted; nothing else is. */
async function checkUser({ world, user, own, attempts }: Play): Promise<void> {
  const known = [own, ...attempts.flatMap(({ got }) => (got ? [got] : []))];
  const alive = await Promise.all(known.map(async (one) => ((await world.isAlive(one)) ? [one.id] : [])));
  const living = [...new Set(alive.flat())].sort();
  const { max } = world.plan;
  assert.ok(max === undefined || living.length <= max, `${String(living.length)} sessions live`);
  for (const id of world.created) {
    const record = await world.stores[0]?.load(id);
    if (record?.userId !== user) continue;
    assert.ok(living.includes(id), 'a session lives whose token nobody has');
  }
  const listed = (await world.layer().list(user)).map(({ id }) => id).sort();
  assert.deepEqual(listed, living, 'the list of the user is what lives');
  const entries = (await world.stores[0]?.users?.list(user)) ?? [];
  for (const id of living) {
    assert.ok(
      entries.some((entry) => entry.id === id && entry.settled),
      'a session lives without a settled entry',
    );
  }
}

/** After one more sign-out everywhere, alone, nothing lives and nothing is noted. */
async function checkEnd({ world, user, own, attempts }: Play): Promise<void> {
  await world.layer().destroyAll(user);
  for (const known of [own, ...attempts.flatMap(({ got }) => (got ? [got] : []))]) {
    assert.ok(!(await world.isAlive(known)), 'a session lives after all were ended');
  }
  assert.deepEqual(
    await world.stores[0]?.users?.list(user),
    [],
    'the index has no entry after all sessions were ended',
  );
  assert.equal(await world.layer().destroyAll(user), 0, 'after all sessions were ended there is none to end once more');
}
