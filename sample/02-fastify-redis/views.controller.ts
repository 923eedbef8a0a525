import { Controller, Get, HttpCode, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { RequireLogin, Session, SessionService } from 'nestjs-token-session';
import type { Visit } from './visit.js';

/** A session as its owner sees it, and who answered. */
export interface VisitView {
  port: number | undefined;
  user: string | null;
  views: number;
}

@Controller()
export class ViewsController {
  constructor(private readonly sessions: SessionService) {}

  /** Counts a view; begins an anonymous session if there is none. */
  @Post('views')
  @HttpCode(200)
  async count(@Session() sess: Session<Visit>, @Req() request: FastifyRequest): Promise<VisitView> {
    // All processes may count at the same time. update() runs again on fresh data, so no view is lost.
    await this.sessions.update(sess, (visit) => {
      visit.views = (visit.views ?? 0) + 1;
    });
    return this.view(sess, request);
  }

  @Get('me')
  @RequireLogin()
  me(@Session() sess: Session<Visit>, @Req() request: FastifyRequest): VisitView {
    return this.view(sess, request);
  }

  private view(sess: Session<Visit>, request: FastifyRequest): VisitView {
    const { userId } = this.sessions.info(sess);
    return { port: request.socket.localPort, user: userId ?? null, views: sess.views ?? 0 };
  }
}
