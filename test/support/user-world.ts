import { session, type AtomicSessionStore, type Session, type SessionService } from 'nestjs-token-session';
import { SILENT } from './app.js';
import { TestClock } from './clock.js';
import { ALL, Stage } from './stage.js';
import type { LayOut, Noted } from './user-grounds.js';

/** A session as whoever got its token knows it. */
export interface Known {
  readonly id: string;
  readonly token: string;
}

/** What programs do. All but the first two and the last three act on Ada's own session, which they have loaded. */
export const ACTS = [
  'login',
  'sign in',
  'login again',
  'login as bob',
  'regenerate',
  'reauthenticate',
  'log out',
  'end all',
  'end others',
  'end by id',
  'list',
  'a minute',
  'expiry',
] as const;

export type Act = (typeof ACTS)[number];

/** What became of a program. */
export interface Attempt {
  readonly act: Act;
  readonly program: number;
  /** `none`: the session to act on was not found. Else done, stopped, or the code of its failure. */
  state: 'under way' | 'done' | 'stopped' | 'none' | (string & {});
  /** The session that it gave its caller. */
  got?: Known;
  answer?: unknown;
}

export interface Plan {
  readonly acts: readonly Act[];
  readonly max?: number;
  readonly onMax?: 'evict' | 'reject';
  /** Whether Ada has another session, on her phone. */
  readonly withOther?: boolean;
}

const IDLE = 30 * 60_000;
/** How long an entry stands that nobody settles, and a little more. */
export const PENDING = 61_000;

/** One play: a store, Ada's sessions in it, and what programs do with them. */
export class World {
  readonly stage = new Stage();
  readonly clock = new TestClock();
  /** In the order in which they were carried out. */
  readonly journal: Noted[] = [];
  readonly attempts: Attempt[] = [];
  own!: Known;
  other: Known | undefined;
  private anonymous!: Known;
  /** The program that runs outside of the play, if one does. */
  private alone: number | undefined;
  private readonly ground;
  private layer;

  constructor(
    layOut: LayOut,
    readonly plan: Plan,
  ) {
    this.ground = layOut({
      stage: this.stage,
      hasClock: plan.acts.includes('expiry') || plan.acts.includes('a minute'),
      note: (command) => {
        command.program ??= this.alone;
        this.journal.push(command);
      },
    });
    this.layer = this.open(this.ground.store);
  }

  get sessions(): SessionService {
    return this.layer.service;
  }

  async setUp(): Promise<void> {
    const { acts, withOther = acts.includes('end others') } = this.plan;
    this.own = this.known(await this.sessions.login(this.visit(), 'ada'));
    if (withOther) this.other = this.known(await this.sessions.login(this.visit(), 'ada'));
    if (!acts.includes('sign in')) return;
    const visitor = this.visit();
    await visitor.save();
    this.anonymous = this.known(visitor);
  }

  /** The process is another one from now on, with the same store. */
  async restart(): Promise<void> {
    await this.close();
    this.layer = this.open(this.ground.reopened());
  }

  close(): Promise<void> {
    return this.layer.close();
  }

  /** A program that does this, with what it has loaded by now. */
  async program(act: Act, number: number): Promise<() => Promise<void>> {
    const attempt: Attempt = { act, program: number, state: 'under way' };
    this.attempts.push(attempt);
    const run = await this.prepared(act, attempt);
    return async () => {
      try {
        await run();
        if (attempt.state === 'under way') attempt.state = 'done';
      } catch (error) {
        attempt.state = this.stage.isOver ? 'stopped' : ((error as { code?: string }).code ?? String(error));
      }
    };
  }

  /** Does this alone, outside of the play. */
  async attempt(act: Act, program = -1): Promise<Attempt> {
    const run = await this.program(act, program);
    this.alone = program;
    await run();
    this.alone = undefined;
    return this.attempts.at(-1) as Attempt;
  }

  /** Whether a session of Ada lives. */
  async isAlive(id: string): Promise<boolean> {
    const record = await this.ground.store.load(id);
    return record?.userId === 'ada';
  }

  async living(): Promise<string[]> {
    const created = this.journal.flatMap(({ op, id }) => (op === 'create' && id !== undefined ? [id] : []));
    const alive = await Promise.all(created.map(async (id) => ((await this.isAlive(id)) ? [id] : [])));
    return alive.flat();
  }

  /** Sessions of Ada whose token somebody has: those that she had, and those that programs were given. */
  acknowledged(): string[] {
    const before = [this.own, this.other].flatMap((known) => (known === undefined ? [] : [known.id]));
    const given = this.attempts.filter(({ act }) => act !== 'login as bob').map(({ got }) => got?.id);
    return [...before, ...given.filter((id) => id !== undefined)];
  }

  async entries(): Promise<readonly { id: string; settled: boolean }[]> {
    return (await this.ground.store.users?.list('ada')) ?? [];
  }

  private async prepared(act: Act, attempt: Attempt): Promise<() => Promise<unknown>> {
    const { sessions } = this;
    const give = async (given: Promise<Session>): Promise<void> => {
      attempt.got = this.known(await given);
    };
    const tell = async (answer: Promise<unknown>): Promise<void> => {
      attempt.answer = await answer;
    };
    switch (act) {
      case 'login': {
        const visitor = this.visit();
        return () => give(sessions.login(visitor, 'ada'));
      }
      case 'sign in': {
        const visitor = (await sessions.load(this.anonymous.token)) ?? this.visit();
        return () => give(sessions.login(visitor, 'ada'));
      }
      case 'end all':
        return () => tell(sessions.destroyAll('ada'));
      case 'end others':
        return () => tell(sessions.destroyAll('ada', { except: this.own.id }));
      case 'end by id':
        return () => tell(sessions.destroyById('ada', this.own.id));
      case 'list':
        return () => tell(sessions.list('ada'));
      case 'a minute':
      case 'expiry':
        return () =>
          this.stage.step(act, ALL, () => {
            this.clock.advance(act === 'expiry' ? IDLE : PENDING);
          });
    }
    const own = await sessions.load(this.own.token);
    if (own === undefined) {
      return async () => {
        attempt.state = 'none';
      };
    }
    switch (act) {
      case 'login again':
        return () => give(sessions.login(own, 'ada'));
      case 'login as bob':
        return () => give(sessions.login(own, 'bob'));
      case 'regenerate':
        return () => give(sessions.regenerate(own));
      case 'reauthenticate':
        return () => give(sessions.reauthenticate(own));
      case 'log out':
        return () => sessions.destroy(own);
    }
  }

  private open(store: AtomicSessionStore): ReturnType<typeof session> {
    const { max: maxPerUser, onMax: onMaxPerUser } = this.plan;
    return session({
      store,
      logger: SILENT,
      clock: this.clock.now,
      idleTimeout: IDLE,
      storeTimeout: 60_000,
      ...(maxPerUser !== undefined && { maxPerUser }),
      ...(onMaxPerUser !== undefined && { onMaxPerUser }),
    });
  }

  private visit(): Session {
    const request = { headers: {}, url: '/' } as unknown as { session: Session };
    this.layer(request as never, { headersSent: false } as never, () => undefined);
    return request.session;
  }

  private known(session: Session): Known {
    const { id, token } = this.sessions.info(session);
    return { id: id as string, token: token as string };
  }
}
