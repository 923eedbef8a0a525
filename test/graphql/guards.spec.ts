import { Field, Mutation, ObjectType, Query, ResolveField, Resolver } from '@nestjs/graphql';
import {
  RequireLogin,
  RequireRecentLogin,
  RequireSession,
  Session,
  SessionService,
  UserId,
} from 'nestjs-token-session';
import { closeApps } from '../support/app.js';
import { TestClock } from '../support/clock.js';
import { collectEvents } from '../support/events.js';
import type { RunningApp } from '../support/platforms.js';
import { ask, post, resultOf, SERVERS, startGraphql, type Result, type Server } from './support/servers.js';

@ObjectType()
class Vault {
  @Field()
  label!: string;
}

let opened: string[];

@Resolver(() => Vault)
class VaultResolver {
  constructor(private readonly sessions: SessionService) {}

  @Query(() => Vault)
  open(): Vault {
    return { label: 'open to all' };
  }

  @Query(() => String)
  @RequireSession()
  theirs(): string {
    opened.push('theirs');
    return 'a session';
  }

  @Query(() => String)
  @RequireLogin()
  account(@UserId() userId: string): string {
    opened.push('account');
    return userId;
  }

  @Mutation(() => Boolean)
  @RequireLogin({ level: 2 })
  transfer(): boolean {
    opened.push('transfer');
    return true;
  }

  @Mutation(() => Boolean)
  @RequireRecentLogin('10m')
  close(): boolean {
    opened.push('close');
    return true;
  }

  @ResolveField(() => String, { nullable: true })
  @RequireLogin()
  secret(): string {
    opened.push('secret');
    return 'gold';
  }

  @Mutation(() => Boolean)
  begin(@Session() session: Session<{ begun: boolean }>): boolean {
    return (session.begun = true);
  }

  @Mutation(() => Boolean)
  async login(@Session() session: Session): Promise<boolean> {
    await this.sessions.login(session, 'ada');
    return true;
  }
}

afterEach(closeApps);

describe.each(SERVERS)('guards of resolvers, %s', (server) => {
  const clock = new TestClock();
  let running: RunningApp;
  let url: string;

  const start = async (graphql?: Parameters<typeof startGraphql>[1]['graphql']): Promise<void> => {
    opened = [];
    running = await startGraphql(server, {
      providers: [VaultResolver],
      session: { clock: clock.now },
      ...(graphql !== undefined && { graphql }),
    });
    ({ url } = running);
  };
  const tokenAfter = async (query: string): Promise<string> => (await post(url, query)).token as string;
  const refusal = async (query: string, token?: string): Promise<unknown> => {
    const answer = await post(url, query, { token });
    const { data, errors = [] } = resultOf(answer);
    expect([answer.status, data, errors.length, opened]).toEqual([200, null, 1, []]);
    return errors[0]?.extensions;
  };
  const body = (code: string, details: object = {}): object => ({
    statusCode: 401,
    error: 'Unauthorized',
    code,
    message: expect.any(String),
    ...details,
  });

  it.each([
    ['RequireSession', '{ theirs }', undefined, 'SESSION_REQUIRED', {}],
    ['RequireLogin', '{ account }', 'mutation { begin }', 'LOGIN_REQUIRED', {}],
    ['RequireLogin of a level', 'mutation { transfer }', 'mutation { login }', 'LEVEL_REQUIRED', { level: 2 }],
  ])('%s: a GraphQL error whose extensions have the body of HTTP', async (_, query, before, code, details) => {
    await start();
    const token = before === undefined ? undefined : await tokenAfter(before);
    expect(await refusal(query, token)).toMatchObject({
      code: codeOf(server, code),
      originalError: body(code, details),
    });
  });

  it('RequireRecentLogin: 10 minutes after the login, which says how recent it has to be', async () => {
    await start();
    const token = await tokenAfter('mutation { login }');
    clock.advance(10 * 60_000);
    expect(await refusal('mutation { close }', token)).toMatchObject({
      code: codeOf(server, 'RECENT_LOGIN_REQUIRED'),
      originalError: body('RECENT_LOGIN_REQUIRED', { maxAge: 600_000 }),
    });
  });

  it('lets through who may, beside what is refused', async () => {
    await start();
    const token = await tokenAfter('mutation { login }');
    expect(await ask(url, '{ theirs account }', token)).toEqual({ theirs: 'a session', account: 'ada' });
    expect(await ask(url, 'mutation { close }', token)).toEqual({ close: true });
    opened = [];
    expect(await refusal('mutation { close transfer }').catch(() => 'refused')).toMatchObject({
      originalError: { code: 'LOGIN_REQUIRED' },
    });
  });

  it('ASVS 16.3.2: tells who asked for what', async () => {
    await start();
    const events = collectEvents(running);
    const token = await tokenAfter('mutation { login }');
    await refusal('mutation { transfer }', token);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'authz_fail', userId: 'ada', resource: 'VaultResolver.transfer' }),
    );
  });

  it('of a field are asked where fieldResolverEnhancers has guards, and leave the rest of the answer', async () => {
    await start({ fieldResolverEnhancers: ['guards'] });
    const answer = await post(url, '{ open { label secret } }');
    expect(resultOf(answer)).toMatchObject({
      data: { open: { label: 'open to all', secret: null } },
      errors: [{ path: ['open', 'secret'], extensions: { originalError: { code: 'LOGIN_REQUIRED' } } }],
    } satisfies Partial<Record<keyof Result, unknown>>);
    expect(opened).toEqual([]);
    const token = await tokenAfter('mutation { login }');
    expect(await ask(url, '{ open { secret } }', token)).toEqual({ open: { secret: 'gold' } });
  });
});

/** @nestjs/apollo puts codes of its own in this place. */
function codeOf(server: Server, code: string): string {
  return server.startsWith('Apollo') ? 'UNAUTHENTICATED' : code;
}
