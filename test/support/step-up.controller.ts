import { Body, Controller, Delete, Get, Param, Post, Res } from '@nestjs/common';
import { Session, SessionService, type LoginOptions } from 'nestjs-token-session';
import type { ServerResponse } from 'node:http';
import type { Barrier } from './barrier.js';

type Data = Record<string, unknown>;
type Stronger = { level?: number };

/** Where slow requests wait, with their session loaded: `slow.until = new Barrier()`. */
export const slow: { until: Barrier | undefined } = { until: undefined };

/** A user who signs in, and then proves more. */
@Controller()
export class StepUpController {
  constructor(private readonly sessions: SessionService) {}

  @Get('data') data(@Session() sess: Session<Data>): Data {
    return { ...sess };
  }

  @Get('info') info(@Session() sess: Session): unknown {
    return this.sessions.info(sess);
  }

  @Get('list') list(): Promise<unknown> {
    return this.sessions.list('ada');
  }

  @Post('login') async login(@Session() sess: Session<Data>, @Body() options: LoginOptions<Data>): Promise<void> {
    Object.assign(await this.sessions.login(sess, 'ada', options), { cart: 1, nested: { a: [{ b: 'c' }] } });
  }

  @Post('assign') assign(@Session() sess: Session<Data>, @Body() data: Data): void {
    Object.assign(sess, data);
  }

  @Delete('data/:key') remove(@Session() sess: Session<Data>, @Param('key') key: string): void {
    Reflect.deleteProperty(sess, key);
  }

  @Post('reauthenticate') async reauthenticate(@Session() sess: Session, @Body() options: Stronger): Promise<void> {
    await slow.until?.pass();
    await this.sessions.reauthenticate(sess, options);
  }

  @Post('change-and-reauthenticate')
  async changing(@Session() sess: Session<Data>, @Body() options: Stronger): Promise<unknown> {
    Object.assign(sess, { before: true });
    const held = sess['nested'] as { a: unknown[] };
    const next = await this.sessions.reauthenticate(sess, options);
    held.a.push('to the old one');
    Object.assign(next, { after: true });
    try {
      sess['cart'] = 2;
      return 'changed';
    } catch (error) {
      return (error as { code: string }).code;
    }
  }

  @Post('answered') async answered(@Session() sess: Session<Data>, @Res() response: object): Promise<void> {
    const { raw = response } = response as { raw?: object };
    const answer = raw as ServerResponse;
    await new Promise((sent) => answer.write('begun ', sent));
    const outcome = await this.sessions.reauthenticate(sess).then(
      () => 'done',
      (error: unknown) => (error as { code: string }).code,
    );
    answer.end(outcome);
  }

  @Post('destroyed') async destroyed(@Session() sess: Session): Promise<string> {
    await this.sessions.destroy(sess);
    return this.sessions.reauthenticate(sess).then(
      () => 'done',
      (error: unknown) => (error as { code: string }).code,
    );
  }

  @Post('regenerate') async regenerate(@Session() sess: Session<Data>): Promise<void> {
    await this.sessions.regenerate(sess, { keep: ['cart'] });
  }

  @Post('destroy') async destroy(@Session() sess: Session): Promise<void> {
    await slow.until?.pass();
    await this.sessions.destroy(sess);
  }
}
