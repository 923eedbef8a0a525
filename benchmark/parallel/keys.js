/** What requests change that come at once, each another key. */
export const KEYS = Array.from({ length: 10 }, (_, index) => `key${index}`);

/** What a request changes that is still in its handler when the session ends. */
export const LATE = 'late';
