import { sign, unsign } from 'cookie-signature';
import { cookie, type SessionTransport } from 'nestjs-token-session';
import { BEARER, CARRIERS, COOKIE, HEADER, type Carrier } from '../../support/carriers.js';
import type { Answer } from '../../support/client.js';

/** A carrier with a title of its own: both kinds of cookies call themselves `cookie`. */
export interface Way extends Carrier {
  readonly title: string;
}

/** The first signs, all verify. */
export const SECRETS = ['the secret that signs', 'the one before'] as const;

/** What a cookie of `cookie({ secret })` holds for a token. */
export const signed = (token: string, secret: string = SECRETS[0]): string =>
  encodeURIComponent(`s:${sign(token, secret)}`);

const signedCookie = (): SessionTransport => cookie({ name: 'connect.sid', secure: false, secret: SECRETS });

function signedTokenOf(answer: Answer): string | undefined {
  const sent = answer.cookies
    .map((line) => /^connect\.sid=([^;]*)/.exec(line)?.[1])
    .find((value) => value !== undefined);
  if (sent === undefined || sent === '') return sent;
  const token = unsign(decodeURIComponent(sent).slice('s:'.length), SECRETS[0]);
  if (token === false) throw new Error('An answer brought a cookie that is not signed by the first secret.');
  return token;
}

/** `cookie({ secret })`, whose client holds the value as it was signed for it. */
export const SIGNED: Way = {
  title: 'signed cookie',
  name: 'cookie',
  transport: signedCookie,
  vary: 'Cookie',
  send: (token) => ({ Cookie: `connect.sid=${signed(token)}` }),
  received: signedTokenOf,
};

/** The same as a client sees it that has no secret: the cookie holds what it likes. */
export const UNSIGNED: Way = {
  ...SIGNED,
  title: 'signed cookie, without a signature',
  send: (value) => ({ Cookie: `connect.sid=${value}` }),
};

/** A transport of one's own: `Ticket: sid="…"`, both ways. */
export const OWN: Way = {
  title: 'own transport',
  name: 'ticket',
  transport: () => ({
    name: 'ticket',
    explicit: true,
    vary: 'Ticket',
    read: ({ raw }) => {
      const { ticket } = raw.headers;
      return ticket === undefined ? undefined : (/^sid="(.*)"$/s.exec(String(ticket))?.[1] ?? '');
    },
    send: (answer, token) => {
      answer.setHeader('Ticket', `sid="${token}"`);
    },
    clear: (answer) => {
      answer.setHeader('Ticket', 'sid=""');
    },
  }),
  vary: 'Ticket',
  send: (value) => ({ Ticket: `sid="${value}"` }),
  received: ({ headers }) => /^sid="(.*)"$/.exec(String(headers['ticket']))?.[1],
};

/** Every way for a token that the package has, and one that it has not. */
export const WAYS: readonly Way[] = [...CARRIERS.map((carrier) => ({ ...carrier, title: carrier.name })), SIGNED, OWN];

/** Those that one application can listen to at once. */
export const TOGETHER = [HEADER, BEARER, OWN, COOKIE] as const;
