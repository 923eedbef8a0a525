import { Controller, Post, Req } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Session, SessionModule, SessionService } from 'nestjs-token-session';
import { createAdapter, type Platform } from '../../support/platforms.js';

interface Data {
  views: number;
}

/** An application as it is while somebody looks for a fault: every line is printed, and what throws is. */
@Controller()
class ProcessController {
  constructor(private readonly sessions: SessionService) {}

  @Post('write')
  write(@Session() session: Session<Data>): void {
    session.views = (session.views ?? 0) + 1;
  }

  @Post('login')
  async login(@Session() session: Session<Data>): Promise<void> {
    await this.sessions.login(session, 'ada');
  }

  /** Never answers by itself; tells that it has begun. */
  @Post('hang')
  async hang(@Session() session: Session<Data>): Promise<void> {
    session.views = 2;
    await session.save();
    console.log('hangs in', session);
    await new Promise(() => undefined);
  }

  @Post('fails')
  fails(@Session() session: Session<Data>): never {
    throw Object.assign(new Error('failed on purpose'), { session, cause: { session } });
  }

  /** A fault outside of any request, by which the process ends. */
  @Post('crash')
  crash(@Session() session: Session<Data>, @Req() _request: unknown): void {
    session.views = 3;
    process.emitWarning(Object.assign(new Error(`warned of ${String(session.id)}`), { session }));
    setImmediate(() => {
      throw Object.assign(new Error('crashed on purpose'), { session, service: this.sessions });
    });
  }
}

const app = await NestFactory.create(
  {
    module: class App {},
    controllers: [ProcessController],
    imports: [SessionModule.forRoot()],
  },
  createAdapter(process.argv[2] as Platform) as never,
  { logger: ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'] },
);
app.enableShutdownHooks();
await app.listen(0, '127.0.0.1');
console.log(`listens at ${await app.getUrl()}`);
