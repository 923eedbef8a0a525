import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { DOCS, root, SAMPLES } from './support/pages.js';

interface Block {
  /** Where a reader finds it: `README.md:42`. */
  readonly place: string;
  readonly file: string;
  readonly code: string;
}

/** A file of a tutorial, by its first line: `// src/app.module.ts`. */
const FILE = /^\/\/ (src\/[\w./-]+\.ts)\r?\n/;

/**
 * The TypeScript blocks of a page, each as a module of its own beside the page. One that names its file is there with
 * those that came before it, as a reader has them by then.
 */
function blocksOf(page: string): Block[] {
  const text = readFileSync(join(root, page), 'utf8');
  const files = new Map<string, string>();
  return [...text.matchAll(/^```(?:ts|typescript)\r?\n(.*?)^```/gms)].flatMap(({ index, 1: block = '' }) => {
    const line = String(text.slice(0, index).split('\n').length + 1);
    const place = `${page}:${line}`;
    // An `export {}` makes a module of a block that imports nothing, without moving its lines.
    const code = `${block}\nexport {};\n`;
    const name = FILE.exec(block)?.[1];
    if (name === undefined) return [{ place, file: join(root, `${page}.line-${line}.ts`), code }];
    files.set(name, code);
    return [...files].map(([path, content]) => ({
      place: path === name ? place : `${place}, with ${path}`,
      file: join(root, `${page}.line-${line}`, path),
      code: content,
    }));
  });
}

/** Whether a sample's page shows lines of the sample's own code, which is compiled where it stands. */
function isQuotation(page: string, { code }: Block): boolean {
  const folder = dirname(join(root, page));
  const sources = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !/(?:^|\/)(?:dist|node_modules)\//.test(name),
  );
  const lines = new Set(sources.flatMap((name) => linesOf(readFileSync(join(folder, name), 'utf8'))));
  return linesOf(code).every((line) => lines.has(line) || line === 'export {};' || /^(?:\/\/ )?…$/.test(line));
}

function linesOf(code: string): string[] {
  return code
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** What the compiler says of each block, against lib as it is now; only blocks with faults are named. */
function faultsOf(blocks: Block[]): Record<string, string[]> {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (file) => ts.sys.readFile(file));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const code = new Map(blocks.map((block) => [block.file, block.code]));
  const folders = new Set([...code.keys()].map(dirname));
  const { fileExists, directoryExists, readFile } = host;
  host.fileExists = (file) => code.has(file) || fileExists.call(host, file);
  host.directoryExists = (folder) => folders.has(folder) || directoryExists?.call(host, folder) !== false;
  host.readFile = (file) => code.get(file) ?? readFile.call(host, file);
  const program = ts.createProgram([...code.keys()], options, host);

  const faults: Record<string, string[]> = {};
  for (const { place, file } of blocks) {
    const found = ts.getPreEmitDiagnostics(program, program.getSourceFile(file));
    const messages = found.map(({ start, file: source, messageText }) => {
      const { line } = source?.getLineAndCharacterOfPosition(start ?? 0) ?? { line: 0 };
      return `line ${String(line + 1)} of the block: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
    if (messages.length > 0) faults[place] = messages;
  }
  return faults;
}

describe('TypeScript in the documentation', () => {
  const ofSamples = SAMPLES.flatMap((page) => blocksOf(page).filter((block) => !isQuotation(page, block)));

  it('compiles, block by block, against lib; a wrong block would not', () => {
    const blocks = [...['README.md', ...DOCS].flatMap(blocksOf), ...ofSamples];
    expect(blocks.length).toBeGreaterThan(0);
    const wrong: Block = {
      place: 'a wrong block',
      file: join(root, 'wrong.ts'),
      code: "import type { Session } from 'nestjs-token-session';\nexport const of = (sess: Session<{ n: number }>): string => sess.n;\n",
    };
    expect(faultsOf([...blocks, wrong])).toEqual({
      'a wrong block': [expect.stringMatching(/^line 2 of the block: Type 'number \| undefined' is not assignable/)],
    });
  });
});
