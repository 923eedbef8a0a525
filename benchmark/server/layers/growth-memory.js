import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MemoryStore } from '../../../dist/esm/index.js';
import { earlier, idOf } from '../../growth/tokens.js';
import { layerOf } from '../growth/ours.js';

const store = new MemoryStore({ maxSessions: 2_000_000 });
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');
collectGarbage();
const before = process.memoryUsage().heapUsed;
let real;

/** What the application stored, as its store got it. */
const { create } = store;
store.create = function (id, record) {
  if (record.userId === 'user 0') real = record;
  return create.call(this, id, record);
};

/** Copies of it with ids, users and times of their own. */
async function fill({ from, to, age }) {
  for (let i = from; i <= to; i++) {
    const userId = `user ${(i + 1) >> 1}`;
    const id = idOf(i);
    // Not one text that all of them share.
    const payload = Buffer.from(real.payload).toString();
    const shift = age + earlier(i);
    const times = { startedAt: real.startedAt - shift, usedAt: real.usedAt - shift };
    create.call(store, id, { ...real, payload, userId, ...times });
    await store.users.add(userId, id, real.idleTimeout - shift, {});
    await store.users.settle(userId, id, real.idleTimeout - shift);
  }
}

export const { imports, parameter, mount, controller, answers } = layerOf(store, {
  fill,
  settle: () => collectGarbage(),
  size: () => ({ sessions: { heap: process.memoryUsage().heapUsed - before, indexes: 0 } }),
});
