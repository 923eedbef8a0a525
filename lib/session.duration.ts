import { parse } from '@lukeed/ms';

/** A time in ms, or text such as `'30m'`, `'12h'`, `'90d'`. */
export type Duration = number | string;

/** What a duration has to be, for messages. */
export const DURATION = "a whole number of ms of at least 1, or text such as '30m', '12h', '90d'";

/** A duration in ms; undefined for what is none. */
export function toMs(value: unknown): number | undefined {
  const ms = typeof value === 'string' ? parse(value) : value;
  // Past a day's worth of centuries sums would stop being exact; a fraction of a ms means nothing.
  const isDuration = typeof ms === 'number' && Number.isSafeInteger(ms) && ms >= 1 && ms <= MAX;
  return isDuration ? ms : undefined;
}

const MAX = Number.MAX_SAFE_INTEGER / 1024;
