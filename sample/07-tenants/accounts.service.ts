import { scrypt, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';

/** Users by tenant, and their password hashes: two people called Ada. In production: a table; the quick start shows how such a hash is made. */
const ACCOUNTS = new Map([
  ['acme/ada', 'scrypt$16384$8$5$SabcB7kFteAETdXuPTiaMw$jLBrnWVMUvc__IL_e2H2MOggVSXIwdkcwYF9191sf-Q'],
  ['globex/ada', 'scrypt$16384$8$5$LJxxBrj6LNLt835y7wtKdA$b3ESWo5ELiKBqNhq-QaTeYXiA4FYsM1dwHn8A-kEl4Y'],
]);

/** Matches no password. */
const DECOY = 'scrypt$16384$8$5$M6XxO-1yzYr7XPy9UM8gRw$iU4rk8JnlU7IsCBH67cp1K4HiiXD8KLy9k_3BG4Cv3k';

@Injectable()
export class AccountsService {
  /** The user's id, or undefined when user or password is wrong: after the same work, so that time does not tell which. */
  async check(user: string, password: string): Promise<string | undefined> {
    const hash = ACCOUNTS.get(user);
    const matches = await this.matches(password, hash ?? DECOY);
    return matches && hash !== undefined ? user : undefined;
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
