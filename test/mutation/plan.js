import { TARGETS } from './targets.js';

export const fileOf = (target) => target.split(':')[0];

/** Where Stryker puts what it found, without the ending. */
export const reportOf = (target) => `test/mutation/reports/${fileOf(target).slice('lib/'.length).replaceAll('/', '.')}`;

/** What this run changes, `lib/session.ts` or `lib/session.ts:10-40`, and the specs that must notice. */
export const target = process.env.MUTATE;
export const specs = target === undefined ? [] : TARGETS[fileOf(target)];
