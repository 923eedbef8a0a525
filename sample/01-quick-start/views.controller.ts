import { Controller, Delete, Get, Header, HttpCode, Post } from '@nestjs/common';
import { RequireSession, Session, SessionService } from 'nestjs-token-session';
import { sessionView, type SessionView, type Visit } from './session-view.js';

@Controller('api')
export class ViewsController {
  constructor(private readonly sessions: SessionService) {}

  @Get('views')
  @Header('Cache-Control', 'no-store')
  async count(@Session() sess: Session<Visit>): Promise<SessionView> {
    // Two tabs may count at the same time. update() runs again on fresh data, so no view is lost.
    await this.sessions.update(sess, (visit) => {
      visit.views = (visit.views ?? 0) + 1;
      visit.lastView = new Date().toISOString();
    });
    return sessionView(this.sessions, sess);
  }

  @Get('session')
  @Header('Cache-Control', 'no-store')
  show(@Session() sess: Session<Visit>): SessionView {
    return sessionView(this.sessions, sess);
  }

  @Post('session/regenerate')
  @HttpCode(200)
  @RequireSession()
  async regenerate(@Session() sess: Session<Visit>): Promise<SessionView> {
    return sessionView(this.sessions, await this.sessions.regenerate(sess, { keep: ['views'] }));
  }

  /** Ends the session; for a user this is the sign-out. */
  @Delete('session')
  @HttpCode(204)
  destroy(@Session() sess: Session<Visit>): Promise<void> {
    return this.sessions.destroy(sess);
  }
}
