import { Controller, Delete, Get, Header, HttpCode, Post } from '@nestjs/common';
import { RequireSession, Session, SessionService } from 'nestjs-token-session';

export interface Visit {
  views: number;
  lastView: string;
}

/** A session as its owner may see it: without the token. Times are in ms. */
export interface SessionView {
  id: string | undefined;
  isNew: boolean;
  data: Partial<Visit>;
  startedAt: number;
  usedAt: number;
  idleExpiresAt: number;
  absoluteExpiresAt: number;
  maxAge: number;
}

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
    return this.view(sess);
  }

  @Get('session')
  @Header('Cache-Control', 'no-store')
  show(@Session() sess: Session<Visit>): SessionView {
    return this.view(sess);
  }

  @Post('session/regenerate')
  @HttpCode(200)
  @RequireSession()
  async regenerate(@Session() sess: Session<Visit>): Promise<SessionView> {
    return this.view(await this.sessions.regenerate(sess, { keep: ['views'] }));
  }

  @Delete('session')
  @HttpCode(204)
  destroy(@Session() sess: Session<Visit>): Promise<void> {
    return this.sessions.destroy(sess);
  }

  private view(sess: Session<Visit>): SessionView {
    const { id, isNew, startedAt, usedAt, idleExpiresAt, absoluteExpiresAt } = this.sessions.info(sess);
    const { maxAge } = sess;
    return { id, isNew, data: sess, startedAt, usedAt, idleExpiresAt, absoluteExpiresAt, maxAge };
  }
}
