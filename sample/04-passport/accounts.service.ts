import { scrypt, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';

export interface User {
  /** What sessions are bound to: a name may change, an id may not. */
  readonly id: string;
  readonly name: string;
}

interface Account extends User {
  readonly passwordHash: string;
}

/** In production: a table. The quick start shows how such a hash is made. */
const ACCOUNTS: ReadonlyMap<string, Account> = new Map([
  [
    'ada',
    {
      id: 'user-1',
      name: 'Ada',
      passwordHash: 'scrypt$16384$8$5$SabcB7kFteAETdXuPTiaMw$jLBrnWVMUvc__IL_e2H2MOggVSXIwdkcwYF9191sf-Q',
    },
  ],
  [
    'grace',
    {
      id: 'user-2',
      name: 'Grace',
      passwordHash: 'scrypt$16384$8$5$LJxxBrj6LNLt835y7wtKdA$b3ESWo5ELiKBqNhq-QaTeYXiA4FYsM1dwHn8A-kEl4Y',
    },
  ],
]);

/** Matches no password. */
const DECOY = 'scrypt$16384$8$5$M6XxO-1yzYr7XPy9UM8gRw$iU4rk8JnlU7IsCBH67cp1K4HiiXD8KLy9k_3BG4Cv3k';

@Injectable()
export class AccountsService {
  find(id: string): User | undefined {
    const account = [...ACCOUNTS.values()].find((each) => each.id === id);
    return account && { id, name: account.name };
  }

  /** Undefined when user or password is wrong: after the same work, so that time does not tell which. */
  async check(username: string, password: string): Promise<User | undefined> {
    const account = ACCOUNTS.get(username);
    const matches = await this.matches(password, account?.passwordHash ?? DECOY);
    return matches && account !== undefined ? { id: account.id, name: account.name } : undefined;
  }

  private matches(password: string, hash: string): Promise<boolean> {
    const [, N, r, p, salt = '', key = ''] = hash.split('$');
    const expected = Buffer.from(key, 'base64url');
    const cost = { N: Number(N), r: Number(r), p: Number(p), maxmem: 64 * 1024 * 1024 };
    return new Promise((resolve, reject) => {
      scrypt(password.normalize('NFKC'), Buffer.from(salt, 'base64url'), expected.length, cost, (error, actual) =>
        error === null ? resolve(timingSafeEqual(actual, expected)) : reject(error),
      );
    });
  }
}
