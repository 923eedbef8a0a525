import type { ExecutionContext } from '@nestjs/common';
import type { Reflector } from '@nestjs/core';

/** What a handler or controller requires of the session. */
export interface Requirement {
  /** A user. */
  readonly login?: boolean;
  /** The least level of authentication. */
  readonly level?: number;
  /** How long ago the user may have proved who they are, in ms. */
  readonly maxAge?: number;
}

/** What is required of the session of one layer; without a name the default layer's. */
export interface RequirementOf extends Requirement {
  readonly name?: string | undefined;
}

/** Where a handler or controller says what it requires; read by the guard. */
export const REQUIREMENT = 'nestjs-token-session:requirement';

/** What a handler requires, with what its controller does; where neither says anything, a session of the default layer. */
export function requirementsOf(reflector: Reflector, context: ExecutionContext): readonly RequirementOf[] {
  const [ofHandler, ofClass] = reflector.getAll<(readonly RequirementOf[] | undefined)[]>(REQUIREMENT, [
    context.getHandler(),
    context.getClass(),
  ]);
  if (ofHandler === undefined || ofClass === undefined) return ofHandler ?? ofClass ?? ANY_SESSION;
  return strictest([...ofHandler, ...ofClass]);
}

const ANY_SESSION: readonly RequirementOf[] = [{}];

/** All of these together: one for each layer. */
export function strictest(requirements: readonly RequirementOf[]): RequirementOf[] {
  const layers = new Map<string | undefined, RequirementOf>();
  for (const { name, login, level, maxAge } of requirements) {
    const all = layers.get(name) ?? { name };
    layers.set(name, {
      ...all,
      ...(login !== undefined && { login }),
      ...(level !== undefined && { level: Math.max(level, all.level ?? level) }),
      ...(maxAge !== undefined && { maxAge: Math.min(maxAge, all.maxAge ?? maxAge) }),
    });
  }
  return [...layers.values()];
}
