import { Controller, Inject, Param, Post } from '@nestjs/common';
import { Session, SessionService } from 'nestjs-token-session';

/** What sockets need of HTTP: tokens come and go there. */
@Controller()
export class AccountController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  @Post('login/:user')
  async login(@Session() session: Session, @Param('user') user: string): Promise<string> {
    await this.sessions.login(session, user);
    return user;
  }
}
