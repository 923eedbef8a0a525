import type { SessionRecord } from 'nestjs-token-session';
import type { OpenStore } from 'nestjs-token-session/testing';
import { altered, broken, changed, refusing } from './broken-store.js';

/** The data of a payload after something was done to it. */
function reparsed(payload: string): string {
  const start = payload.indexOf('\n') + 1;
  try {
    return payload.slice(0, start) + JSON.stringify(JSON.parse(payload.slice(start)));
  } catch {
    return payload;
  }
}

export const BROKEN_VALUES = {
  'that cuts text at a NUL': altered((payload) => payload.split('\u0000')[0] as string),
  'that takes no text for none': altered((payload) => (payload === '' ? 'null' : payload)),
  'that trims text': altered((payload) => payload.trim()),
  'that strips the last line break': altered((payload) => payload.replace(/\n$/, '')),
  'that makes one line break of two characters': altered((payload) => payload.replace(/\r\n?/g, '\n')),
  'that drops control characters': altered((payload) => payload.replace(/[\u0001-\u0009\u000b-\u001f]/g, '')),
  'that takes escapes away': altered((payload) => payload.replaceAll('\\', '')),
  'that has three bytes for a character': altered((payload) => payload.replace(/[\u{10000}-\u{10ffff}]/gu, '?')),
  'that normalises text': altered((payload) => payload.normalize()),
  'that drops a byte order mark': altered((payload) => payload.replace('\ufeff', '')),
  'that breaks lines where Unicode does': altered((payload) => payload.replace(/[\u2028\u2029\u0085]/g, '\n')),
  'that drops what it can not show': altered((payload) => payload.replace(/[\ufffd-\uffff]/g, '')),
  'that doubles apostrophes': altered((payload) => payload.replaceAll("'", "''")),
  'that formats text': altered((payload) => payload.replaceAll('%%', '%')),
  'that takes JSON apart': altered((payload) => {
    try {
      return JSON.stringify(Object.assign({}, JSON.parse(payload)));
    } catch {
      return payload;
    }
  }),
  'that takes names apart': altered((payload) => payload.replaceAll('"__proto__"', '"proto"')),
  'that takes data apart': altered(reparsed),
  'that takes keys apart': altered((payload) => payload.replaceAll('$set', 'set')),
  'that reads what it keeps as its own': altered((payload) => payload.replace(/^0\w+ /, '')),
  'that keeps 2,000 characters': altered((payload) => payload.slice(0, 2_000)),
  'that keeps 900,000 characters': altered((payload) => payload.slice(0, 300_000)),
  'that trims versions': broken(({ update }) => ({
    update: (id, record, version) => update(id, record, version.trim()),
  })),
  'that normalises user ids': changed(({ userId, ...record }) => ({
    ...record,
    ...(userId !== undefined && { userId: userId.normalize() }),
  })),
  'that keeps times as 32 bits': changed(({ idleTimeout, ...record }) => ({ ...record, idleTimeout: idleTimeout | 0 })),
  'that keeps times of 15 digits': changed(({ idleTimeout, ...record }) => ({
    ...record,
    idleTimeout: idleTimeout > 1e15 ? 0 : idleTimeout,
  })),
  'that keeps seconds': changed(({ usedAt, ...record }) => ({ ...record, usedAt: Math.ceil(usedAt / 1_000) * 1_000 })),
  'that takes 0 for none': changed(({ startedAt, ...record }) => ({ ...record, startedAt: startedAt || 1e12 })),
  'that refuses fractions': refuses(
    ({ usedAt, idleTimeout }) => !Number.isInteger(usedAt) || !Number.isInteger(idleTimeout),
  ),
  'that keeps times of a wall clock': changed(({ startedAt, ...record }) => ({
    ...record,
    startedAt: wallClock(startedAt),
  })),
} satisfies Record<string, OpenStore>;

/** Half of an hour that a clock on the wall shows twice. */
function wallClock(time: number): number {
  const change = Date.UTC(2026, 9, 25, 1);
  return time >= change && time < change + 3_600_000 ? time - 3_600_000 : time;
}

function refuses(isRefused: (record: SessionRecord) => boolean): OpenStore {
  return changed((record) => {
    if (isRefused(record)) throw new Error('invalid record');
    return record;
  });
}

/** Ids that have a meaning somewhere. */
export const BROKEN_IDS = {
  'that refuses an empty id': refusing((id) => id === ''),
  'that refuses a blank id': refusing((id) => id === ' '),
  'that refuses long ids': refusing((id) => id.length > 255),
  'that refuses a NUL': refusing((id) => id.includes('\u0000')),
  'that refuses ill-formed ids': refusing((id) => !id.isWellFormed()),
  'that sends lines': refusing((id) => /[\r\n]/.test(id)),
  'that keeps files': refusing((id) => id.includes('/')),
  'that builds statements': refusing((id) => id.includes("'")),
  'that looks for patterns': refusing((id) => id.includes('*')),
  'that looks for patterns of SQL': refusing((id) => id.includes('%')),
  'that has slots': refusing((id) => id.includes('{')),
  'that keeps an object': refusing((id) => id in {}),
  'that checks the form of ids': refusing((id) => !/^[\w-]{43}$/.test(id)),
} satisfies Record<string, OpenStore>;
