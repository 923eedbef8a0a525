import { scrypt, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';

/** User and password hash. In production: a table; the quick start shows how such a hash is made. */
const ACCOUNTS = new Map([
  ['ada', 'scrypt$16384$8$5$UTH4Y4b-PdUav7Ou-jgfRw$ozu-8oYra9fxswA27M8pfVXAEl_A_bEmILApepFNPWE'],
  ['grace', 'scrypt$16384$8$5$5D0PW7rVUH4vFFkY-sPdYQ$jceB1HM2_4MC3DXQhyFvm_D-ujJYa9rI3_bzXGYTeQ8'],
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
