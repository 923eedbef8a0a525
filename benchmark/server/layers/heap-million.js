import { setImmediate } from 'node:timers/promises';
import { MemoryStore, SessionService } from '../../../dist/esm/index.js';
import { Sweeper } from '../../../dist/esm/session.sweeper.js';
import { earlier, idOf } from '../../growth/tokens.js';
import { layerOf, timed } from '../growth/ours.js';
import { heapAnswers, watchedPauses, watchPauses } from '../heap.js';
import { ownText } from '../heap/controller.js';

/** How many sessions are made ready before they are stored. */
const BATCH = 1_000;

/** How many times as long as a batch the timer of the session layer rests after it. */
const REST = 4;

const store = new MemoryStore({ maxSessions: 1_000_000 });
const sweep = store.sweep.bind(store);
const pauses = { without: [], during: [] };
let service;
let real;

/** What the application stored, as its store got it. */
const { create } = store;
store.create = function (id, record) {
  if (record.userId === 'user 0') real = record;
  return create.call(this, id, record);
};

const userOf = (number) => `user ${(number + 1) >> 1}`;

/**
 * Copies of it with ids, users, times and text of their own, in the index of users too; gives the ms that storing them
 * took, and the longest one.
 */
async function fill({ from, to, age }) {
  const taken = { ms: 0, longest: 0 };
  for (let first = from; first <= to; first += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, to - first + 1) }, (_, index) => copyOf(first + index, age));
    for (const copy of batch) note(taken, () => put(copy));
    await setImmediate();
  }
  return taken;
}

function copyOf(number, age) {
  const shift = age + earlier(number);
  // In one piece, as the text is that a request has brought.
  const payload = Buffer.from(real.payload.replace(/x{9,}/, ({ length }) => ownText(length))).toString('latin1');
  const own = { payload, version: ownText(real.version.length), userId: userOf(number) };
  const times = { startedAt: real.startedAt - shift, usedAt: real.usedAt - shift };
  return { id: idOf(number), record: { ...real, ...own, ...times }, lifetime: real.idleTimeout - shift };
}

/** As a login does it. */
function put({ id, record, lifetime }) {
  store.users.add(record.userId, id, lifetime, {});
  if (!create.call(store, id, record)) throw new Error(`the session ${id} is there twice`);
  store.users.settle(record.userId, id, lifetime);
}

function remove({ from, to }) {
  for (let number = from; number <= to; number++) store.destroy(idOf(number));
}

/** Changes so many sessions, far apart: each takes the place of the one stored last. */
async function update({ times, sessions }) {
  const taken = { ms: 0, longest: 0 };
  for (let done = 0; done < times; done++) {
    const id = idOf(1 + ((done * 7_919) % sessions));
    const record = store.load(id);
    const next = { ...record, usedAt: Date.now(), version: `update ${done}` };
    note(taken, () => {
      const { status } = store.update(id, next, record.version);
      if (status !== 'updated') throw new Error(`update ${done}: ${status}`);
    });
    if (done % BATCH === 0) await setImmediate();
  }
  return taken;
}

function note(taken, act) {
  const before = performance.now();
  act();
  const ms = performance.now() - before;
  taken.ms += ms;
  taken.longest = Math.max(taken.longest, ms);
}

/** The ms that listing the sessions of each of so many users takes. */
async function list(users) {
  const times = [];
  for (let user = 1; user <= users; user++) {
    const { value, ms } = await timed(() => service.list(`user ${user}`));
    if (value.length !== 2) throw new Error(`user ${user} has ${value.length} sessions`);
    times.push(ms);
  }
  return times;
}

/** Pauses are looked out for from here on, first without a sweep. */
async function settle() {
  await heapAnswers.collect();
  watchPauses();
}

/** As the timer of the session layer does it. */
async function sweepByTimer() {
  pauses.without.push(await watchedPauses());
  watchPauses();
  const swept = await timed(() => new Sweeper({ store: { sweep }, sweep: async () => sweep() }).sweep(REST));
  pauses.during.push(await watchedPauses());
  return swept;
}

const layer = layerOf(store, {});
export const { imports, parameter, controller } = layer;
export const mount = (app) => {
  service = app.get(SessionService);
  return layer.mount(app);
};
export const answers = {
  ...layer.answers,
  fill,
  remove,
  update,
  list,
  settle,
  sweep: sweepByTimer,
  /** Before and during each sweep. */
  pauses: () => pauses,
};
