import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';

interface Cost {
  N: number;
  r: number;
  p: number;
}

const SALT_BYTES = 16;
const KEY_BYTES = 32;

/** Passwords as text for a database: `scrypt$N$r$p$salt$key`. The cost stands in it, so that it can be raised later. */
@Injectable()
export class PasswordHasher {
  /** 16 MiB and about 0.2 s for each try: OWASP Password Storage Cheat Sheet. */
  protected readonly cost: Cost = { N: 2 ** 14, r: 8, p: 5 };

  async hash(password: string): Promise<string> {
    const { N, r, p } = this.cost;
    const salt = randomBytes(SALT_BYTES);
    const key = await derive(password, salt, KEY_BYTES, this.cost);
    return ['scrypt', N, r, p, salt.toString('base64url'), key.toString('base64url')].join('$');
  }

  async matches(password: string, hash: string): Promise<boolean> {
    const [, N, r, p, salt = '', key = ''] = hash.split('$');
    const expected = Buffer.from(key, 'base64url');
    const cost = { N: Number(N), r: Number(r), p: Number(p) };
    const actual = await derive(password, Buffer.from(salt, 'base64url'), expected.length, cost);
    return timingSafeEqual(actual, expected);
  }
}

/** Off the event loop: other requests go on meanwhile. */
function derive(password: string, salt: Buffer, length: number, { N, r, p }: Cost): Promise<Buffer> {
  // What OpenSSL needs; Node's default limit would refuse a higher cost.
  const maxmem = 128 * r * (N + p + 2);
  return new Promise((resolve, reject) => {
    // The same characters can be typed as different code points: NFKC makes them one (NIST SP 800-63B).
    scrypt(password.normalize('NFKC'), salt, length, { N, r, p, maxmem }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
