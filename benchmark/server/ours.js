import { Session, SessionModule, SessionService } from '../../dist/esm/index.js';
import { sessionData } from '../session-data.js';
import { controllerWith } from './controller.js';

const KEYS = Object.keys(sessionData());

/**
 * The layer of ours.
 *
 * @param {import('../../dist/esm/index.js').SessionStore} [store] the memory store of the module unless given
 */
export function layerOf(store) {
  let sessions;
  const signing = {
    subject: Session,
    async login(session, userId) {
      // The session knows its user by itself; in the data the id is for those who compare it with the peers'.
      session.userId = userId;
      await sessions.login(session, userId, { keep: KEYS });
    },
    logout: (session) => sessions.destroy(session),
  };
  return {
    imports: [SessionModule.forRoot(store)],
    parameter: Session,
    controller: controllerWith(Session, signing),
    mount: (app) => void (sessions = app.get(SessionService)),
  };
}
