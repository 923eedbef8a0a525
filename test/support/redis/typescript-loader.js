import { transformFile } from '@swc/core';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import config from '../../../jest.config.js';

/*
 * Hooks of Node with which a child process runs TypeScript as it stands, compiled and mapped as Jest does it in
 * the tests: a build may be older.
 */

const [{ transform, moduleNameMapper }] = config.projects;
const [, options] = transform['^.+\\.ts$'];
const root = new URL('../../../', import.meta.url).href;

export function resolve(specifier, context, next) {
  const [pattern, mapped] =
    Object.entries(moduleNameMapper).find(([pattern]) => new RegExp(pattern).test(specifier)) ?? [];
  if (typeof mapped === 'string') {
    return next(specifier.replace(new RegExp(pattern), mapped).replace('<rootDir>/', root), context);
  }
  if (!specifier.startsWith('.') || !specifier.endsWith('.js')) return next(specifier, context);
  const url = new URL(specifier, context.parentURL);
  return next(existsSync(url) ? specifier : specifier.replace(/\.js$/, '.ts'), context);
}

export async function load(url, context, next) {
  if (!url.endsWith('.ts')) return next(url, context);
  const { code } = await transformFile(fileURLToPath(url), { ...options, swcrc: false });
  return { format: 'module', source: code, shortCircuit: true };
}
