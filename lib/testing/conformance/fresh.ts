import { METADATA_KEY } from '../../stores/simple-store.adapter.js';
import type { AtomicSessionStore } from '../../stores/session-store.js';
import type { Abilities } from './capabilities.js';
import * as assert from './assertions.js';
import { ID, OTHER } from './records/record-subject.js';
import { ONE, TWO } from './simple/simple-subject.js';

const REMEDY = 'the factory has to give a store without sessions: use `key` as prefix or table';

/**
 * Looks whether a store is fresh, where that is cheap to tell: else each rule would fail with something else. What the
 * store does wrong besides is told by the rules.
 */
export async function checkFresh(store: AtomicSessionStore, abilities: Abilities): Promise<void> {
  for (const id of [ID, OTHER]) {
    const record = await told(() => store.load(id));
    assert.ok(typeof record?.version !== 'string', `${REMEDY} (load finds a session before the test has begun)`);
  }
  const count = abilities.count === false ? undefined : await told(() => store.count?.());
  assert.ok(!(Number(count) > 0), `${REMEDY} (count gives ${String(count)} before the test has begun)`);
  const entries = abilities.users === false ? undefined : await told(() => store.users?.list('ada'));
  const isEmpty = !Array.isArray(entries) || entries.length === 0;
  assert.ok(isEmpty, `${REMEDY} (users.list finds an entry before the test has begun)`);
}

/** The same for a simple store as it comes, by what asks it. */
export async function checkFreshSimple(get: (sid: string) => Promise<unknown>): Promise<void> {
  for (const sid of [ONE, TWO]) {
    const found = await told(() => get(sid));
    const isSession = typeof found === 'object' && found !== null && METADATA_KEY in found;
    assert.ok(!isSession, `${REMEDY} (get finds a session before the test has begun)`);
  }
}

/** What a store gives; nothing where it fails, which is for the rules. */
async function told<T>(ask: () => T): Promise<Awaited<T> | undefined> {
  try {
    return await ask();
  } catch {
    return undefined;
  }
}
