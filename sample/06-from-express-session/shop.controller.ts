import { Body, Controller, Get, HttpCode, Post, UnauthorizedException } from '@nestjs/common';
import { RequireLogin, Session, SessionService, UserId } from 'nestjs-token-session';
import { checkPassword } from './accounts.js';
import type { Shop } from './shared.js';

@Controller()
export class ShopController {
  constructor(private readonly sessions: SessionService) {}

  @Get('me')
  me(@Session() { userId, cart }: Session<Shop>) {
    return { user: userId ?? null, cart: cart ?? [] };
  }

  @Post('cart')
  @HttpCode(200)
  addToCart(@Session() sess: Session<Shop>, @Body() body?: { item?: unknown }) {
    sess.cart = [...(sess.cart ?? []), String(body?.item).slice(0, 50)];
    return { cart: sess.cart };
  }

  @Post('sign-in')
  @HttpCode(200)
  async signIn(@Session() sess: Session<Shop>, @Body() body: unknown) {
    const userId = await checkPassword(body);
    if (userId === undefined) throw new UnauthorizedException('The user or the password is wrong.');
    // A new token, the cart, and who it is: where express-session finds it, too.
    const fresh = await this.sessions.regenerate(sess, { keep: ['cart'] });
    fresh.userId = userId;
    return { user: userId };
  }

  @Post('sign-out')
  @HttpCode(204)
  signOut(@Session() sess: Session<Shop>): Promise<void> {
    return this.sessions.destroy(sess);
  }

  /** What there was no way to ask before: where a user is signed in. It ends both kinds of sessions. */
  @Post('sign-out-everywhere')
  @HttpCode(204)
  @RequireLogin()
  async signOutEverywhere(@UserId() userId: string): Promise<void> {
    await this.sessions.destroyAll(userId);
  }
}
