import { Controller, Get, Param, Post, Req, type DynamicModule } from '@nestjs/common';
import {
  cookie,
  getSessionServiceToken,
  InjectSessionService,
  RequireLogin,
  Session,
  SessionModule,
  SessionService,
  UserId,
  type SessionEvent,
  type SessionModuleOptions,
} from 'nestjs-token-session';
import { SILENT } from './app.js';
import type { Answer } from './client.js';
import type { RunningApp } from './platforms.js';

/** The data of both kinds of sessions. */
export interface Seen {
  seen: number;
  theme: string;
}

/** The sessions of customers, which are the application's default ones. */
@Controller('shop')
export class ShopController {
  constructor(private readonly sessions: SessionService) {}

  @Get('count') count(@Session() sess: Session<Seen>): string {
    return String((sess.seen = (sess.seen ?? 0) + 1));
  }

  @Post('login/:user') async login(@Session() sess: Session<Seen>, @Param('user') user: string): Promise<void> {
    await this.sessions.login(sess, user);
  }

  @Post('logout') async logout(@Session() sess: Session): Promise<void> {
    await this.sessions.destroy(sess);
  }

  @Get('me')
  @RequireLogin()
  me(@UserId() userId: string): string {
    return userId;
  }
}

/** Those of the staff, by name. */
@Controller('admin')
export class AdminController {
  constructor(@InjectSessionService('admin') private readonly sessions: SessionService) {}

  @Get('count') count(@Session({ name: 'admin' }) sess: Session<Seen>): string {
    return String((sess.seen = (sess.seen ?? 0) + 1));
  }

  @Post('login/:user')
  async login(@Session({ name: 'admin' }) sess: Session<Seen>, @Param('user') user: string): Promise<void> {
    await this.sessions.login(sess, user);
  }

  @Post('logout') async logout(@Session({ name: 'admin' }) sess: Session): Promise<void> {
    await this.sessions.destroy(sess);
  }

  @Get('me')
  @RequireLogin({ name: 'admin' })
  me(@UserId({ name: 'admin' }) userId: string): string {
    return userId;
  }
}

/** Both in one request. */
@Controller('both')
export class BothController {
  constructor(
    private readonly shop: SessionService,
    @InjectSessionService('admin') private readonly admins: SessionService,
  ) {}

  @Get('count') count(
    @Session() ours: Session<Seen>,
    @Session({ name: 'admin' }) theirs: Session<Seen>,
    @Req() request: { session: unknown },
  ): string {
    ours.seen = (ours.seen ?? 0) + 1;
    theirs.seen = (theirs.seen ?? 0) + 10;
    return `${String(ours.seen)} ${String(theirs.seen)} ${String(request.session === ours)}`;
  }

  @Post('login/:user') async login(
    @Session() ours: Session,
    @Session({ name: 'admin' }) theirs: Session,
    @Param('user') user: string,
  ): Promise<void> {
    await this.shop.login(ours, user);
    await this.admins.login(theirs, user);
  }

  @Post('increment') async increment(
    @Session() ours: Session<Seen>,
    @Session({ name: 'admin' }) theirs: Session<Seen>,
  ): Promise<void> {
    const increment = (draft: Partial<Seen>): number => (draft.seen = (draft.seen ?? 0) + 1);
    await Promise.all([this.shop.update(ours, increment), this.admins.update(theirs, increment)]);
  }
}

/** The default sessions in a cookie, and those of the staff in another. */
export function bothKinds(shop: SessionModuleOptions = {}, admin: SessionModuleOptions = {}): DynamicModule[] {
  return [
    SessionModule.forRoot({ transport: cookie(), logger: SILENT, ...shop }),
    SessionModule.forRoot({
      name: 'admin',
      transport: cookie({ name: '__Host-admin' }),
      logger: SILENT,
      ...admin,
    }),
  ];
}

export const BOTH_CONTROLLERS = [ShopController, AdminController, BothController];

export function adminService({ app }: RunningApp): SessionService {
  return app.get<SessionService>(getSessionServiceToken('admin'), { strict: false });
}

export function adminEvents(running: RunningApp): SessionEvent[] {
  const events: SessionEvent[] = [];
  adminService(running).events$.subscribe((event) => events.push(event));
  return events;
}

/** The value of a cookie that an answer sets: undefined when it does not, '' when it clears it. */
export function cookieIn({ cookies }: Answer, name: '__Host-sid' | '__Host-admin'): string | undefined {
  const values = cookies.filter((line) => line.startsWith(`${name}=`)).map((line) => /=([^;]*)/.exec(line)?.[1]);
  if (values.length > 1) throw new Error(`${name} is set ${String(values.length)} times`);
  return values[0];
}

/** What a browser sends back. */
export class Jar {
  private readonly values = new Map<string, string>();

  get headers(): Record<string, string> {
    return this.values.size === 0 ? {} : { Cookie: [...this.values].map((pair) => pair.join('=')).join('; ') };
  }

  get names(): string[] {
    return [...this.values.keys()];
  }

  take(answer: Answer): Answer {
    for (const name of ['__Host-sid', '__Host-admin'] as const) {
      const value = cookieIn(answer, name);
      if (value === '') this.values.delete(name);
      else if (value !== undefined) this.values.set(name, value);
    }
    return answer;
  }
}
