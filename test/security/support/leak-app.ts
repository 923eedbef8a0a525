import { inspect } from 'node:util';
import {
  Catch,
  Controller,
  Get,
  HttpException,
  Inject,
  Logger,
  Param,
  Post,
  Redirect,
  Req,
  Res,
  type ArgumentsHost,
  type ExceptionFilter,
  type INestApplication,
} from '@nestjs/common';
import { Session, SESSION_STORE, SessionService } from 'nestjs-token-session';
import { Barrier } from '../../support/barrier.js';
import { Looking } from './looking.js';

/** Data of the sessions that are written. */
export const MARKER = 'DATA-MARKER-5c0e72';

interface Data {
  views: number;
  note: string;
  value: unknown;
}
type Act = (session: Session<Data>, controller: LeakController) => unknown;

/** Everything that a request can do to its session, by the name of its route. */
const ACTS: Record<string, Act> = {
  read: (session) => ({ ...session }),
  write: (session) => {
    session.views = (session.views ?? 0) + 1;
    session.note = MARKER;
  },
  count: (session, { sessions }) => sessions.update(session, (draft) => (draft.views = (draft.views ?? 0) + 1)),
  login: async (session, { sessions, look }) => {
    const next = await sessions.login(session, 'ada', { label: 'phone', keep: ['views'] });
    look(next);
  },
  'step-up': async (session, { sessions, look }) => look(await sessions.reauthenticate(session, { level: 2 })),
  renew: async (session, { sessions, look }) => look(await sessions.regenerate(session, { keep: ['views'] })),
  touch: (session, { sessions }) => sessions.touch(session),
  reload: (session, { sessions }) => sessions.reload(session),
  logout: (session, { sessions }) => sessions.destroy(session),
  'end-one': async (_session, { sessions }) => {
    const [one] = await sessions.list('ada');
    return sessions.destroyById('ada', one?.id ?? '');
  },
  'logout-all': (_session, { sessions }) => sessions.destroyAll('ada'),
  'logout-others': (session, { sessions }) => sessions.destroyAll('ada', { except: session }),
  load: async (session, { sessions, look }) => {
    const loaded = await sessions.load(sessions.info(session).token ?? '');
    if (loaded !== undefined) look(loaded);
  },
  slow: async (session, { barrier }) => {
    session.views = -1;
    await barrier.pass();
  },
  'throws-it': (session) => {
    throw new HttpException({ session, id: session.id, data: { ...session } }, 418);
  },
  'fails-with-it': (session) => {
    throw Object.assign(new Error(`failed: ${inspect(session, true, 9)}`, { cause: { session } }), { session });
  },
  unstorable: (session) => {
    session.value = new Map([[session.id, session]]);
  },
  'too-much': (session) => {
    session.value = 'x'.repeat(100_000);
  },
  reserved: (session) => Object.assign(session, { id: 'mine' }),
  misused: async (session) => {
    await session.regenerate();
    session.views = 5;
  },
};

@Controller()
export class LeakController {
  barrier = new Barrier();

  constructor(
    readonly sessions: SessionService,
    @Inject(Looking) private readonly looking: Looking,
    @Inject(SESSION_STORE) private readonly store: object,
  ) {}

  @Get('redirected')
  @Redirect('/elsewhere', 302)
  async redirected(@Session() session: Session<Data>): Promise<void> {
    await this.sessions.login(session, 'ada');
  }

  /** Stores a session, and looks at all there is while its token is still on the way out. */
  @Post('new')
  async begin(
    @Session() session: Session<Data>,
    @Req() request: object,
    @Res({ passthrough: true }) response: object,
  ): Promise<unknown> {
    session.views = 1;
    await session.save();
    this.look(session);
    await this.lookAround();
    this.looking.hear('the request', inspect(request, { depth: 8 }));
    this.looking.hear('the response', inspect(response, { depth: 8 }));
    return { ...session };
  }

  @Post(':act')
  async act(@Session() session: Session<Data>, @Param('act') name: string): Promise<unknown> {
    this.looking.at('req.session', session);
    const result = await (ACTS[name] as Act)(session, this);
    this.looking.at('req.session, afterwards', session);
    return result ?? { ...session };
  }

  readonly look = (session: Session<Data>): void => {
    const { token: _theNamedPlace, ...info } = this.sessions.info(session);
    this.looking.at('the session', session);
    this.looking.at('SessionService.info', info);
  };

  async lookAround(): Promise<void> {
    this.looking.at('SessionService.list', await this.sessions.list('ada'));
    this.looking.into('SessionService', this.sessions);
    this.looking.into('the store', this.store);
  }
}

/** Prints and answers what it can get hold of, as filters under development do. */
@Catch()
class TalkativeFilter implements ExceptionFilter {
  private readonly logger = new Logger('TalkativeFilter');

  constructor(
    private readonly app: INestApplication,
    private readonly looking: Looking,
  ) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const session = sessionOf(host.switchToHttp().getRequest());
    this.looking.at('an exception', error);
    this.looking.at('the session of an exception', session);
    this.logger.error(error, (error as Error).stack);
    const status = error instanceof HttpException ? error.getStatus() : 500;
    const body = { error: inspect(error, { depth: 9, showHidden: true }), session };
    this.app.getHttpAdapter().reply(host.switchToHttp().getResponse(), body, status);
  }
}

/** The session of a request; what is thrown where it could not be loaded. */
function sessionOf(request: { session?: unknown }): unknown {
  try {
    return request.session;
  } catch (error) {
    return error;
  }
}

export function talkative(looking: Looking): (app: INestApplication) => void {
  return (app) => app.useGlobalFilters(new TalkativeFilter(app, looking));
}
