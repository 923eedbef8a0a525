import { idOf } from '../../session-token.js';
import type { TokenFormat } from '../session-store.js';

/**
 * What express-session's `genid` may give, within reason: no blanks, quotes, wildcards or braces, which mean something
 * to a store, and no way out of the folder of a store that makes the names of files of ids (H19).
 */
const RAW_ID = /^[\w~:@+=,/-][\w.~:@+=,/-]{0,255}$/;

/** Stands in front of the keys of the user index: no raw id begins with it. */
const OF_USER = '!user-';

/** The ids of express-session: the token itself is the key in the store. Who shows it shows SHA-256 of it. */
export const RAW_IDS: TokenFormat = {
  isToken: (value) => value.length <= 256 && RAW_ID.test(value) && !value.includes('..'),
  idOf: (token) => token,
  publicIdOf: idOf,
};

export function keyOfUser(hash: string): string {
  return OF_USER + hash;
}
