import type { CookiePlace } from '../../transports/cookie-signature.js';
import type { StoreHost } from '../session-store.js';
import { timesOf } from './stored-cookie.js';

interface Limits {
  readonly idleTimeout: number;
  readonly absoluteTimeout: number;
}

/** Says, once each in a process, where what express-session has stored does not fit the options here. */
export class Misfits {
  private readonly told = new Set<string>();

  /** @param place where browsers keep our cookie; undefined where that depends on the request */
  constructor(
    private readonly limits: Limits,
    private readonly place: CookiePlace | undefined,
    private readonly host: Pick<StoreHost, 'notice'>,
  ) {}

  /** @param cookie as it stands in a session that was not written here */
  tell(cookie: unknown): void {
    const { maxAge = 0 } = timesOf(cookie);
    const { idleTimeout, absoluteTimeout } = this.limits;
    const limit = Math.min(idleTimeout, absoluteTimeout);
    if (maxAge > limit) {
      this.once(
        'Sessions of express-session last longer than the options idleTimeout and absoluteTimeout allow, and end ' +
          'sooner once they are used here, on both sides: set idleTimeout to its cookie.maxAge, and absoluteTimeout ' +
          'to as long or longer',
        `cookie.maxAge is ${ageText(maxAge)}, ` +
          `${limit === idleTimeout ? 'idleTimeout' : 'absoluteTimeout'} ${ageText(limit)}.`,
      );
    }
    if (this.place === undefined || typeof cookie !== 'object' || cookie === null) return;
    if (isSamePlace(this.place, cookie)) return;
    this.once(
      'The cookie of express-session has another domain or path than ours: after a login here browsers keep two of one ' +
        'name, which count as none. Give expressStore({ cookie }) and the transport cookie() what its option cookie has',
      `${placeText(cookie)} there, and ${placeText(this.place)} here.`,
    );
  }

  private once(text: string, details: string): void {
    if (this.told.has(text)) return;
    this.told.add(text);
    this.host.notice(`${text}: ${details}`);
  }
}

/** Where browsers keep a cookie; other programs may have stored anything. */
type Place = { readonly path?: unknown; readonly domain?: unknown };

export function isSamePlace(one: Place, other: Place): boolean {
  return placeText(one) === placeText(other);
}

/** A dot in front of a domain means nothing (RFC 6265, 5.2.3). */
export function placeText({ path, domain }: Place): string {
  const at =
    typeof domain === 'string' && domain !== '' ? `domain ${domain.replace(/^\./, '').toLowerCase()}` : 'no domain';
  return `${at}, path ${typeof path === 'string' ? path : '/'}`;
}

function ageText(ms: number): string {
  return ms < 7_200_000 ? `${String(Math.round(ms / 60_000))} minutes` : `${String(Math.round(ms / 3_600_000))} hours`;
}
