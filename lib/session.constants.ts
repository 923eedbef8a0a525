// Global symbols, because an ES module copy and a CommonJS copy of this package can meet in one process.

/** The token under which the application's store is injectable, and replaceable in tests. */
export const SESSION_STORE = Symbol.for('nestjs-token-session.store');

export const SESSION_OPTIONS = Symbol.for('nestjs-token-session.options');
export const SESSION_ENGINE = Symbol.for('nestjs-token-session.engine');
