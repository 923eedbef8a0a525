import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as nest from '@nestjs/common';
import * as sessions from 'nestjs-token-session';
import ts from 'typescript';

const PAGE = readFileSync(join(import.meta.dirname, '../../../docs/events.md'), 'utf8');

/** A row of the table of events, as text without the backticks around it. */
export interface Row {
  readonly type: string;
  readonly fields: readonly string[];
  /** Those that are not always there. */
  readonly optional: readonly string[];
  readonly level: string;
  readonly vocabulary: string;
  readonly remedy: string;
}

/** The table of docs/events.md. */
export const ROWS: readonly Row[] = PAGE.split('\n')
  .filter((line) => /^\| `/.test(line))
  .map((line) => {
    const [type = '', , fields = '', level = '', vocabulary = '', remedy = ''] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    const names = [...fields.matchAll(/`(\w+\??)`/g)].map(([, name = '']) => name);
    return {
      type: bare(type),
      fields: names.map((name) => name.replace('?', '')),
      optional: names.filter((name) => name.endsWith('?')).map((name) => name.slice(0, -1)),
      level: bare(level),
      vocabulary,
      remedy,
    };
  });

function bare(cell: string): string {
  return cell.replaceAll('`', '');
}

interface Recipe {
  lineOf(event: sessions.SessionEvent, at: Date): string;
  SecurityLog: nest.Type;
}

/** The recipe of docs/events.md, as it stands there. */
export function recipe(): Recipe {
  const blocks = [...PAGE.matchAll(/^```ts\n(.*?)^```/gms)].map(([, code = '']) => code);
  const code = blocks.find((block) => block.includes('function lineOf(')) ?? '';
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: {
      module: ts.ModuleKind.CommonJS,
      target: ts.ScriptTarget.ES2022,
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    },
  });
  const modules: Record<string, unknown> = { '@nestjs/common': nest, 'nestjs-token-session': sessions };
  const load = createRequire(import.meta.url);
  const exported = {};
  // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- our own page
  new Function('require', 'exports', outputText)((name: string) => modules[name] ?? (load(name) as unknown), exported);
  return exported as Recipe;
}
