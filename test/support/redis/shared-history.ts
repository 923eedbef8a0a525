import type { Data, Got } from './peer.js';
import type { RemotePeer } from './peers.js';
import { ENDING, IDLE, isDone, KEYS, MINUTE, SharedLine, type Deed, type Verb } from './shared-line.js';
import { until } from './until.js';

const VERBS: readonly Verb[] = [
  ...Array<Verb>(8).fill('put'),
  ...Array<Verb>(5).fill('increment'),
  ...(['remove', 'remove', 'touch', 'touch', 'regenerate', 'regenerate'] as const),
  ...(['sign in', 'destroy', 'destroy by id'] as const),
];
const USERS = ['ada', 'bob'] as const;
/** Not to the last moment of a session: Redis lets a key with a millisecond left go in one, while this clock stands still. */
const TIMES = [1_000, MINUTE - 5_000, MINUTE, 10 * MINUTE, IDLE - 5_000, IDLE];

/** A session that a process holds, perhaps out of date. */
interface Hand {
  readonly peer: number;
  readonly number: number;
  readonly line: SharedLine;
  readonly token: string;
}

/** Numbers that are the same for the same seed. */
export class Dice {
  constructor(private state: number) {}

  /** Below `limit`. */
  roll(limit: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.roll(from.length)] as T;
  }

  some<T>(from: readonly T[]): T[] {
    return from.filter(() => this.roll(2) === 0);
  }
}

/** Random rounds of deeds that overlap, in several processes, against what the laws say of them. */
export class SharedHistory {
  steps = 0;
  /** How often a session was changed or ended by several processes at once. */
  contested = 0;
  /** What was done at once last, for messages. */
  private last: readonly Deed[] = [];
  private lines: SharedLine[] = [];
  private readonly past: SharedLine[] = [];
  private hands: Hand[] = [];
  private numbers = 0;
  private value = 0;

  /**
   * @param now what the clocks of the processes stand at
   * @param patience how long a process may take to hear of what another one did, in ms
   */
  constructor(
    private readonly peers: readonly RemotePeer[],
    private readonly dice: Dice,
    private now: number,
    private readonly patience = 0,
  ) {}

  async run(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      await this.round();
      if (round % 10 === 9) await this.checkLists();
    }
    // Nothing of what was ended has come back meanwhile.
    this.lines = [...this.past, ...this.lines];
    await this.check(new Map());
  }

  private async round(): Promise<void> {
    if (this.dice.roll(5) === 0) await this.wait(this.dice.pick(TIMES));
    while (this.living().length < 3) await this.begin();
    const focus = [this.dice.pick(this.living()), this.dice.pick(this.lines)];
    await Promise.all(Array.from({ length: 5 }, () => this.open(this.dice.pick(focus))));
    const picked = this.hands.length === 0 ? [] : Array.from({ length: 4 }, () => this.dice.pick(this.hands));
    const hands = new Set([...this.hands.slice(-4), ...picked]);
    const endsAll = this.dice.roll(12) === 0 ? this.dice.pick(USERS) : undefined;
    const deeds = new Map<SharedLine, Deed[]>();
    const under = [...hands].map((hand) => {
      const deed = this.deed(hand);
      deeds.set(hand.line, [...(deeds.get(hand.line) ?? []), deed]);
      return this.carryOut(hand, deed);
    });
    const login = this.dice.roll(4) === 0 ? this.dice.pick(USERS) : undefined;
    const logins = login === undefined ? [] : [this.dice.pick(this.peers).login(login).catch(codeOf)];
    const all = endsAll === undefined ? [] : [this.dice.pick(this.peers).destroyAll(endsAll)];
    this.last = [...deeds.values()].flat();
    await Promise.all([...under, ...logins, ...all]);
    this.steps += under.length + logins.length + all.length;
    const expected = new Map<SharedLine, boolean | undefined>();
    for (const line of [...this.lines]) {
      const own = deeds.get(line) ?? [];
      const isSignedOut = endsAll !== undefined && line.user === endsAll;
      if (new Set(own.map(({ peer }) => peer)).size > 1) this.contested++;
      const isSure = line.lives(this.now) && endsAll === undefined;
      expected.set(line, line.settle(own, isSignedOut, this.now));
      for (const deed of own.filter(({ verb, state }) => verb === 'sign in' && isDone(state))) {
        const rivals = own.filter((other) => other !== deed && ENDING.includes(other.verb));
        const mayBeOver = endsAll === deed.user || own.some((other) => other.verb === 'destroy by id');
        const next = await this.signedIn(line, deed, isSure && rivals.length === 0);
        expected.set(next, mayBeOver ? undefined : true);
      }
    }
    for (const got of await Promise.all(logins)) {
      if (typeof got === 'string' && !(got === 'SESSION_ENDED' && endsAll === login))
        throw new Error(`A login: ${got}`);
      if (typeof got !== 'string') expected.set(this.add(got, login), endsAll === login ? undefined : true);
    }
    await this.check(expected);
    this.forget();
  }

  /** The session that came of a login over this one; `isSure`: that did not end in another way. */
  private async signedIn(line: SharedLine, deed: Deed, isSure: boolean): Promise<SharedLine> {
    const got = deed.answer as Got;
    const [found] = await (this.peers[deed.peer] as RemotePeer).read([got.token]);
    if (found != null && !line.everHad(found)) throw new Error(`A login has data of nobody: ${show(found)}`);
    if (found != null && isSure && deed.token === line.current.token && !line.accepts(found, deed.keep)) {
      throw new Error(`A login lost data: ${show(found)} of ${show(line.data)}`);
    }
    return this.add(got, deed.user, found ?? {});
  }

  private deed({ line, token, peer }: Hand): Deed {
    const verb = this.dice.pick(VERBS);
    return {
      // The session of a login over another one answers to the id of that, too: only a living one is named.
      verb: verb === 'destroy by id' && (line.user === undefined || !line.lives(this.now)) ? 'touch' : verb,
      token,
      key: this.dice.pick(['a', 'b', 'c', 'd']),
      value: ++this.value,
      keep: this.dice.some(KEYS),
      user: this.dice.pick(USERS),
      peer,
      state: 'under way',
    };
  }

  private async carryOut(hand: Hand, deed: Deed): Promise<void> {
    const peer = this.peers[hand.peer] as RemotePeer;
    const { number, line } = hand;
    const next = ++this.numbers;
    const act = (): Promise<unknown> => {
      switch (deed.verb) {
        case 'put':
          return peer.put(number, deed.key, deed.value);
        case 'remove':
          return peer.remove(number, deed.key);
        case 'regenerate':
          return peer.regenerate(number, deed.keep, next);
        case 'sign in':
          return peer.login(deed.user, number, deed.keep, next);
        case 'destroy by id':
          return peer.destroyById(line.user as string, line.current.id);
        default:
          return peer[deed.verb](number);
      }
    };
    try {
      deed.answer = await act();
      deed.state = 'done';
    } catch (error) {
      deed.state = codeOf(error);
      if (deed.state !== 'SESSION_ENDED') throw new Error(`"${deed.verb}" failed: ${deed.state}`, { cause: error });
    }
    if (!isDone(deed.state) || ENDING.includes(deed.verb)) this.drop([hand]);
  }

  private async begin(): Promise<void> {
    const user = this.dice.pick([undefined, ...USERS]);
    const peer = this.dice.pick(this.peers);
    this.add(await (user === undefined ? peer.begin(++this.numbers) : peer.login(user)), user);
  }

  private add(got: Got, user: string | undefined, data: Data = {}): SharedLine {
    const line = new SharedLine(got, user, this.now, data);
    this.lines.push(line);
    return line;
  }

  /** A process finds a session, if it lives. */
  private async open(line: SharedLine): Promise<void> {
    const peer = this.dice.roll(this.peers.length);
    const { token } = line.current;
    const number = ++this.numbers;
    const found = await (this.peers[peer] as RemotePeer).open(number, token);
    if ((found !== undefined) !== line.lives(this.now)) throw new Error(`Process ${peer} finds ${show(found)}`);
    if (found !== undefined) this.hands.push({ peer, number, line, token });
  }

  private async wait(time: number): Promise<void> {
    this.now += time;
    await Promise.all(this.peers.map((peer) => peer.setClock(this.now)));
  }

  private living(): SharedLine[] {
    return this.lines.filter((line) => line.lives(this.now));
  }

  /** Every process finds by every token what it has to find. */
  private async check(expected: ReadonlyMap<SharedLine, boolean | undefined>): Promise<void> {
    const tokens = this.lines.flatMap((line) => line.gots.map(({ token }) => token));
    const [first] = this.peers as [RemotePeer];
    let found: (Data | null)[] = [];
    const look = async (): Promise<string | undefined> => {
      found = await first.read(tokens);
      const others = await Promise.all(this.peers.slice(1).map((peer) => peer.read(tokens)));
      if (others.some((other) => show(other) !== show(found))) return 'processes find different things';
      return this.lines.map((line) => this.fault(line, expected.get(line), tokens, found)).find(Boolean);
    };
    let fault = await look();
    if (fault !== undefined && this.patience > 0) {
      await until('all processes to agree', async () => (fault = await look()) === undefined, this.patience).catch(
        () => undefined,
      );
    }
    if (fault !== undefined) throw new Error(this.told(fault));
    for (const line of this.lines) {
      const now = found[tokens.indexOf(line.current.token)];
      if (now == null) line.isOver = true;
      else line.fix(now);
    }
  }

  private fault(
    line: SharedLine,
    isExpected: boolean | undefined,
    tokens: readonly string[],
    found: readonly (Data | null)[],
  ): string | undefined {
    const all = line.gots.map(({ token }) => found[tokens.indexOf(token)] ?? null);
    const current = all.pop() ?? null;
    if (all.some((data) => data !== null)) return 'a token that was rotated away opens a session';
    const mustLive = line.lives(this.now) ? isExpected : false;
    if (current !== null && mustLive === false) return `law 6: a session that was ended opens: ${show(current)}`;
    if (current === null && mustLive === true) return `a session is gone that nobody ended: ${show(line.data)}`;
    if (current === null || line.accepts(current)) return undefined;
    return `law 5: found ${show(current)}, stored ${show(line.data)}`;
  }

  private told(fault: string): string {
    const deeds = this.last.map(({ verb, token, peer, state, user, keep, answer }) => {
      const at = this.lines.findIndex((line) => line.gots.some((got) => got.token === token));
      return show({ line: at, token: token.slice(0, 4), verb, peer, state, user, keep, answer });
    });
    const lines = this.lines.map((line) => `${line.user} ${line.gots.map(({ token }) => token.slice(0, 4)).join()}`);
    return [fault, ...lines, ...deeds].join('\n');
  }

  /** What is listed is what lives (ASVS 7.5.2). */
  private async checkLists(): Promise<void> {
    for (const user of USERS) {
      const listed = (await this.dice.pick(this.peers).list(user)).map(({ id }) => id);
      const living = this.living().flatMap((line) => (line.user === user ? [line.current.id] : []));
      if (listed.sort().join() !== living.sort().join()) {
        throw new Error(`${user} has ${living.length} sessions, ${listed.length} are listed`);
      }
    }
  }

  /** Sessions that are over are looked at again at the end. */
  private forget(): void {
    const over = this.lines.filter((line) => !line.lives(this.now)).slice(0, -5);
    this.past.push(...over);
    this.lines = this.lines.filter((line) => !over.includes(line));
    this.drop(this.hands.filter(({ line }, at) => over.includes(line) || at < this.hands.length - 20));
  }

  private drop(hands: readonly Hand[]): void {
    this.hands = this.hands.filter((hand) => !hands.includes(hand));
    for (const { peer, number } of hands) void this.peers[peer]?.drop([number]);
  }
}

function codeOf(error: unknown): string {
  return (error as { code?: string }).code ?? String(error);
}

function show(data: unknown): string {
  return JSON.stringify(data ?? null);
}
