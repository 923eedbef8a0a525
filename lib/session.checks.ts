import { SessionConfigError } from './session.errors.js';

/** Refuses an option: its name, what it takes, what came. */
export function invalid(name: string, value: unknown, takes: string): never {
  throw new SessionConfigError('INVALID_OPTION', `Session option ${name}: takes ${takes}; got ${shown(value)}.`);
}

/** Whether this is an object with all these methods, its own or inherited. */
export function hasMethods(value: unknown, methods: readonly string[]): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    methods.every((method) => typeof (value as Record<string, unknown>)[method] === 'function')
  );
}

function shown(value: unknown): string {
  if (typeof value === 'string') return `'${value}'`;
  if (typeof value === 'function') return value.name === '' ? 'a function' : `the function or class ${value.name}`;
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
