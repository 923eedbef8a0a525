import type { Session } from '../../../session.js';
import type { Data, Known, World } from './world.js';

/** What programs do; all but `login` act on a session that they have loaded before, Ada's own. */
export type Act = 'login' | 'login again' | 'regenerate' | 'log out' | 'end all' | 'end by id' | 'save' | 'touch';

/** What moves along with a session: what it held before, and what programs store. */
const KEPT = ['planted', 'key0', 'key1', 'key2'];

/** What became of a program. */
export interface Attempt {
  readonly act: Act;
  readonly program: number;
  /** Done, or the code of its failure. */
  state: 'under way' | 'done' | (string & {});
  /** The session that it gave its caller. */
  got?: Known;
  answer?: unknown;
}

/** One play: a user with one session, and what programs do with it at the same time. */
export class Play {
  readonly attempts: Attempt[] = [];
  own!: Known;

  constructor(
    readonly world: World,
    readonly acts: readonly Act[],
    readonly user: string,
  ) {}

  /** Gives the programs, each with the session that it has loaded. */
  async prepare(): Promise<(() => Promise<void>)[]> {
    const { world, user } = this;
    const visitor = world.visit();
    visitor['planted'] = true;
    if (world.hasUsers) this.own = world.known(await world.layer().login(visitor, user, { keep: KEPT }));
    else {
      await visitor.save();
      this.own = world.known(visitor);
    }
    return Promise.all(this.acts.map((act, program) => this.program(act, program)));
  }

  /** Whether one of these is among the programs, but for this one. */
  has(acts: readonly Act[], but = -1): boolean {
    return this.acts.some((act, program) => program !== but && acts.includes(act));
  }

  /** Whether one of these was done. */
  did(acts: readonly Act[]): boolean {
    return this.attempts.some(({ act, state }) => state === 'done' && acts.includes(act));
  }

  private async program(act: Act, program: number): Promise<() => Promise<void>> {
    const attempt: Attempt = { act, program, state: 'under way' };
    this.attempts.push(attempt);
    const run = await this.prepared(attempt);
    return async () => {
      try {
        await run();
        attempt.state = 'done';
      } catch (error) {
        attempt.state = (error as { code?: string }).code ?? String(error);
      }
    };
  }

  private async prepared(attempt: Attempt): Promise<() => Promise<unknown>> {
    const { world, user } = this;
    const { program } = attempt;
    const sessions = world.layer(program);
    const give = async (given: Promise<Session<Data>>): Promise<void> => {
      attempt.got = world.known(await given);
    };
    if (attempt.act === 'login') {
      const visitor = world.visit(program);
      return () => give(sessions.login(visitor, user));
    }
    const own = await sessions.load<Data>(this.own.token);
    if (own === undefined) throw new Error('a session that was just stored is not there');
    switch (attempt.act) {
      case 'login again':
        return () => give(sessions.login(own, user));
      case 'regenerate':
        return () => give(sessions.regenerate(own, { keep: KEPT }));
      case 'log out':
        return () => sessions.destroy(own);
      case 'end all':
        return () => sessions.destroyAll(user);
      case 'end by id':
        return async () => {
          attempt.answer = await sessions.destroyById(user, this.own.id);
        };
      case 'touch':
        return () => sessions.touch(own);
      case 'save':
        own[`key${String(program)}`] = program;
        return () => sessions.save(own);
    }
  }
}
