import { createHash } from 'node:crypto';

/** A Lua script: one atomic command, sent by its SHA-1 as Redis names scripts. */
export class RedisScript {
  readonly sha: string;

  constructor(readonly text: string) {
    // eslint-disable-next-line no-restricted-syntax -- a name that Redis gives, nothing secret
    this.sha = createHash('sha1').update(text).digest('hex');
  }
}
