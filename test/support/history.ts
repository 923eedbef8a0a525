import fc from 'fast-check';
import {
  session,
  type AtomicSessionStore,
  type Session,
  type SessionService,
  type SessionStore,
} from 'nestjs-token-session';
import { SILENT } from './app.js';
import { TestClock } from './clock.js';

/**
 * Random histories of several sessions, each in several hands, against a model that knows the laws:
 * after an acknowledged destroy no read succeeds, and no acknowledged write to another key is missing.
 */

type Data = Record<string, number>;

const MINUTE = 60_000;
const IDLE = 30 * MINUTE;
const ABSOLUTE = 12 * 60 * MINUTE;
const KEYS = ['a', 'b', 'c', 'd', 'count'] as const;

type Step =
  | { do: 'begin' }
  | { do: 'load'; line: number }
  | { do: 'put' | 'remove'; hand: number; key: string }
  | { do: 'increment' | 'touch' | 'reload' | 'destroy'; hand: number }
  | { do: 'regenerate'; hand: number; keep: string[] }
  | { do: 'race'; line: number; keys: string[]; against: 'nothing' | 'destroy' | 'regenerate' }
  | { do: 'wait'; time: number };

const index = fc.nat({ max: 1_000 });
const key = fc.constantFrom('a', 'b', 'c', 'd');
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 1, arbitrary: fc.record({ do: fc.constant('begin' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('load' as const), line: index }) },
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom('put' as const, 'remove' as const), hand: index, key }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('increment' as const, 'increment' as const, 'touch' as const, 'reload' as const),
      hand: index,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('destroy' as const), hand: index }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('regenerate' as const), hand: index, keep: fc.subarray([...KEYS]) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('race' as const),
      line: index,
      keys: fc.uniqueArray(key, { minLength: 2 }),
      against: fc.constantFrom('nothing' as const, 'nothing' as const, 'regenerate' as const, 'destroy' as const),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      time: fc.constantFrom(1, 1_000, MINUTE - 1, MINUTE, 10 * MINUTE, IDLE - 1, IDLE),
    }),
  },
);

/** One session through all its tokens, as it has to be. */
interface Line {
  /** The last one is the session's; the others were rotated away at the given times. */
  readonly tokens: string[];
  readonly rotatedAt: number[];
  readonly startedAt: number;
  usedAt: number;
  destroyed: boolean;
  data: Data;
}

/** A session in someone's hand, perhaps out of date. */
interface Hand {
  readonly line: Line;
  readonly token: string;
  readonly session: Session<Data>;
}

class History {
  private readonly lines: Line[] = [];
  private hands: Hand[] = [];
  private readonly layer;
  private readonly sessions: SessionService;
  private value = 0;

  constructor(
    store: AtomicSessionStore | SessionStore,
    private readonly clock: TestClock,
  ) {
    this.layer = session({
      store,
      clock: this.clock.now,
      idleTimeout: IDLE,
      absoluteTimeout: ABSOLUTE,
      logger: SILENT,
    });
    this.sessions = this.layer.service;
  }

  async run(steps: Step[]): Promise<void> {
    await this.begin();
    for (const step of steps) {
      await this.take(step);
      await this.checkAll();
    }
    await this.layer.close();
  }

  private async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'begin':
        return this.begin();
      case 'wait':
        this.clock.advance(step.time);
        return;
      case 'load':
        await this.load(pick(this.lines, step.line));
        return;
      case 'race':
        return this.race(pick(this.lines, step.line), step.keys, step.against);
      default:
        if (this.hands.length > 0) await this.act(pick(this.hands, step.hand), step);
    }
  }

  private async act(hand: Hand, step: Extract<Step, { hand: number }>): Promise<void> {
    const { line, session } = hand;
    const wasAlive = this.isAlive(hand);
    switch (step.do) {
      case 'put': {
        const value = ++this.value;
        if (await this.outcome(hand, this.put(session, step.key, value))) this.write(line, { [step.key]: value });
        break;
      }
      case 'remove': {
        const isThere = step.key in session;
        Reflect.deleteProperty(session, step.key);
        // Of a key that this hand does not see there is nothing to remove, and so nothing to store.
        if (!isThere) break;
        if (await this.outcome(hand, this.sessions.save(session))) {
          this.write(line, {});
          Reflect.deleteProperty(line.data, step.key);
        }
        break;
      }
      case 'increment':
        if (await this.outcome(hand, this.increment(session))) {
          this.write(line, { count: (line.data['count'] ?? 0) + 1 });
        }
        break;
      case 'reload':
        await this.outcome(hand, this.sessions.reload(session));
        break;
      case 'touch': {
        const done = await succeeded(this.sessions.touch(session));
        if (wasAlive) {
          expect(done).toBe(true);
          line.usedAt = this.clock.now();
        } else {
          this.drop(hand);
        }
        return;
      }
      case 'regenerate': {
        const next = this.sessions.regenerate(session, { keep: step.keep });
        if (await this.outcome(hand, next)) this.rotated(line, await next, step.keep);
        // What this hand holds was replaced.
        this.drop(hand);
        break;
      }
      case 'destroy':
        await this.sessions.destroy(session);
        this.drop(hand);
        if (this.reaches(hand)) line.destroyed = true;
        return;
    }
    if (this.isAlive(hand) && step.do !== 'remove') expect({ ...session }).toEqual(line.data);
  }

  /** Several hands at once: each write that is acknowledged is in what is left, if anything is left. */
  private async race(line: Line, keys: string[], against: 'nothing' | 'destroy' | 'regenerate'): Promise<void> {
    const hands: Hand[] = [];
    for (let number = 0; number <= keys.length; number++) {
      const hand = await this.load(line);
      if (hand === undefined) return;
      hands.push(hand);
    }
    const [other, ...writers] = hands as [Hand, ...Hand[]];
    const written = keys.map((key) => [key, ++this.value] as const);
    const writes = writers.map(({ session }, number) => {
      const [key, value] = written[number] as readonly [string, number];
      return succeeded(this.put(session, key, value));
    });
    const next = against === 'regenerate' ? this.sessions.regenerate(other.session, { keep: KEYS }) : undefined;
    if (against === 'destroy') await this.sessions.destroy(other.session);
    const stored = await Promise.all(writes);
    this.write(line, Object.fromEntries(written.filter((_, number) => stored[number])));
    if (next !== undefined) this.rotated(line, await next, KEYS);
    if (against === 'nothing') expect(stored).toEqual(keys.map(() => true));
    if (against === 'destroy') line.destroyed = true;
    for (const hand of hands) if (against !== 'nothing') this.drop(hand);
  }

  /** Whether an operation succeeded, which must be so exactly when the session in this hand was alive. */
  private async outcome(hand: Hand, operation: Promise<unknown>): Promise<boolean> {
    const alive = this.isAlive(hand);
    expect(await succeeded(operation)).toBe(alive);
    if (!alive) this.drop(hand);
    return alive;
  }

  private async begin(): Promise<void> {
    const request = { headers: {}, url: '/' } as unknown as { session: Session<Data> };
    this.layer(request as never, { headersSent: false } as never, () => undefined);
    await request.session.save();
    const now = this.clock.now();
    const token = this.tokenOf(request.session);
    this.lines.push({ tokens: [token], rotatedAt: [], startedAt: now, usedAt: now, destroyed: false, data: {} });
  }

  private async load(line: Line): Promise<Hand | undefined> {
    const token = line.tokens.at(-1) as string;
    const session = await this.sessions.load<Data>(token);
    if (session === undefined) return undefined;
    const hand = { line, token, session };
    // The oldest go: histories are about hands that are out of date, not about how many there are.
    this.hands = [...this.hands.slice(-15), hand];
    return hand;
  }

  private drop(hand: Hand): void {
    this.hands = this.hands.filter((other) => other !== hand);
  }

  private put(session: Session<Data>, key: string, value: number): Promise<void> {
    session[key] = value;
    return this.sessions.save(session);
  }

  private increment(session: Session<Data>): Promise<void> {
    return this.sessions.update(session, (draft) => (draft['count'] = (draft['count'] ?? 0) + 1));
  }

  private write(line: Line, data: Data): void {
    Object.assign(line.data, data);
    line.usedAt = this.clock.now();
  }

  private rotated(line: Line, next: Session<Data>, keep: readonly string[]): void {
    line.data = Object.fromEntries(Object.entries(line.data).filter(([key]) => keep.includes(key)));
    line.usedAt = this.clock.now();
    line.tokens.push(this.tokenOf(next));
    line.rotatedAt.push(line.usedAt);
    this.hands.push({ line, token: this.tokenOf(next), session: next });
  }

  private tokenOf(session: Session<Data>): string {
    return this.sessions.info(session).token as string;
  }

  private lives(line: Line): boolean {
    return !line.destroyed && Math.min(line.usedAt + IDLE, line.startedAt + ABSOLUTE) > this.clock.now();
  }

  private isAlive({ line, token }: Hand): boolean {
    return this.lives(line) && token === line.tokens.at(-1);
  }

  /** Whether a destroy of this hand ends the session: by its own token, or within a minute of a rotation. */
  private reaches({ line, token }: Hand): boolean {
    const rotatedAt = line.rotatedAt[line.tokens.indexOf(token)];
    return rotatedAt === undefined || rotatedAt + MINUTE > this.clock.now();
  }

  private async checkAll(): Promise<void> {
    const checks = this.lines.flatMap((line) =>
      line.tokens.map(async (token) => {
        const found = await this.sessions.load<Data>(token);
        expect(found === undefined ? undefined : { ...found }).toEqual(
          this.lives(line) && token === line.tokens.at(-1) ? line.data : undefined,
        );
      }),
    );
    await Promise.all(checks);
  }
}

function pick<T>(from: readonly T[], number: number): T {
  return from[number % from.length] as T;
}

async function succeeded(operation: Promise<unknown>): Promise<boolean> {
  try {
    await operation;
    return true;
  } catch (error) {
    expect(error).toMatchObject({ code: 'SESSION_ENDED' });
    return false;
  }
}

/**
 * Plays random histories over a store; the clock is its own, or one that the test hands over with it.
 *
 * @throws with the seed, and the shortest history that fails
 */
export async function playHistories(
  open: () => AtomicSessionStore | SessionStore,
  numRuns: number,
  clock = new TestClock(),
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 100, size: 'max' }), (steps) =>
      new History(open(), clock).run(steps),
    ),
    { numRuns },
  );
}
