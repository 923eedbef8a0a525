// Stores sessions, changes each and ends some, till it is killed: writer.js <driver> <file>. Tells of each write that was
// acknowledged, by a line that is out before the next write begins. Uses the built package.
import { randomBytes, randomInt } from 'node:crypto';
import { writeSync } from 'node:fs';
import { SqliteStore } from 'nestjs-token-session/sqlite';
import { DRIVERS } from './drivers.js';

const [, , driver, file] = process.argv;
const HOUR = 3_600_000;

const store = new SqliteStore({ database: DRIVERS[driver](file) });
await store.attach({ now: Date.now, storeTimeout: 20_000, evicted: () => undefined, notice: () => undefined });

const told = (id, version) => writeSync(1, `${id} ${version}\n`);

for (;;) {
  const id = randomBytes(32).toString('base64url');
  const times = { startedAt: Date.now(), usedAt: Date.now(), idleTimeout: HOUR, absoluteTimeout: HOUR };
  const record = { ...times, version: '1', payload: `1\n${JSON.stringify({ id })}`, userId: id };
  await store.users.add(id, id, HOUR, {});
  await store.create(id, record);
  told(id, '1');
  for (const version of ['2', '3', '4']) {
    await store.update(id, { ...record, version }, String(Number(version) - 1));
    told(id, version);
  }
  if (randomInt(3) !== 0) continue;
  await store.destroy(id);
  told(id, 'ended');
}
