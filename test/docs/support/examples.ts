import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from './pages.js';

const compilerOptions: ts.CompilerOptions = {
  module: ts.ModuleKind.CommonJS,
  target: ts.ScriptTarget.ES2022,
  esModuleInterop: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
};

/** What the block of a page that has this text exports: run as a reader would copy it. */
export async function exampleOf<T>(page: string, text: string): Promise<T> {
  const blocks = [...readFileSync(join(root, page), 'utf8').matchAll(/^```ts\n(.*?)^```/gms)];
  const found = blocks.map(([, block = '']) => block).filter((block) => block.includes(text));
  if (found.length !== 1) throw new Error(`${page} has ${String(found.length)} blocks with ${text}`);
  const { outputText } = ts.transpileModule(found[0] ?? '', { compilerOptions });
  const modules = new Map<string, unknown>();
  for (const [, name = ''] of outputText.matchAll(/require\("([^"]+)"\)/g)) modules.set(name, await import(name));
  const exported = {};
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  const run = new Function('require', 'exports', outputText) as (load: (name: string) => unknown, into: object) => void;
  run((name) => modules.get(name), exported);
  return exported as T;
}
