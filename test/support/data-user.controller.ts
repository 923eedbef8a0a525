import { Body, Controller, Delete, Get, Param, Post, Req, Res } from '@nestjs/common';
import { RequireLogin, RequireRecentLogin, Session, SessionService } from 'nestjs-token-session';
import type { ServerResponse } from 'node:http';
import type { Barrier } from './barrier.js';

type Data = Record<string, unknown>;

/** Where slow requests wait, with their session loaded: `slow.until = new Barrier()`. */
export const slow: { until: Barrier | undefined } = { until: undefined };

/** The option `userIdOf` of these applications: `req.session.user = user.id` signs in. */
export const userIdOf = ({ user }: Readonly<Data>): string => user as string;

/** Sessions of code that never calls `login`: who is signed in stands in the data. */
@Controller()
export class DataUserController {
  constructor(private readonly sessions: SessionService) {}

  @Get('plain') plain(): string {
    return 'plain';
  }

  @Get('data') data(@Session() sess: Session<Data>): Data {
    return { ...sess };
  }

  @Get('info') info(@Session() sess: Session): unknown {
    return this.sessions.info(sess);
  }

  @RequireLogin() @Get('account') account(): string {
    return 'reached';
  }

  @RequireRecentLogin('10m') @Get('recent') recent(): string {
    return 'reached';
  }

  @Post('assign') async assign(@Session() sess: Session<Data>, @Body() data: Data): Promise<void> {
    await slow.until?.pass();
    Object.assign(sess, data);
  }

  @Delete('data/:key') async remove(@Session() sess: Session<Data>, @Param('key') key: string): Promise<void> {
    await slow.until?.pass();
    Reflect.deleteProperty(sess, key);
  }

  /** Saves in the middle, and goes on with the session that it has. */
  @Post('save')
  async save(
    @Session() sess: Session<Data>,
    @Body() data: Data,
    @Req() request: { session: unknown },
  ): Promise<unknown> {
    const before = this.sessions.info(sess);
    Object.assign(sess, data);
    await sess.save();
    const after = this.sessions.info(sess);
    sess['afterwards'] = true;
    return { before, after, id: sess.id, isSame: request.session === sess };
  }

  /** As the application may see the failure of a save itself. */
  @Post('caught') async caught(@Session() sess: Session<Data>, @Body() data: Data): Promise<unknown> {
    const earlier = { ...sess };
    Object.assign(sess, data);
    return sess.save().then(
      () => 'saved',
      (error: unknown) => {
        for (const key of Object.keys(data)) {
          if (key in earlier) sess[key] = earlier[key];
          else Reflect.deleteProperty(sess, key);
        }
        const { name, code, message } = error as Error & { code?: string };
        return { name, code, message };
      },
    );
  }

  /** A save whose failure nobody looks at: the commit has to make it good, or to tell. */
  @Post('saved-or-not') async savedOrNot(@Session() sess: Session<Data>, @Body() data: Data): Promise<void> {
    Object.assign(sess, data);
    await sess.save().catch(() => undefined);
  }

  @Post('save-and-change') async saveAndChange(@Session() sess: Session<Data>, @Body() data: Data): Promise<void> {
    Object.assign(sess, data);
    const saved = sess.save();
    sess['meanwhile'] = true;
    await saved;
  }

  @Post('freeze') freeze(@Session() sess: Session<Data>, @Body() data: Data): void {
    Object.freeze(Object.assign(sess, data));
  }

  /** Changes its data in place after the answer has begun, when no token can be sent any more. */
  @Post('answered') async answered(
    @Session() sess: Session<{ account: { id: string } }>,
    @Body() { id }: { id: string },
    @Res() response: object,
  ): Promise<void> {
    const { raw = response } = response as { raw?: object };
    const answer = raw as ServerResponse;
    await new Promise((sent) => answer.write('begun ', sent));
    if (sess.account !== undefined) sess.account.id = id;
    const outcome = await sess.save().then(
      () => 'saved',
      (error: unknown) => (error as { code: string }).code,
    );
    answer.end(outcome);
  }

  @Post('rename') rename(@Session() sess: Session<{ account: { id: string } }>, @Body() { id }: { id: string }): void {
    if (sess.account !== undefined) sess.account.id = id;
  }

  @Post('update') async update(@Session() sess: Session<Data>, @Body() data: Data): Promise<void> {
    await this.sessions.update<Data>(sess, (draft) => Object.assign(draft, data));
  }

  @Post('regenerate')
  async regenerate(@Session() sess: Session<Data>, @Body() { keep, ...data }: Data): Promise<void> {
    Object.assign(sess, data);
    await this.sessions.regenerate(sess, { keep: keep as string[] });
  }

  @Post('reauthenticate') async reauthenticate(@Session() sess: Session<Data>, @Body() data: Data): Promise<void> {
    for (const [key, value] of Object.entries(data)) {
      if (value === null) Reflect.deleteProperty(sess, key);
      else sess[key] = value;
    }
    await this.sessions.reauthenticate(sess);
  }

  @Post('login') async login(@Session() sess: Session<Data>, @Body() data: Data): Promise<void> {
    Object.assign(await this.sessions.login(sess, 'ada'), data);
  }

  @Post('destroy') async destroy(@Session() sess: Session): Promise<void> {
    await slow.until?.pass();
    await this.sessions.destroy(sess);
  }
}
