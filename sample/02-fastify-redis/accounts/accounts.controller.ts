import { BadRequestException, Body, Controller, Get, HttpCode, Post, UnauthorizedException } from '@nestjs/common';
import { RequireLogin, Session, SessionService, UserId } from 'nestjs-token-session';
import type { Visit } from '../visit.js';
import { AccountsService } from './accounts.service.js';

@Controller()
export class AccountsController {
  constructor(
    private readonly sessions: SessionService,
    private readonly accounts: AccountsService,
  ) {}

  @Post('sign-in')
  @HttpCode(204)
  async signIn(@Session() sess: Session<Visit>, @Body() body: unknown): Promise<void> {
    const { user, password, label } = credentialsOf(body);
    const userId = await this.accounts.check(user, password);
    if (userId === undefined) throw new UnauthorizedException('The user or the password is wrong.');
    await this.sessions.login(sess, userId, {
      ...(label !== undefined && { label }),
      // What somebody did before they signed in goes along; what another user did does not.
      keep: this.sessions.info(sess).userId === undefined ? ['views'] : [],
    });
  }

  /** Where the user is signed in, the session used last first. */
  @Get('sessions')
  @RequireLogin()
  async list(@UserId() userId: string): Promise<string[]> {
    const sessions = await this.sessions.list(userId);
    return sessions.map(({ label }) => label ?? 'unnamed');
  }

  @Post('sign-out')
  @HttpCode(204)
  signOut(@Session() sess: Session<Visit>): Promise<void> {
    return this.sessions.destroy(sess);
  }

  @Post('sign-out-everywhere')
  @HttpCode(204)
  @RequireLogin()
  async signOutEverywhere(@UserId() userId: string): Promise<void> {
    await this.sessions.destroyAll(userId);
  }
}

interface Credentials {
  user: string;
  password: string;
  label: string | undefined;
}

/** A body may be anything until it was looked at. */
function credentialsOf(body: unknown): Credentials {
  const { user, password, label } = (body ?? {}) as Record<string, unknown>;
  return {
    user: text('user', user),
    password: text('password', password),
    label: label === undefined ? undefined : text('label', label),
  };
}

function text(name: keyof Credentials, value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= 200 && value.isWellFormed()) return value;
  throw new BadRequestException(`${name}: takes text of 1 to 200 characters.`);
}
