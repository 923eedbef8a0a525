import { createRequire } from 'node:module';
import { join } from 'node:path';
import type * as TypeScript from 'typescript';

/** An import of the root module: `names` from the module `from`. */
export interface NamedImport {
  readonly names: readonly string[];
  readonly from: string;
}

interface Insertion {
  readonly at: number;
  readonly text: string;
}

/**
 * Puts an element into the `imports` of a module class, ahead of those that are there.
 *
 * @returns the changed source; undefined when its `@Module({ … })` can't be read, or TypeScript has no parser to read it with
 */
export function withModuleImport(source: string, element: string, imports: readonly NamedImport[]): string | undefined {
  const typescript = parser();
  if (typescript === undefined) return undefined;
  const file = typescript.createSourceFile('module.ts', source, typescript.ScriptTarget.Latest, true);
  const metadata = metadataIn(typescript, file);
  const insertion = metadata && elementInto(typescript, metadata, element);
  return insertion && inserted(source, [insertion, importsInto(typescript, file, imports)]);
}

/** The `{ … }` of the file's first `@Module`. */
function metadataIn(
  typescript: typeof TypeScript,
  file: TypeScript.SourceFile,
): TypeScript.ObjectLiteralExpression | undefined {
  return file.statements
    .filter(typescript.isClassDeclaration)
    .flatMap((declared) => typescript.getDecorators(declared) ?? [])
    .map(({ expression }) => expression)
    .filter(typescript.isCallExpression)
    .filter((call) => call.expression.getText() === 'Module')
    .map((call) => call.arguments[0])
    .find((argument) => argument !== undefined && typescript.isObjectLiteralExpression(argument));
}

function elementInto(
  typescript: typeof TypeScript,
  metadata: TypeScript.ObjectLiteralExpression,
  element: string,
): Insertion | undefined {
  const property = metadata.properties.find(({ name }) => name?.getText() === 'imports');
  if (property === undefined) return { at: metadata.getStart() + 1, text: `\n  imports: [${element}],` };
  if (!typescript.isPropertyAssignment(property)) return undefined;
  const list = property.initializer;
  if (!typescript.isArrayLiteralExpression(list)) return undefined;
  const start = list.getStart() + 1;
  const [first] = list.elements;
  if (first === undefined) return { at: start, text: element };
  // As the others stand: beside each other, or one a line.
  const before = list.getSourceFile().text.slice(start, first.getStart());
  const gap = before.includes('\n') ? before.slice(before.lastIndexOf('\n')) : ' ';
  return { at: first.getStart(), text: `${element},${gap}` };
}

function importsInto(
  typescript: typeof TypeScript,
  file: TypeScript.SourceFile,
  imports: readonly NamedImport[],
): Insertion {
  const text = imports.map(({ names, from }) => `import { ${names.join(', ')} } from '${from}';`).join('\n');
  const last = file.statements.findLast(typescript.isImportDeclaration);
  return last === undefined ? { at: 0, text: `${text}\n` } : { at: last.getEnd(), text: `\n${text}` };
}

function inserted(source: string, insertions: readonly Insertion[]): string {
  return insertions
    .toSorted((a, b) => b.at - a.at)
    .reduce((text, { at, text: added }) => text.slice(0, at) + added + text.slice(at), source);
}

/** The application's own TypeScript: each Nest application has one, but not each can be called by programs. */
function parser(): typeof TypeScript | undefined {
  try {
    const fromApplication = createRequire(join(process.cwd(), 'package.json'));
    const typescript = fromApplication('typescript') as Partial<typeof TypeScript>;
    return typeof typescript.createSourceFile === 'function' ? (typescript as typeof TypeScript) : undefined;
  } catch {
    return undefined;
  }
}
