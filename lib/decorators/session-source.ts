import type { PipeTransform, Type } from '@nestjs/common';
import { invalid } from '../session.checks.js';
import { checkLayerName } from '../session.layers.js';

export type Pipe = Type<PipeTransform> | PipeTransform;

/**
 * Tells the options of a parameter decorator from its pipes.
 *
 * @param who the decorator
 * @param known what it takes
 * @returns the checked options, where the first argument is that, and the pipes
 * @throws SessionConfigError `INVALID_OPTION`
 */
export function optionsAndPipes<T extends { name?: string | undefined }>(
  who: string,
  [first, ...others]: readonly (T | Pipe | undefined)[],
  known: readonly (keyof T & string)[],
): [options: T | undefined, pipes: Pipe[]] {
  const pipes = others as Pipe[];
  if (first === undefined) return [undefined, pipes];
  if (typeof first === 'function' || isPipe(first)) return [undefined, [first, ...pipes]];
  const takes = `a pipe, or { ${known.join(', ')} }`;
  if (typeof first !== 'object' || (first as object | null) === null) invalid(who, first, takes);
  const unknown = Object.keys(first).find((name) => !(known as readonly string[]).includes(name));
  if (unknown !== undefined) invalid(`${who} ${unknown}`, 'no such option', takes);
  checkLayerName(`${who} name`, first.name);
  return [first, pipes];
}

function isPipe(value: unknown): value is PipeTransform {
  return typeof (value as Partial<PipeTransform> | null)?.transform === 'function';
}
