import { createHash, createHmac } from 'node:crypto';

/** Of the peers' cookies. */
export const SECRET = 'a secret of the benchmark, 32 characters and more';

/** The token of the session with this number, the same as {@link TOKEN_SQL}. */
export const tokenOf = (number) => hashOf(`session ${number}`);

/** What a store of ours has it under, the same as {@link ID_SQL}. */
export const idOf = (number) => hashOf(tokenOf(number));

/** For PostgreSQL, of the number `i`. */
export const TOKEN_SQL = hashSql("'session ' || i");
export const ID_SQL = hashSql(TOKEN_SQL);

/** Sessions were last used within ten minutes: that many ms earlier is the one with the number `i`, in JavaScript and in SQL. */
export const earlier = (number) => (number * 7_919) % 600_000;
export const EARLIER_SQL = '(i::bigint * 7919 % 600000)';

/** The line of a request that carries it. */
export function tokenLine(kind, number) {
  const token = tokenOf(number);
  if (kind === 'header') return `X-Auth-Token: ${token}`;
  const signature = createHmac('sha256', SECRET).update(token).digest('base64').replace(/=+$/, '');
  return `Cookie: connect.sid=${encodeURIComponent(`s:${token}.${signature}`)}`;
}

function hashOf(text) {
  return createHash('sha256').update(text).digest('base64url');
}

function hashSql(text) {
  return `translate(rtrim(encode(sha256(convert_to(${text}, 'UTF8')), 'base64'), '='), '+/', '-_')`;
}
