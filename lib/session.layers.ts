import { invalid } from './session.checks.js';
import { SessionConfigError } from './session.errors.js';
import type { SessionTransport } from './transports/session-transport.js';

/** What of a session layer must not be another one's too. */
export interface SessionLayer {
  /** Undefined for the default layer. */
  readonly name: string | undefined;
  readonly transports: readonly SessionTransport[];
  /** As the application gave it. */
  readonly store: object;
}

/** Where an application keeps its session layers: with itself, as both copies of this package can meet in it. */
const LAYERS = Symbol.for('nestjs-token-session.layers');

const NAME = /^[A-Za-z0-9_-]{1,32}$/;

/**
 * Checks the name of a session layer; undefined is the default layer.
 *
 * @param option where it stands
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function checkLayerName(option: string, name: unknown): string | undefined {
  if (name === undefined) return undefined;
  if (typeof name !== 'string' || !NAME.test(name)) {
    invalid(option, name, '1 to 32 letters, digits, underscores and hyphens');
  }
  // Elsewhere in Nest this is the one without a name, and what means that must not make another one.
  if (name === 'default') invalid(option, name, 'another name: the default session layer is the one without a name');
  return name;
}

/** A session layer as messages call it. */
export function layerText(name: string | undefined): string {
  return name === undefined ? 'the default session layer' : `the session layer '${name}'`;
}

/**
 * Adds a session layer to an application, if it is apart from all others. A second default layer is
 * compared with the named ones only: requests use the first, and the mount tells of it.
 *
 * @param app what the application has one of
 * @throws SessionConfigError `CONFLICTING_SESSIONS`
 */
export function addLayer(app: object & { [LAYERS]?: SessionLayer[] }, layer: SessionLayer): void {
  const layers = app[LAYERS] ?? [];
  for (const other of layers) {
    if (layer.name !== undefined || other.name !== undefined) keepApart(other, layer);
  }
  app[LAYERS] = [...layers, layer];
}

function keepApart(one: SessionLayer, other: SessionLayer): void {
  const both = `${layerText(one.name)} and ${layerText(other.name)}`;
  if (one.name === other.name) {
    conflict(
      `${layerText(one.name)} is there twice: import its SessionModule.forRoot() once, or give one another name`,
    );
  }
  if (one.store === other.store) {
    conflict(
      `${both} have the same store, and would list, count and end each other's sessions: give each a store of its ` +
        'own, in a database with a prefix or a table of its own',
    );
  }
  const shared = sharedPlace(one.transports, other.transports);
  if (shared !== undefined) {
    conflict(
      `${both} both have their token in ${shared}, where one would take the other's: name another for one of them, as ` +
        "in cookie({ name: '__Host-admin' }), header('X-Admin-Token'), bearer({ answerIn: 'X-Admin-Token' })",
    );
  }
}

function sharedPlace(ours: readonly SessionTransport[], theirs: readonly SessionTransport[]): string | undefined {
  const taken = new Set(theirs.flatMap(placesOf));
  const shared = ours.flatMap(placesOf).find((place) => taken.has(place));
  return typeof shared === 'object' ? `the transport ${shared.name}` : shared && `the ${shared}`;
}

/** A transport that does not say where its token is can be told apart from others by itself only. */
function placesOf(transport: SessionTransport): (string | SessionTransport)[] {
  return [transport, ...(transport.places ?? [])];
}

function conflict(message: string): never {
  throw new SessionConfigError('CONFLICTING_SESSIONS', `${message.charAt(0).toUpperCase()}${message.slice(1)}.`);
}
