import { randomBytes } from 'node:crypto';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { PasswordHasher } from './password-hasher.js';

export interface Account {
  /** The name that the user signs in with. Where names can change, sessions need an id that can't. */
  readonly id: string;
  readonly passwordHash: string;
  /** Changes with each change of the password. */
  readonly credentialVersion: number;
}

/** Who there is to sign in as. The page shows these too; no real password belongs in code. */
export const DEMO_ACCOUNTS: readonly { id: string; password: string }[] = [
  { id: 'ada', password: 'first-program' },
  { id: 'grace', password: 'first-compiler' },
];

/** The accounts, in the memory of this process. In production: a table. */
@Injectable()
export class AccountsService implements OnModuleInit {
  private readonly accounts = new Map<string, Account>();
  /** Matches no password. */
  private decoy = '';

  constructor(private readonly hasher: PasswordHasher) {}

  async onModuleInit(): Promise<void> {
    const accounts = DEMO_ACCOUNTS.map(({ id, password }) => this.setPassword(id, password));
    this.decoy = await this.hasher.hash(randomBytes(32).toString('base64'));
    await Promise.all(accounts);
  }

  async find(id: string): Promise<Account | undefined> {
    return this.accounts.get(id);
  }

  /** Takes as long for an account that does not exist, so that the time does not tell which ones do. */
  matches(account: Account | undefined, password: string): Promise<boolean> {
    return this.hasher.matches(password, account?.passwordHash ?? this.decoy);
  }

  /** Call `SessionService.destroyAll` after it: whoever knew the old password may be signed in. */
  async setPassword(id: string, password: string): Promise<void> {
    const passwordHash = await this.hasher.hash(password);
    const credentialVersion = (this.accounts.get(id)?.credentialVersion ?? 0) + 1;
    this.accounts.set(id, { id, passwordHash, credentialVersion });
  }
}
