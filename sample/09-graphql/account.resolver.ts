import { UnauthorizedException } from '@nestjs/common';
import { Args, Mutation, Query, Resolver } from '@nestjs/graphql';
import { RequireLogin, RequireSession, Session, SessionService, UserId } from 'nestjs-token-session';
import { AccountsService } from './accounts.service.js';

@Resolver()
export class AccountResolver {
  constructor(
    private readonly sessions: SessionService,
    private readonly accounts: AccountsService,
  ) {}

  @Query(() => String)
  @RequireLogin()
  me(@UserId() userId: string): string {
    return this.accounts.find(userId)?.name ?? userId;
  }

  @Mutation(() => String)
  async login(
    @Session() session: Session<{ quantities: unknown }>,
    @Args('user') name: string,
    @Args('password') password: string,
  ): Promise<string> {
    const user = await this.accounts.check(name, password);
    if (user === undefined) throw new UnauthorizedException('User or password is wrong.');
    await this.sessions.login(session, user.id, { keep: ['quantities'] }); // a new token, and the cart
    return user.name;
  }

  @Mutation(() => Boolean)
  @RequireSession()
  async logout(@Session() session: Session): Promise<boolean> {
    await this.sessions.destroy(session);
    return true;
  }
}
