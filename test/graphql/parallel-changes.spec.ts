import { Args, Int, Mutation, Query, Resolver } from '@nestjs/graphql';
import { Session, SessionService } from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { Barrier } from '../support/barrier.js';
import { ProbedStore } from '../support/stores.js';
import { ask, post, SERVERS, startGraphql } from './support/servers.js';

/** Where resolvers wait for each other. */
let together: Barrier;

@Resolver()
class NotesResolver {
  constructor(private readonly sessions: SessionService) {}

  @Query(() => [String])
  notes(@Session() session: Session<Record<string, true>>): string[] {
    return Object.keys(session).sort();
  }

  /** Fields of a query run side by side, which those of a mutation do not. */
  @Query(() => Boolean)
  async take(@Session() session: Session<Record<string, true>>, @Args('note') note: string): Promise<boolean> {
    await together.pass();
    session[note] = true;
    return true;
  }

  @Mutation(() => Boolean)
  async note(@Session() session: Session<Record<string, true>>, @Args('note') note: string): Promise<boolean> {
    await together.pass();
    session[note] = true;
    return true;
  }

  @Mutation(() => Int)
  async count(@Session() session: Session<{ count: number }>): Promise<number> {
    await this.sessions.update(session, (draft) => {
      draft.count = (draft.count ?? 0) + 1;
    });
    return session.count ?? 0;
  }
}

afterEach(closeApps);

describe.each(SERVERS)('changes side by side, %s', (server) => {
  let store: ProbedStore;
  let url: string;
  let token: string;

  beforeEach(async () => {
    store = new ProbedStore();
    ({ url } = await startGraphql(server, { providers: [NotesResolver], session: { store } }));
    together = new Barrier(1);
    together.open();
    ({ token } = (await post(url, 'mutation { note(note: "first") }')) as { token: string });
    store.calls.length = 0;
  });

  it('law 5: parallel fields of one operation all change the session, in one commit', async () => {
    together = new Barrier(3);
    const answer = post(url, '{ a: take(note: "a") b: take(note: "b") c: take(note: "c") }', { token });
    await together.arrived;
    together.open();
    expect((await answer).json()).toEqual({ data: { a: true, b: true, c: true } });
    expect(store.calls).toEqual(['load', 'update']);
    expect(await ask(url, '{ notes }', token)).toEqual({ notes: ['a', 'b', 'c', 'first'] });
  });

  it('law 5: so do parallel operations of one batch', async () => {
    together = new Barrier(3);
    const answer = post(
      url,
      ['a', 'b', 'c'].map((note) => `mutation { note(note: "${note}") }`),
      { token },
    );
    await together.arrived;
    together.open();
    expect((await answer).json()).toEqual([
      { data: { note: true } },
      { data: { note: true } },
      { data: { note: true } },
    ]);
    expect(store.calls).toEqual(['load', 'update']);
    expect(await ask(url, '{ notes }', token)).toEqual({ notes: ['a', 'b', 'c', 'first'] });
  });

  it('law 5: so do parallel requests', async () => {
    together = new Barrier(3);
    const answers = ['a', 'b', 'c'].map((note) => post(url, `mutation { note(note: "${note}") }`, { token }));
    await together.arrived;
    together.open();
    for (const answer of await Promise.all(answers)) expect(answer.json()).toEqual({ data: { note: true } });
    expect(await ask(url, '{ notes }', token)).toEqual({ notes: ['a', 'b', 'c', 'first'] });
  });

  it('law 5: transactions count each, in operations of one batch and in requests side by side', async () => {
    const counts = Array.from({ length: 5 }, () => 'mutation { count }');
    const batches = await Promise.all([post(url, counts, { token }), post(url, counts, { token })]);
    const results = batches.flatMap((answer) => answer.json() as { data: { count: number } }[]);
    expect(
      results
        .map(({ data }) => data.count)
        .sort((a, b) => a - b)
        .at(-1),
    ).toBe(10);
    expect(await ask(url, 'mutation { count }', token)).toEqual({ count: 11 });
  });

  it('law 5: they do so also where they begin the session', async () => {
    const answer = await post(url, ['mutation { count }', 'mutation { count }']);
    expect(answer.json()).toEqual([{ data: { count: expect.any(Number) } }, { data: { count: 2 } }]);
    expect(await ask(url, 'mutation { count }', answer.token)).toEqual({ count: 3 });
  });
});
