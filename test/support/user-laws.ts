import type { Fate } from './stage.js';
import type { Act, Attempt, World } from './user-world.js';

const ROTATIONS: readonly Act[] = ['regenerate', 'reauthenticate'];
const LOGINS: readonly Act[] = ['login', 'sign in', 'login again'];
const ENDS: readonly Act[] = ['end all', 'end others', 'end by id'];
/** What can end Ada's own session. */
const ENDS_OWN: readonly Act[] = [
  'end all',
  'end by id',
  'log out',
  'login again',
  'login as bob',
  ...ROTATIONS,
  'expiry',
];

/** What must hold at the end of a play, whatever the order was. */
export class Laws {
  private readonly acts: readonly Act[];

  constructor(
    private readonly world: World,
    private readonly fate: Fate | undefined,
  ) {
    this.acts = world.plan.acts;
  }

  /** Whether a login may have ended other sessions of Ada. */
  private get evicts(): boolean {
    const { plan, attempts } = this.world;
    return plan.max !== undefined && plan.onMax !== 'reject' && attempts.some(({ act }) => LOGINS.includes(act));
  }

  /** Never more sessions than `maxPerUser` whose tokens somebody has (ASVS 7.1.2). */
  async checkMax(): Promise<void> {
    const { max } = this.world.plan;
    if (max === undefined) return;
    const alive = await Promise.all(this.world.acknowledged().map((id) => this.world.isAlive(id)));
    if (alive.filter(Boolean).length > max) this.broken(`more than ${String(max)} sessions live`);
  }

  /** @param isLater whether a minute has passed: what is left of rotations and failures is gone then */
  async check(isLater: boolean): Promise<void> {
    await this.checkMax();
    for (const attempt of this.world.attempts) {
      this.checkOutcome(attempt);
      await this.checkGiven(attempt);
    }
    await this.checkOwn();
    await this.checkLine();
    await this.checkList(isLater);
  }

  /** The next login, alone, is refused only where as many sessions live as may. */
  async checkNext(): Promise<void> {
    const { world } = this;
    const { max, onMax } = world.plan;
    if (max === undefined) return;
    const living = (await world.sessions.list('ada')).length;
    const attempt = await world.attempt('login');
    const isRefused = onMax === 'reject' && living >= max;
    if (attempt.state !== (isRefused ? 'TOO_MANY_SESSIONS' : 'done')) {
      this.broken(`with ${String(living)} sessions the next login: ${attempt.state}`);
    }
    await this.checkMax();
  }

  /** After one more sign-out everywhere, alone, nothing lives and nothing is noted. */
  async checkEnd(): Promise<void> {
    await this.world.sessions.destroyAll('ada');
    const left = (await this.world.living()).filter((id) => !this.isExcused(id));
    if (left.length > 0) this.broken('a session lives after all were ended');
    if ((await this.world.entries()).length > 0) this.broken('an entry is left after all were ended');
    if ((await this.world.sessions.destroyAll('ada')) > 0) this.broken('a session was left to be ended once more');
  }

  private checkOutcome({ act, program, state }: Attempt): void {
    const others = this.fate === undefined ? this.acts.filter((_, number) => number !== program) : this.acts;
    const mayEnd = (acts: readonly Act[]): boolean => this.evicts || others.some((other) => acts.includes(other));
    switch (state) {
      case 'done':
        return;
      case 'stopped':
        if (this.isStopped()) return;
        break;
      case 'none':
        if (this.isRepeated()) return;
        break;
      case 'STORE_UNAVAILABLE':
        if (this.fate?.program === program) return;
        break;
      case 'TOO_MANY_SESSIONS':
        if (this.world.plan.onMax === 'reject' && (LOGINS.includes(act) || act === 'login as bob')) return;
        break;
      case 'SESSION_ENDED':
        if (ROTATIONS.includes(act) && mayEnd([...ENDS_OWN, 'a minute'])) return;
        if (LOGINS.includes(act) && mayEnd(['end all', 'end others', 'a minute', 'expiry'])) return;
        if (act === 'login again' && mayEnd(['end by id'])) return;
        if (act === 'login as bob' && mayEnd(['a minute', 'expiry'])) return;
        // Bob's sessions are counted, too.
        if (act === 'login as bob' && this.world.plan.max !== undefined && others.includes(act)) return;
    }
    this.broken(`"${act}" failed: ${state}`);
  }

  /** A session that was given to a caller lives, if and only if nobody ended it. */
  private async checkGiven({ act, program, got }: Attempt): Promise<void> {
    if (got === undefined || act === 'login as bob') return;
    const isAlive = await this.world.isAlive(got.id);
    const isRotated = ROTATIONS.includes(act);
    const revokedBy = (by: Act): boolean => this.has(by) && (isRotated || this.wasRevoked(got.id, by));
    const mayBeOver =
      this.has('expiry') ||
      this.evicts ||
      revokedBy('end all') ||
      revokedBy('end others') ||
      (isRotated && this.has('log out')) ||
      ((isRotated || act === 'login again') && this.has('end by id'));
    if (!isAlive && !mayBeOver) this.broken(`the session of "${act}" (${String(program)}) ended, and nobody ended it`);
    const mustBeOver =
      this.did('expiry') ||
      (this.did('end all') && revokedBy('end all')) ||
      (this.did('end others') && !isRotated && act !== 'login again' && revokedBy('end others')) ||
      (isRotated && this.did('log out')) ||
      (isRotated && this.world.attempts.some((other) => other.act === 'end by id' && other.answer === true));
    if (isAlive && mustBeOver && !this.isAfterExpiry(act)) this.broken(`the session of "${act}" lives, and was ended`);
  }

  /** The sessions that were there before. */
  private async checkOwn(): Promise<void> {
    const { own, other } = this.world;
    const isAlive = await this.world.isAlive(own.id);
    if (!isAlive && !this.evicts && !this.has(...ENDS_OWN)) this.broken("Ada's session ended, and nobody ended it");
    if (isAlive && this.did(...ENDS_OWN)) this.broken("Ada's session lives, and was ended");
    if (other === undefined) return;
    const isOtherAlive = await this.world.isAlive(other.id);
    if (!isOtherAlive && !this.evicts && !this.has('end all', 'end others', 'expiry')) {
      this.broken("Ada's other session ended, and nobody ended it");
    }
    if (isOtherAlive && this.did('end all', 'end others', 'expiry')) {
      this.broken("Ada's other session lives, and was ended");
    }
  }

  /** Of a session and what it was rotated to, one lives at most (R61). */
  private async checkLine(): Promise<void> {
    const { own, attempts } = this.world;
    const rotated = attempts.filter(({ act }) => ROTATIONS.includes(act)).flatMap(({ got }) => (got ? [got.id] : []));
    const alive = await Promise.all([own.id, ...rotated].map((id) => this.world.isAlive(id)));
    if (alive.filter(Boolean).length > 1) this.broken('two sessions of one line live');
  }

  /** What lives has a token that somebody has, and is listed; nothing else is. */
  private async checkList(isLater: boolean): Promise<void> {
    const { world } = this;
    const acknowledged = world.acknowledged();
    const living = await world.living();
    const unknown = living.filter((id) => !acknowledged.includes(id) && !this.isExcused(id));
    if (unknown.length > 0) this.broken('a session lives whose token nobody has');
    const known = living.filter((id) => acknowledged.includes(id)).sort();
    const listed = (await world.sessions.list('ada')).map(({ id }) => id).filter((id) => !this.isExcused(id));
    // Who stopped while ending sessions has taken them from the list: whoever comes next ends them.
    if (this.isStopped() && (this.evicts || this.has(...ENDS))) {
      if (listed.some((id) => !known.includes(id))) this.broken('a session is listed that does not live');
      return;
    }
    if (listed.sort().join() !== known.join()) this.broken('the list is not what lives');
    const entries = (await world.entries()).filter(({ id }) => !this.isExcused(id));
    const settled = entries.flatMap((entry) => (entry.settled ? [entry.id] : []));
    if (known.some((id) => !settled.includes(id))) this.broken('a session lives without an entry');
    if (isLater && entries.length > known.length) this.broken('an entry is left of a session that does not live');
  }

  /** Whether a sign-out was carried out after the entry of this session was added. */
  private wasRevoked(id: string, by: Act): boolean {
    const { journal } = this.world;
    const added = journal.findIndex((command) => command.added === true && command.id === id);
    return journal.some(
      ({ op, program }, place) =>
        op === 'revoke' && place > added && program !== undefined && this.acts[program] === by,
    );
  }

  private has(...acts: readonly Act[]): boolean {
    return this.acts.some((act) => acts.includes(act));
  }

  private did(...acts: readonly Act[]): boolean {
    return this.world.attempts.some(({ act, state }) => state === 'done' && acts.includes(act));
  }

  /** A login may begin after the clock was moved. */
  private isAfterExpiry(act: Act): boolean {
    return this.did('expiry') && (LOGINS.includes(act) || ROTATIONS.includes(act));
  }

  private isStopped(): boolean {
    return this.fate?.what === 'killed' || this.fate?.what === 'process killed';
  }

  private isRepeated(): boolean {
    return this.fate !== undefined && !this.isStopped();
  }

  /** A record that was stored or left by the one that was struck: nobody has its token. */
  private isExcused(id: string): boolean {
    const { journal, stage, attempts } = this.world;
    if (this.fate === undefined || stage.struck === undefined) return false;
    if (attempts.some(({ got }) => got?.id === id)) return false;
    const by = journal.find(({ op, id: created }) => op === 'create' && created === id)?.program;
    if (this.fate.what === 'process killed') return by !== undefined;
    if (this.fate.what === 'killed') return by === this.fate.program;
    return by === this.fate.program && ['create', 'destroy', 'set'].includes(stage.struck);
  }

  broken(what: string): never {
    const { attempts, stage, plan } = this.world;
    const states = attempts.map(({ act, state }) => `${act}: ${state}`).join(' | ');
    throw new Error(`${plan.acts.join(' | ')}: ${what}\n  after ${stage.trace.join(', ')}\n  they were ${states}`);
  }
}
