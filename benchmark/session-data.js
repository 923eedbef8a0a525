import { isDeepStrictEqual } from 'node:util';

/** How many bytes of JSON the session's data takes. */
export const SIZE = 400;

/** A session of another size, to see what the store makes of it. */
export const LARGE_SIZE = 4_096;

/** The largest that the default of our `maxBytes` allows. */
export const HUGE_SIZE = 65_536;

/** Counting from here never changes the number of digits, nor the size. */
export const FIRST_COUNT = 1_000_000;

const data = {
  userId: '7f0c2b9e-3d41-4c55-9c0e-5a2f7d1e8b64',
  name: 'Ada Lovelace',
  email: 'ada.lovelace@example.com',
  roles: ['editor', 'reviewer'],
  settings: { theme: 'dark', locale: 'en-GB', timeZone: 'Europe/London', compact: false },
  cart: [
    { sku: 'B-1001', quantity: 2 },
    { sku: 'B-2040', quantity: 1 },
  ],
  flash: null,
  note: '',
  count: FIRST_COUNT,
};
const emptySize = JSON.stringify(data).length;

/** What a new session gets. */
export const sessionData = (size = SIZE) => structuredClone({ ...data, note: 'x'.repeat(size - emptySize) });

/** A session's data without what a session layer keeps beside it (`cookie`). */
export const dataOf = (session) => Object.fromEntries(Object.keys(data).map((key) => [key, session[key]]));

/** Whether this is a session's data after so many writes. */
export const isDataAfter = (found, writes, size = SIZE) =>
  isDeepStrictEqual(found, { ...sessionData(size), count: FIRST_COUNT + writes });
