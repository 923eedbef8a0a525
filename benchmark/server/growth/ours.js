import { setImmediate } from 'node:timers/promises';
import { Session, SessionModule, SessionService } from '../../../dist/esm/index.js';
import { growthController, population } from './controller.js';

/** The layer of a store of ours. */
export function layerOf(store, answers) {
  let sessions;
  const sweep = store.sweep.bind(store);
  // The session layer sweeps by itself once a minute: not while something is measured.
  store.sweep = () => ({ removed: 0, done: true });
  const login = async (session, userId, data) => {
    Object.assign(session, data);
    await sessions.login(session, userId, { keep: Object.keys(data) });
  };
  return {
    imports: [SessionModule.forRoot(store, { touchInterval: '25m' })],
    parameter: Session,
    mount: (app) => (sessions = app.get(SessionService)),
    controller: growthController(Session, login, (session) => session.touch()),
    answers: {
      ...answers,
      users: (count) => void (population.users = count),
      sweep: () => timed(() => sweepAll(sweep)),
      count: () => timed(() => sessions.count()),
    },
  };
}

/** As the session layer does it. */
async function sweepAll(sweep) {
  for (let all = 0; ;) {
    const { removed, done } = await sweep();
    all += removed;
    if (done) return all;
    await setImmediate();
  }
}

/** What it gave, and in how many ms. */
export async function timed(act) {
  const before = performance.now();
  const value = await act();
  return { value, ms: performance.now() - before };
}
