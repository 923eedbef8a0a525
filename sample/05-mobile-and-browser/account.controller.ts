import { Body, Controller, Delete, Get, Header, HttpCode, NotFoundException, Param, Post, Req } from '@nestjs/common';
import { BadRequestException, UnauthorizedException } from '@nestjs/common';
import type { Request } from 'express';
import { RequireLogin, Session, SessionService, UserId } from 'nestjs-token-session';
import { AccountsService } from './accounts.service.js';
import { clientOf, LIMITS, type Client } from './clients.js';

/** A session as its user sees it. Times are in ms since the epoch. */
interface SessionView {
  readonly id: string;
  readonly label: string | undefined;
  readonly idleExpiresAt: number;
  readonly absoluteExpiresAt: number;
  readonly isThisOne: boolean;
}

/** One API for both; it does not know of headers and cookies. */
@Controller('api')
export class AccountController {
  constructor(
    private readonly sessions: SessionService,
    private readonly accounts: AccountsService,
  ) {}

  @Post('sign-in')
  @HttpCode(200)
  async signIn(@Req() request: Request, @Session() sess: Session, @Body() body: unknown) {
    const { user, password } = credentialsOf(body);
    const userId = await this.accounts.check(user, password);
    if (userId === undefined) throw new UnauthorizedException('The user or the password is wrong.');
    const client = clientOf({ raw: request, request, secure: request.secure });
    await this.sessions.login(sess, userId, { ...LIMITS[client], label: LABELS[client] });
    return { user: userId };
  }

  @Get('me')
  @RequireLogin()
  @Header('Cache-Control', 'no-store')
  me(@UserId() userId: string) {
    return { user: userId };
  }

  @Get('sessions')
  @RequireLogin()
  @Header('Cache-Control', 'no-store')
  async list(@Session() sess: Session, @UserId() userId: string): Promise<SessionView[]> {
    const sessions = await this.sessions.list(userId);
    return sessions.map(({ id, label, idleExpiresAt, absoluteExpiresAt }) => ({
      ...{ id, label, idleExpiresAt, absoluteExpiresAt },
      isThisOne: id === sess.id,
    }));
  }

  @Delete('sessions/:id')
  @HttpCode(204)
  @RequireLogin()
  async signOutThere(@UserId() userId: string, @Param('id') id: string): Promise<void> {
    if (!(await this.sessions.destroyById(userId, id))) throw new NotFoundException('You have no such session.');
  }

  @Post('sign-out')
  @HttpCode(204)
  signOut(@Session() sess: Session): Promise<void> {
    return this.sessions.destroy(sess);
  }
}

const LABELS: Record<Client, string> = { app: 'phone', browser: 'browser' };

/** A body may be anything until it was looked at. */
function credentialsOf(body: unknown): { user: string; password: string } {
  const { user, password } = (body ?? {}) as Record<string, unknown>;
  if (typeof user === 'string' && typeof password === 'string' && password.length <= 200) return { user, password };
  throw new BadRequestException('Takes user and password as text.');
}
