import { BadRequestException, Body, Controller, Get, HttpCode, Post, UnauthorizedException } from '@nestjs/common';
import { RequireLogin, Session, SessionService, UserId } from 'nestjs-token-session';
import { AccountsService } from './accounts.service.js';
import { nameOf, Tenant, userIdAt } from './tenant.js';

@Controller(':tenant')
export class AccountController {
  constructor(
    private readonly sessions: SessionService,
    private readonly accounts: AccountsService,
  ) {}

  @Post('sign-in')
  @HttpCode(200)
  async signIn(@Tenant() tenant: string, @Session() sess: Session, @Body() body: unknown) {
    const { user, password } = credentialsOf(body);
    const userId = await this.accounts.check(userIdAt(tenant, user), password);
    if (userId === undefined) throw new UnauthorizedException('The user or the password is wrong.');
    await this.sessions.login(sess, userId);
    return { tenant: nameOf(tenant), userId };
  }

  @Get('me')
  @RequireLogin()
  me(@Tenant() tenant: string, @UserId() userId: string) {
    return { tenant: nameOf(tenant), userId };
  }

  @Post('sign-out')
  @HttpCode(204)
  signOut(@Session() sess: Session): Promise<void> {
    return this.sessions.destroy(sess);
  }

  @Post('sign-out-everywhere')
  @HttpCode(204)
  @RequireLogin()
  async signOutEverywhere(@UserId() userId: string): Promise<void> {
    await this.sessions.destroyAll(userId);
  }
}

/** A body may be anything until it was looked at. */
function credentialsOf(body: unknown): { user: string; password: string } {
  const { user, password } = (body ?? {}) as Record<string, unknown>;
  if (typeof user === 'string' && typeof password === 'string' && password.length <= 200) return { user, password };
  throw new BadRequestException('Takes user and password as text.');
}
