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

/** Where a handler or controller says what it requires; read by the guard. */
export const REQUIREMENT = 'nestjs-token-session:requirement';

/** What a handler requires, with what its controller does. */
export function requirementOf(reflector: Reflector, context: ExecutionContext): Requirement {
  return strictest(
    reflector.getAll<(Requirement | undefined)[]>(REQUIREMENT, [context.getHandler(), context.getClass()]),
  );
}

/** All of these together. */
export function strictest(requirements: readonly (Requirement | undefined)[]): Requirement {
  let all: Requirement = {};
  for (const { login, level, maxAge } of requirements.filter((requirement) => requirement !== undefined)) {
    all = {
      ...all,
      ...(login !== undefined && { login }),
      ...(level !== undefined && { level: Math.max(level, all.level ?? level) }),
      ...(maxAge !== undefined && { maxAge: Math.min(maxAge, all.maxAge ?? maxAge) }),
    };
  }
  return all;
}
