import * as assert from '../assertions.js';
import type { AtomicSessionStore, EndingsListener, SessionEndings } from '../../../stores/session-store.js';
import type { RuleOf } from '../conformance-test.js';
import type { Processes } from '../plays/plays.rules.js';
import { ID, idOf, Subject } from './record-subject.js';

/** How long is waited for what has to be told within a second, in ms: the machine may be slow. */
const LIMIT = 2_000;

/** Stores that tell of sessions that end. */
export interface Telling extends Processes {
  /** Runs this at the end of the test, before the stores are closed. */
  after(stop: () => unknown): void;
}

/** What a store tells of sessions that end. One store does it, and the other one hears of it, where there are two. */
export function endingsRules(rule: RuleOf<Telling>): void {
  rule('law 6: destroy is told, with a version and without', async (telling) => {
    const { subject, heard } = await listening(telling);
    await subject.have();
    await subject.store.destroy(ID);
    await heard.has(ID, 'destroy that removes the record is told');
    const other = subject.record();
    await subject.store.create(idOf(1), other);
    await subject.store.destroy(idOf(1), other.version);
    await heard.has(idOf(1), 'destroy at the version that is there is told');
  });

  rule('law 7: update is told when the session ends with it', async (telling) => {
    const { subject, heard } = await listening(telling);
    const record = await subject.have();
    await subject.store.update(ID, subject.next(record), record.version, true);
    await heard.has(ID, 'update with isEnd is told');
  });

  rule('what ends no session is not told: each would be a load for whoever watches', async (telling) => {
    const { subject, heard } = await listening(telling);
    const record = await subject.have();
    const next = subject.next(record);
    await subject.store.update(ID, next, record.version);
    await subject.store.touch(ID, next);
    await subject.store.load(ID);
    await subject.store.create(idOf(1), record);
    await subject.store.destroy(idOf(1));
    await heard.has(idOf(1), 'destroy is told');
    assert.ok(!heard.ids.has(ID), 'create, load, touch and an update without isEnd are not told');
  });

  rule('ASVS 7.4.5: clear is told, by each id or by connected', async (telling) => {
    const { subject, heard } = await listening(telling);
    if (subject.store.clear === undefined) return;
    await subject.have();
    const before = heard.connections;
    await subject.store.clear();
    await heard.until(() => heard.ids.has(ID) || heard.connections > before, 'clear is told');
  });

  rule('each who listens is told, and one who has stopped hears nothing', async (telling) => {
    const { subject, heard } = await listening(telling);
    const [stays, stopped] = [new Heard(), new Heard()];
    const { endings } = hearing(telling);
    telling.after(endings.listen(stays));
    const stop = endings.listen(stopped);
    await stays.until(() => stays.connections > 0, 'connected is called for each who listens');
    await stop();
    await subject.have();
    await subject.store.destroy(ID);
    await heard.has(ID, 'the first who listens is told');
    await stays.has(ID, 'the second who listens is told');
    assert.equal(stopped.ids.size, 0, 'who has stopped listening is told nothing');
  });
}

class Heard implements EndingsListener {
  readonly ids = new Set<string>();
  connections = 0;
  private look: () => void = () => undefined;

  ended(id: string): void {
    this.ids.add(id);
    this.look();
  }

  connected(): void {
    this.connections++;
    this.look();
  }

  lost(): void {
    this.look();
  }

  has(id: string, what: string): Promise<void> {
    return this.until(() => this.ids.has(id), what);
  }

  /** Looks with each thing that is told. */
  async until(isSo: () => boolean, what: string): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve) => {
      this.look = () => {
        if (isSo()) resolve();
      };
      timer = setTimeout(resolve, LIMIT);
      this.look();
    });
    clearTimeout(timer);
    assert.ok(isSo(), `${what}, within ${String(LIMIT)} ms`);
  }
}

/** The store that hears: the other one, where there are two. */
function hearing({ stores }: Telling): { endings: SessionEndings } {
  return stores.at(-1) as AtomicSessionStore & { endings: SessionEndings };
}

async function listening(telling: Telling): Promise<{ subject: Subject; heard: Heard }> {
  const heard = new Heard();
  telling.after(hearing(telling).endings.listen(heard));
  await heard.until(() => heard.connections > 0, 'connected is called once every end is told');
  return { subject: new Subject(telling.stores[0] as AtomicSessionStore, telling.clock), heard };
}
