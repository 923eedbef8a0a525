import type { Data, Got } from './peer.js';

export const MINUTE = 60_000;
export const IDLE = 30 * MINUTE;
export const ABSOLUTE = 2 * 60 * MINUTE;
export const KEYS = ['a', 'b', 'c', 'd', 'count'] as const;

/** What can be done to a session; `sign in` is a login over it. */
export type Verb = 'put' | 'remove' | 'increment' | 'touch' | 'regenerate' | 'sign in' | 'destroy' | 'destroy by id';

/** Something that was done to a session, by whoever held it, and what came of it. */
export interface Deed {
  readonly verb: Verb;
  /** The token with which it was held. */
  readonly token: string;
  readonly key: string;
  readonly value: number;
  readonly keep: readonly string[];
  /** Whom it signs in. */
  readonly user: string;
  readonly peer: number;
  /** `done`, or the code of its failure. */
  state: string;
  answer?: unknown;
}

/** What a session can end by, or change its token. */
export const ENDING: readonly Verb[] = ['regenerate', 'sign in', 'destroy', 'destroy by id'];

/** One session through all its tokens, as far as the acknowledged operations tell. */
export class SharedLine {
  /** The last one is the session's; the others were rotated away. */
  readonly gots: Got[];
  readonly startedAt: number;
  data: Data;
  usedAt: number;
  isOver = false;
  /** When the tokens were rotated away, but for the last. */
  private readonly rotatedAt: number[] = [];
  /** All values that were ever stored under a key. */
  private readonly seen = new Set<string>();
  /** What is under a key where several were stored at once, until someone has looked. */
  private readonly possible = new Map<string, (number | undefined)[]>();

  constructor(
    got: Got,
    readonly user: string | undefined,
    now: number,
    data: Data = {},
  ) {
    this.gots = [got];
    this.startedAt = this.usedAt = now;
    this.data = data;
    this.note(data);
  }

  get current(): Got {
    return this.gots.at(-1) as Got;
  }

  lives(now: number): boolean {
    return !this.isOver && Math.min(this.usedAt + IDLE, this.startedAt + ABSOLUTE) > now;
  }

  /**
   * What deeds that overlap have made of the session; throws where that is against the laws.
   *
   * @param hasEndedAll whether all sessions of its user were ended meanwhile
   * @returns whether it has to live now; undefined where that depends on which came first
   */
  settle(deeds: readonly Deed[], hasEndedAll: boolean, now: number): boolean | undefined {
    if (!this.lives(now)) {
      const late = deeds.find(({ verb, state }) => ['put', 'increment', 'regenerate'].includes(verb) && isDone(state));
      if (late !== undefined) throw new Error(`"${late.verb}" succeeded on a session that had ended`);
      this.isOver = true;
      return false;
    }
    const { token, id } = this.current;
    const fresh = deeds.filter((deed) => deed.token === token);
    const of = (verb: Verb): Deed[] => fresh.filter((deed) => deed.verb === verb && isDone(deed.state));
    const reaching = deeds.filter(({ verb, token }) => verb === 'destroy' && this.reaches(token, now));
    const isEnded =
      hasEndedAll ||
      reaching.some(({ state }) => isDone(state)) ||
      deeds.some(({ verb, state }) => verb === 'destroy by id' && isDone(state));
    const rotations = of('regenerate');
    if (rotations.length > 1) throw new Error(`R61: two rotations of ${id} succeeded`);
    for (const { verb, state, token: held } of deeds) {
      if (held !== token && isDone(state) && ['put', 'increment', 'regenerate'].includes(verb)) {
        throw new Error(`"${verb}" succeeded with a token that was rotated away`);
      }
    }
    const isContested = hasEndedAll || deeds.some(({ verb }) => ENDING.includes(verb));
    const failed = fresh.find(({ state, verb }) => !isDone(state) && verb !== 'destroy by id');
    if (failed !== undefined && !isContested) throw new Error(`"${failed.verb}" failed: ${failed.state}`);
    this.change(fresh, rotations[0], now);
    if (isEnded) this.isOver = true;
    if (isEnded) return false;
    const signIns = fresh.filter(({ verb }) => verb === 'sign in');
    if (rotations.length > 0) return true;
    if (signIns.some(({ state }) => isDone(state))) {
      this.isOver = true;
      return false;
    }
    if (signIns.length > 0) return undefined;
    // Of two rotations at once one succeeds.
    if (fresh.some(({ verb }) => verb === 'regenerate') && reaching.length === 0 && !this.isNamed(deeds)) {
      throw new Error(`R61: no rotation of ${id} succeeded`);
    }
    return true;
  }

  /** Whether these can be the data now, or those of the keys that were to move along. */
  accepts(found: Data, keep: readonly string[] = KEYS): boolean {
    const isPossible = (key: string): boolean => (this.possible.get(key) ?? [this.data[key]]).includes(found[key]);
    return KEYS.every((key) => (keep.includes(key) ? isPossible(key) : found[key] === undefined));
  }

  /** Whether these can be data of this session at some time, as a login finds them that another one overtook. */
  everHad(found: Data): boolean {
    return Object.entries(found).every(([key, value]) => this.seen.has(`${key} ${String(value)}`));
  }

  /** From here on the data are what was found. */
  fix(found: Data): void {
    this.data = found;
    this.possible.clear();
    this.note(found);
  }

  private change(fresh: readonly Deed[], rotation: Deed | undefined, now: number): void {
    const done = fresh.filter(({ state }) => isDone(state));
    for (const { verb, key, value, answer } of done) {
      if (verb === 'put') this.may(key, value);
      if (verb === 'remove' && answer === true) this.may(key, undefined);
      if (verb === 'increment') this.data['count'] = (this.data['count'] ?? 0) + 1;
      if (verb === 'increment') this.note(this.data);
    }
    if (done.some(({ verb }) => verb !== 'remove' && verb !== 'sign in')) this.usedAt = now;
    if (done.some(({ verb, answer }) => verb === 'remove' && answer === true)) this.usedAt = now;
    if (rotation === undefined) return;
    this.gots.push(rotation.answer as Got);
    this.rotatedAt.push(now);
    for (const key of KEYS) {
      if (rotation.keep.includes(key)) continue;
      Reflect.deleteProperty(this.data, key);
      this.possible.delete(key);
    }
  }

  private isNamed(deeds: readonly Deed[]): boolean {
    return deeds.some(({ verb }) => verb === 'destroy by id');
  }

  /** One of those that were stored at once is left: which of them is for them to say. */
  private may(key: string, value: number | undefined): void {
    this.possible.set(key, [...(this.possible.get(key) ?? []), value]);
    if (value !== undefined) this.seen.add(`${key} ${String(value)}`);
  }

  private note(data: Data): void {
    for (const [key, value] of Object.entries(data)) this.seen.add(`${key} ${String(value)}`);
  }

  /** Whether a destroy with this token ends the session: by its own, or within a minute of a rotation. */
  private reaches(token: string, now: number): boolean {
    const at = this.gots.findIndex((got) => got.token === token);
    const rotatedAt = this.rotatedAt[at];
    return rotatedAt === undefined || rotatedAt + MINUTE > now;
  }
}

export function isDone(state: string): boolean {
  return state === 'done';
}
