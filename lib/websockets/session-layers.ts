import type { ModulesContainer } from '@nestjs/core';
import { MODULE_ENGINE } from '../session.constants.js';
import type { SessionEngine } from '../session.engine.js';
import { SessionConfigError } from '../session.errors.js';

/**
 * The session layers of an application: that without a name first, then the named ones.
 *
 * @throws SessionConfigError `INVALID_OPTION` where there is none
 */
export function sessionLayersOf(modules: ModulesContainer): readonly SessionEngine[] {
  const found = [...modules.values()].flatMap(({ providers }) => {
    const engine: unknown = providers.get(MODULE_ENGINE)?.instance;
    return engine === undefined || engine === null ? [] : [engine as SessionEngine];
  });
  // Of a layer that is imported twice requests use the first.
  const layers = new Map(found.toReversed().map((engine) => [engine.options.name, engine]));
  if (layers.size > 0) return [...layers.values()].toSorted((one, other) => rankOf(one) - rankOf(other));
  throw new SessionConfigError(
    'INVALID_OPTION',
    'SessionSocketsModule needs the sessions of SessionModule.forRoot() or forRootAsync(): import that, too.',
  );
}

function rankOf({ options }: SessionEngine): number {
  return options.name === undefined ? 0 : 1;
}
