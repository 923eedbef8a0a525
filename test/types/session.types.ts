import { DefaultValuePipe, Injectable, ParseIntPipe } from '@nestjs/common';
import { Session, SessionService, TokenSession, type SessionInfo } from 'nestjs-token-session';

/** Looks at values whose type is the point. */
function look(..._values: unknown[]): void {
  return;
}

interface Cart {
  items: string[];
  views: number;
}

declare module 'nestjs-token-session' {
  interface SessionData {
    accent: 'red' | 'green';
  }
}

@Injectable()
export class Controller {
  constructor(private readonly sessions: SessionService) {}

  /** One name is the decorator and the type. */
  typed(@Session() session: Session<Cart>): void {
    session.views = (session.views ?? 0) + 1;
    session.items?.push('a');
    delete session.items;
    // @ts-expect-error another type
    session.views = 'many';
    // @ts-expect-error no such key
    session.veiws = 1;
  }

  partial(@Session() session: Session<Cart>): number {
    // @ts-expect-error a session may not have it yet
    session.views.toFixed();
    // @ts-expect-error a session may not have it yet
    return session.views;
  }

  /** Without a type of its own a session has the augmented SessionData. */
  augmented(@Session() session: Session): 'red' | 'green' | undefined {
    session.accent = 'red';
    // @ts-expect-error not one of the values
    session.accent = 'blue';
    // @ts-expect-error not declared
    session.cart = [];
    return session.accent;
  }

  keysAndPipes(
    @Session('theme') _theme: string | undefined,
    @Session('theme', new DefaultValuePipe('light')) _withDefault: string,
    @Session('page', ParseIntPipe, new DefaultValuePipe(1)) _page: number,
    @Session(new DefaultValuePipe(1)) _whole: Session,
    @Session({ name: 'admin' }) _named: Session,
    @Session({ name: 'admin', key: 'page' }, ParseIntPipe) _namedKey: number,
    // @ts-expect-error a name is text
    @Session({ name: 1 }) _numbered: Session,
    // @ts-expect-error a number is no key
    @Session(1) _number: unknown,
    // @ts-expect-error a function is no pipe
    @Session('page', (value: string) => Number(value)) _function: unknown,
    // @ts-expect-error options of other decorators
    @Session({ required: true }) _options: unknown,
  ): void {
    return;
  }

  ownNames(@Session() session: Session<Cart>): void {
    const id: string | undefined = session.id;
    const [isNew, maxAge]: [boolean, number] = [session.isNew, session.maxAge];
    look(id, isNew, maxAge);
    // @ts-expect-error read-only: it follows from the token
    session.id = 'x';
    // @ts-expect-error read-only: storing changes it
    session.isNew = true;
    // @ts-expect-error read-only; limits are options
    session.maxAge = 1;
    // @ts-expect-error the token is only in SessionService.info()
    look(session.token);
  }

  async methods(@Session() session: Session<Cart>): Promise<void> {
    await session.save();
    await session.reload();
    await session.touch();
    await session.destroy();
    void session.save((error: unknown) => error);
    void session.destroy((error) => {
      // @ts-expect-error an error is unknown until it is looked at
      look(error.message);
    });
    const next = await session.regenerate<Cart>({ keep: ['items'] });
    const items: string[] | undefined = next.items;
    void session.regenerate<Cart>((_error, renewed) => renewed?.items);
    void session.regenerate<Cart>({ keep: ['views'] }, (_error, renewed) => renewed?.views);
    // @ts-expect-error keep names keys of the data
    await session.regenerate<Cart>({ keep: ['veiws'] });
    // @ts-expect-error keep is a list
    await session.regenerate<Cart>({ keep: 'items' });
    look(items);
  }

  async service(session: Session<Cart>): Promise<Session<Cart> | undefined> {
    const info: SessionInfo = this.sessions.info(session);
    const token: string | undefined = info.token;
    await this.sessions.save(session);
    await this.sessions.update(session, (draft) => {
      draft.views = (draft.views ?? 0) + 1;
      // @ts-expect-error another type
      draft.items = 1;
      // @ts-expect-error a draft is data: no methods
      look(draft.save);
    });
    const renewed = await this.sessions.regenerate(session, { keep: ['items'] });
    renewed.items?.push('x');
    // @ts-expect-error keep names keys of the data
    await this.sessions.regenerate(session, { keep: ['nothing'] });
    // @ts-expect-error a token names a session, it is none
    await this.sessions.destroy(token);
    // @ts-expect-error a copy of the data is no session
    await this.sessions.save({ views: 1 });
    // @ts-expect-error info can't be changed
    info.idleExpiresAt = 0;
    this.sessions.events$.subscribe((event) => {
      if (event.type === 'session_created') look(event.id.length);
      // @ts-expect-error not every event has a reason
      look(event.reason);
      // @ts-expect-error no such event
      if (event.type === 'session_made') return;
    });
    return this.sessions.load<Cart>(token ?? '');
  }

  isSession(value: unknown): void {
    if (value instanceof TokenSession) void value.save();
  }
}
