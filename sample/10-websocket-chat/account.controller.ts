import {
  BadRequestException,
  Body,
  Controller,
  Get,
  Header,
  HttpCode,
  Post,
  UnauthorizedException,
} from '@nestjs/common';
import { RequireLogin, RequireSession, Session, SessionService, UserId } from 'nestjs-token-session';
import { AccountsService } from './accounts.service.js';

/** Sign-in and sign-out are HTTP: only there can a token reach the browser, or leave it. */
@Controller('api')
export class AccountController {
  constructor(
    private readonly sessions: SessionService,
    private readonly accounts: AccountsService,
  ) {}

  @Post('sign-in')
  @HttpCode(200)
  async signIn(@Session() sess: Session, @Body() body: unknown) {
    const { user, password } = credentialsOf(body);
    const userId = await this.accounts.check(user, password);
    if (userId === undefined) throw new UnauthorizedException('The user or the password is wrong.');
    await this.sessions.login(sess, userId);
    return { user: userId };
  }

  @Get('me')
  @RequireLogin()
  @Header('Cache-Control', 'no-store')
  me(@UserId() userId: string) {
    return { user: userId };
  }

  /** Closes every socket of this session, in all tabs and on all servers. */
  @Post('sign-out')
  @HttpCode(204)
  @RequireSession()
  signOut(@Session() sess: Session): Promise<void> {
    return this.sessions.destroy(sess);
  }
}

/** A body may be anything until it was looked at. */
function credentialsOf(body: unknown): { user: string; password: string } {
  const { user, password } = (body ?? {}) as Record<string, unknown>;
  if (typeof user === 'string' && typeof password === 'string' && password.length <= 200) return { user, password };
  throw new BadRequestException('Takes user and password as text.');
}
