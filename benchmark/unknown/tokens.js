import { createHmac, randomBytes } from 'node:crypto';
import { SECRET } from '../growth/tokens.js';

/** By kind: the line of a request with a new token, made as the session layer makes one, which no session has. */
const LINES = {
  header: () => `X-Auth-Token: ${randomBytes(32).toString('base64url')}`,
  fastify: () => `Cookie: sessionId=${encodeURIComponent(signed(randomBytes(24).toString('base64url')))}`,
  express: () => `Cookie: connect.sid=${encodeURIComponent(`s:${signed(randomBytes(24).toString('base64url'))}`)}`,
};

/** @param {keyof typeof LINES} kind */
export const newTokenLine = (kind) => LINES[kind]();

/** By the server's own secret: a cookie with another signature would never get as far as the store. */
function signed(id) {
  return `${id}.${createHmac('sha256', SECRET).update(id).digest('base64').replace(/=+$/, '')}`;
}
