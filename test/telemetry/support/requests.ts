import { inspect } from 'node:util';
import type { SessionEvent } from 'nestjs-token-session';
import { watch } from '../../support/leaks/realm.js';
import { refusalOf, type ScriptedApp } from '../../support/scripted.js';

const USER = 'user-who-is-not-told';
const KEY = 'keyThatIsNotTold';
const VALUE = 'value-that-is-not-told';
const LABEL = 'label-that-is-not-told';

/**
 * Requests of all kinds, with and without success.
 *
 * @returns what must be in nothing that is told of them, besides tokens
 */
export async function everything(app: ScriptedApp): Promise<readonly string[]> {
  const ids = new Set<string>();
  const collected = app.sessions.events$.subscribe((event) => {
    const { id, previousId } = event as Extract<SessionEvent, { type: 'session_renewed' }>;
    for (const each of [id, previousId]) if (typeof each === 'string') ids.add(each);
  });
  const anonymous = (await app.run((session) => (session[KEY] = VALUE))).issued as string;
  const token = await app.signIn(USER, { keep: [KEY], label: LABEL }, anonymous);
  const other = await app.signIn(USER);
  await app.run((session) => ({ ...session }), token);
  await app.run((session, sessions) => sessions.update(session, (draft) => (draft[KEY] = `${VALUE} again`)), token);
  await app.run(async (session, sessions) => {
    // Another request is faster each time.
    const same = await sessions.load<Record<string, unknown>>(token);
    await sessions.update(same as NonNullable<typeof same>, (draft) => (draft['other'] = VALUE));
    session[KEY] = VALUE;
  }, token);
  await app.run((session) => session.touch(), token);
  await app.run(async (session, sessions) => {
    const same = await sessions.load(other);
    await same?.destroy();
    session[KEY] = VALUE;
  }, other);
  await app.run((session) => (session[KEY] = 1n), token);
  await app.run((_session, sessions) => sessions.list(USER), token);
  await app.run((session) => ({ ...session }), 'A'.repeat(43));
  await app.run((session) => ({ ...session }), 'malformed');
  await app.run((session) => session.destroy(), token);
  await app.sessions.destroyAll(USER);
  await app.sessions.sweep();
  // A simple store may not be able to.
  for (const act of ['count', 'clear'] as const) await refusalOf(app.sessions[act]());
  collected.unsubscribe();
  if (ids.size < 4) throw new Error(`Only ${String(ids.size)} ids were seen`);
  return [USER, KEY, VALUE, LABEL, ...ids];
}

/** Fails where one of these texts is in what was told; the leak check of the suite looks for tokens. */
export function expectNothingOf(secrets: readonly string[], place: string, told: unknown): void {
  watch.hear(place, told);
  const text = inspect(told, { depth: 20, maxArrayLength: null, maxStringLength: null, breakLength: Infinity });
  expect(text.length).toBeGreaterThan(1_000);
  expect(secrets.filter((secret) => text.includes(secret))).toEqual([]);
}
