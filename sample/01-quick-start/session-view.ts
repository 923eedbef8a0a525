import type { Session, SessionService } from 'nestjs-token-session';

/** What this application keeps in a session. */
export interface Visit {
  views: number;
  lastView: string;
}

/** A session as its owner may see it: without the token. Times are in ms. */
export interface SessionView {
  id: string | undefined;
  isNew: boolean;
  userId: string | undefined;
  data: Partial<Visit>;
  startedAt: number;
  usedAt: number;
  idleExpiresAt: number;
  absoluteExpiresAt: number;
  maxAge: number;
}

export function sessionView(sessions: SessionService, sess: Session<Visit>): SessionView {
  const { id, isNew, userId, startedAt, usedAt, idleExpiresAt, absoluteExpiresAt } = sessions.info(sess);
  const { maxAge } = sess;
  return { id, isNew, userId, data: sess, startedAt, usedAt, idleExpiresAt, absoluteExpiresAt, maxAge };
}
