import { checkLayerName } from './session.layers.js';

// Global symbols, because an ES module copy and a CommonJS copy of this package can meet in one process.

/** The token under which the application's store is injectable, and replaceable in tests. */
export const SESSION_STORE = Symbol.for('nestjs-token-session.store');

export const SESSION_OPTIONS = Symbol.for('nestjs-token-session.options');
export const SESSION_ENGINE = Symbol.for('nestjs-token-session.engine');

/** The engine of a `SessionModule` itself, within it: of the default layer or of a named one. */
export const MODULE_ENGINE = Symbol.for('nestjs-token-session.module-engine');

/**
 * The token under which a session layer's store is injectable, and replaceable in tests:
 * `overrideProvider(getSessionStoreToken('admin'))`.
 *
 * @param name of the layer, as `forRoot` has it; without it `SESSION_STORE`, the default layer's
 * @throws SessionConfigError `INVALID_OPTION` for what can't be a name
 */
export function getSessionStoreToken(name?: string): symbol {
  return checkLayerName('name', name) === undefined ? SESSION_STORE : tokenOf('store', name);
}

/** The token of a session layer's engine. */
export function engineTokenOf(name: string | undefined): symbol {
  return name === undefined ? SESSION_ENGINE : tokenOf('engine', name);
}

/** The token of a part of a named session layer. */
export function tokenOf(part: string, name: string | undefined): symbol {
  return Symbol.for(`nestjs-token-session.${part}:${String(name)}`);
}
