import { isMarks, type SessionMarks } from '../../session.identity.js';
import { isRecord } from '../../session.record.js';
import type { SessionTimes } from '../session-store.js';
import { RAW_IDS } from './raw-ids.js';

/** What we keep in a session of express-session, which hands it on with each of its writes. */
export interface Kept extends SessionTimes {
  /** The public id of the session that it was written for: express code may copy all data into another one. */
  readonly of: string;
  readonly version: string;
  /** Of the data as they were written with it: other data are a later write of express-session. */
  readonly digest: string;
  /** The cookie's `expires` as it was written with it: another one is a later use. */
  readonly expires: string | null;
  readonly userId?: string;
  readonly marks?: SessionMarks;
  /** Data under names that are not free here. */
  readonly aside?: Record<string, unknown>;
  /** In place of data, what remains of a session whose token was rotated. */
  readonly payload?: string;
}

/** Proves who wrote a text; by the secret of the cookie. */
export interface Seals {
  seal(text: string): string;
  isSealed(text: string, seal: string): boolean;
}

/**
 * Our part of a session as it is stored. For express code it is data like any other, so that a client may get to write
 * it (ASVS 15.3.3): a seal over all of it, the session's name included, tells what we wrote.
 */
export function sealedOf(kept: Kept, seals: Seals): object {
  return { ...kept, seal: seals.seal(textOf(kept)) };
}

/** Our part of a session, if it is that: of this session, whole, and written by us. */
export function keptOf(id: string, value: unknown, seals: Seals): Kept | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { seal, ...rest } = value as { seal?: unknown };
  const kept = rest as Kept;
  if (typeof seal !== 'string' || kept.of !== RAW_IDS.publicIdOf(id)) return undefined;
  const isWhole = isRecord({ payload: '', ...kept }) && (kept.marks === undefined || isMarks(kept.marks));
  return isWhole && isSealed(kept, seal, seals) ? kept : undefined;
}

function isSealed(kept: Kept, seal: string, seals: Seals): boolean {
  try {
    return seals.isSealed(textOf(kept), seal);
  } catch {
    // Nested deeper than the stack: not of ours.
    return false;
  }
}

/** One text for what is equal as JSON: some stores give the keys back in another order. */
function textOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(textOf).join(',')}]`;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, entry]) => `${JSON.stringify(name)}:${textOf(entry)}`).join(',')}}`;
}
