import { Controller, Delete, Get, HttpCode, NotFoundException, Param, Post, Req, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { RequireLogin, Session, SessionService, UserId } from 'nestjs-token-session';
import { AccountsService, type User } from './accounts.service.js';

@Controller()
export class AuthController {
  constructor(
    private readonly sessions: SessionService,
    private readonly accounts: AccountsService,
  ) {}

  /** The guard lets in whom Passport knows; `login` gives them a session under a new token. */
  @Post('sign-in')
  @HttpCode(200)
  @UseGuards(AuthGuard('local'))
  async signIn(@Req() { user }: { user: User }, @Session() sess: Session): Promise<User> {
    await this.sessions.login(sess, user.id);
    return user;
  }

  @Get('profile')
  @RequireLogin()
  profile(@UserId() userId: string): User {
    const user = this.accounts.find(userId);
    if (user === undefined) throw new NotFoundException('This user is gone.');
    return user;
  }

  /** Where the user is signed in, the session used last first. */
  @Get('sessions')
  @RequireLogin()
  async list(@Session() sess: Session, @UserId() userId: string) {
    const sessions = await this.sessions.list(userId);
    return sessions.map(({ id, device }) => ({ id, userAgent: device?.userAgent, isThisOne: id === sess.id }));
  }

  @Delete('sessions/:id')
  @HttpCode(204)
  @RequireLogin()
  async signOutThere(@UserId() userId: string, @Param('id') id: string): Promise<void> {
    if (!(await this.sessions.destroyById(userId, id))) throw new NotFoundException('You have no such session.');
  }

  @Post('sign-out')
  @HttpCode(204)
  signOut(@Session() sess: Session): Promise<void> {
    return this.sessions.destroy(sess);
  }
}
