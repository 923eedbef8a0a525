import fc from 'fast-check';
import { RecordTable } from './record-table.js';
import type { SessionRecord } from './session-store.js';

const recordOf = (version: string): SessionRecord => ({
  startedAt: 0,
  usedAt: 0,
  idleTimeout: 1,
  absoluteTimeout: 1,
  payload: '',
  version,
});

/** All that a table holds, in its order: takes it out. */
function drained(table: RecordTable): [string, string][] {
  const found: [string, string][] = [];
  for (let next = table.oldest(); next !== undefined; next = table.oldest()) {
    found.push([next[0], next[1].version]);
    table.delete(next[0]);
  }
  return found;
}

describe('the table of records', () => {
  it('does what a Map does that each put moves to the end', () => {
    const id = fc.oneof(fc.integer({ min: 0, max: 90 }).map(String), fc.constantFrom('', 'a', 'äö', '__proto__'));
    const step = fc.record({ id, act: fc.constantFrom('put', 'put', 'put', 'delete', 'clear') });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
        const table = new RecordTable();
        const model = new Map<string, SessionRecord>();
        for (const [at, { id: key, act }] of steps.entries()) {
          const record = recordOf(String(at));
          if (act === 'put') {
            table.put(key, record);
            model.delete(key);
            model.set(key, record);
          } else if (act === 'delete') {
            table.delete(key);
            model.delete(key);
          } else if (at % 50 === 0) {
            table.clear();
            model.clear();
          }
          expect(table.get(key)).toBe(model.get(key));
          expect(table.size).toBe(model.size);
          const [oldest] = model;
          expect(table.oldest()).toEqual(oldest);
        }
        const places = Array.from({ length: table.places }, (_, place) => table.at(place));
        const there = new Map(places.filter((entry) => entry !== undefined));
        expect(new Map([...there].sort())).toEqual(new Map([...model].sort()));
        expect(drained(table)).toEqual([...model].map(([key, { version }]) => [key, version]));
      }),
    );
  });

  it('F80: takes no more places than there were records at once', () => {
    const table = new RecordTable();
    for (let count = 0; count < 10_000; count++) {
      table.put(String(count), recordOf('1'));
      if (count >= 100) table.delete(String(count - 100));
    }
    expect([table.size, table.places]).toEqual([100, 102]);
  });
});
