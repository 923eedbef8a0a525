import * as assert from '../assertions.js';
import { ID, IDLE, OTHER, type Rule, type Subject } from './record-subject.js';

/** What is no id of a session, and has a meaning somewhere: as a path, a statement, a pattern, a property. */
const MALFORMED: Readonly<Record<string, string>> = {
  'no text': '',
  'a blank': ' ',
  '10,000 characters': 'a'.repeat(10_000),
  'a NUL': `${ID.slice(0, 42)}\u0000`,
  'half of a surrogate pair': `${ID.slice(0, 42)}\ud83d`,
  'line breaks': 'a\r\nDEL b',
  'a path': '../../etc/passwd',
  'a path without an end': '/dev/zero',
  'a statement': "' OR 1=1--",
  'a pattern': '*',
  'a pattern of SQL': '%',
  'a slot of a cluster': '{tag}',
  'a prototype': '__proto__',
  'a constructor': 'constructor',
  'a method': 'toString',
  'an id with a blank': `${ID} `,
  'an id without its end': ID.slice(0, 42),
};

export function idRules(rule: Rule): void {
  for (const [name, id] of Object.entries(MALFORMED)) {
    rule(`H19, S57: a malformed id is missing for every operation, and no error: ${name}`, async (subject) => {
      const neighbours = await withNeighbours(subject);
      await isMissing(subject, id);
      await neighbours.areThere();
    });
  }

  rule(
    'S57: a malformed id may be refused, by false; what is stored under one harms no other session',
    async (subject) => {
      const neighbours = await withNeighbours(subject);
      const prototype = Reflect.ownKeys(Object.prototype).length;
      for (const [name, id] of Object.entries(MALFORMED)) {
        const record = subject.record({ payload: name });
        if (await subject.store.create(id, record)) {
          assert.deepEqual(await subject.store.load(id), record, `load gives what create has taken: ${name}`);
          assert.deepEqual(await subject.store.destroy(id), record, `destroy gives what create has taken: ${name}`);
        }
        await isMissing(subject, id);
        await neighbours.areThere();
      }
      assert.equal(Reflect.ownKeys(Object.prototype).length, prototype, 'Object.prototype is as it was');
    },
  );
}

async function isMissing(subject: Subject, id: string): Promise<void> {
  const { store } = subject;
  assert.equal(await store.load(id), undefined, 'load of a malformed id gives undefined');
  assert.deepEqual(
    await store.update(id, subject.record(), 'any'),
    { status: 'missing' },
    "update of a malformed id gives { status: 'missing' }",
  );
  assert.equal(await store.touch(id, subject.record()), false, 'touch of a malformed id gives false');
  assert.equal(await store.destroy(id, 'any'), undefined, 'destroy of a malformed id at a version gives undefined');
  assert.equal(await store.destroy(id), undefined, 'destroy of a malformed id gives undefined');
}

/** Two sessions that nothing may happen to. */
async function withNeighbours(subject: Subject): Promise<{ areThere(): Promise<void> }> {
  const first = await subject.have({ userId: 'ada' });
  const second = subject.record({ idleTimeout: 2 * IDLE });
  assert.equal(await subject.store.create(OTHER, second), true, 'create at a free id gives true');
  return {
    areThere: async () => {
      await subject.holds(first);
      assert.deepEqual(
        await subject.store.load(OTHER),
        second,
        'load gives a session as it was stored, whatever was done to malformed ids',
      );
    },
  };
}
