import { Body, Controller, Header, HttpCode, Post, UnauthorizedException } from '@nestjs/common';
import { Session, SessionService } from 'nestjs-token-session';
import { sessionView, type SessionView, type Visit } from '../session-view.js';
import { AccountsService } from './accounts.service.js';
import { CredentialsPipe, type Credentials } from './credentials.pipe.js';

@Controller('api/sign-in')
export class SignInController {
  constructor(
    private readonly sessions: SessionService,
    private readonly accounts: AccountsService,
  ) {}

  @Post()
  @HttpCode(200)
  @Header('Cache-Control', 'no-store')
  async signIn(
    @Session() sess: Session<Visit>,
    @Body(CredentialsPipe) { user, password, label }: Credentials,
  ): Promise<SessionView> {
    const account = await this.accounts.find(user);
    if (!(await this.accounts.matches(account, password)) || account === undefined) throw wrongCredentials();

    const signedIn = await this.sessions.login(sess, account.id, {
      ...(label !== undefined && { label }),
      // What somebody did before they signed in goes along; what another user did does not.
      keep: this.sessions.info(sess).userId === undefined ? ['views'] : [],
    });

    // The password may have been changed, and all sessions ended, while it was checked here.
    const now = await this.accounts.find(user);
    if (now?.credentialVersion !== account.credentialVersion) {
      await this.sessions.destroy(signedIn);
      throw wrongCredentials();
    }
    return sessionView(this.sessions, signedIn);
  }
}

/** The same answer for a wrong name and for a wrong password. */
function wrongCredentials(): UnauthorizedException {
  const message = 'The user or the password is wrong.';
  return new UnauthorizedException({ statusCode: 401, error: 'Unauthorized', code: 'WRONG_CREDENTIALS', message });
}
