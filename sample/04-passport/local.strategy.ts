import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-local';
import { AccountsService, type User } from './accounts.service.js';

/** Passport's part: whose password is this? It takes `username` and `password` of the body. */
@Injectable()
export class LocalStrategy extends PassportStrategy(Strategy) {
  constructor(private readonly accounts: AccountsService) {
    super();
  }

  /** A body may hold anything in the place of text. `false` answers 401. */
  async validate(username: unknown, password: unknown): Promise<User | false> {
    if (typeof username !== 'string' || typeof password !== 'string' || password.length > 200) return false;
    return (await this.accounts.check(username, password)) ?? false;
  }
}
