import { Controller, Delete, Get, Inject, Post } from '@nestjs/common';
import { Session, SessionService } from 'nestjs-token-session';

interface Counter {
  views: number;
}

/** The smallest application that does everything to a session once. */
@Controller()
export class CounterController {
  constructor(@Inject(SessionService) private readonly sessions: SessionService) {}

  /** Does not look at the session. */
  @Get('plain')
  plain(): string {
    return 'plain';
  }

  @Get('views')
  read(@Session() sess: Session<Counter>): Counter {
    return { views: sess.views ?? 0 };
  }

  @Post('views')
  write(@Session() sess: Session<Counter>): Counter {
    sess.views = (sess.views ?? 0) + 1;
    return { views: sess.views };
  }

  @Post('renew')
  async renew(@Session() sess: Session<Counter>): Promise<Counter> {
    const next = await this.sessions.regenerate(sess, { keep: ['views'] });
    return { views: next.views ?? 0 };
  }

  @Delete('session')
  async end(@Session() sess: Session): Promise<string> {
    await this.sessions.destroy(sess);
    return 'ended';
  }
}
