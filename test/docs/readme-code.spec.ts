import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '../..');

interface Block {
  /** Where a reader finds it: `README.md:42`. */
  readonly place: string;
  readonly file: string;
  readonly code: string;
}

/** The TypeScript blocks of a page, each as a module of its own beside the page. */
function blocksOf(page: string): Block[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(/^```(?:ts|typescript)\r?\n(.*?)^```/gms)].map((match) => {
    const line = text.slice(0, match.index).split('\n').length + 1;
    const place = `${relative(root, page)}:${String(line)}`;
    // An `export {}` makes a module of a block that imports nothing, without moving its lines.
    return { place, file: `${page}.line-${String(line)}.ts`, code: `${match[1] ?? ''}\nexport {};\n` };
  });
}

/** What the compiler says of each block, against lib as it is now; only blocks with faults are named. */
function faultsOf(blocks: Block[]): Record<string, string[]> {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (file) => ts.sys.readFile(file));
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const host = ts.createCompilerHost(options);
  const code = new Map(blocks.map((block) => [block.file, block.code]));
  const { fileExists, readFile } = host;
  host.fileExists = (file) => code.has(file) || fileExists.call(host, file);
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
  const docs = readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md'));
  const pages = ['README.md', ...docs.map((name) => join('docs', name))].map((page) => join(root, page));

  it('compiles, block by block, against lib; a wrong block would not', () => {
    const blocks = pages.flatMap(blocksOf);
    expect(blocks.length).toBeGreaterThan(0);
    const wrong: Block = {
      place: 'a wrong block',
      file: join(root, 'wrong.ts'),
      code: "import type { Session } from 'nestjs-token-session';\nexport const of = (sess: Session<{ n: number }>): string => sess.n;\n",
    };
    expect(faultsOf([...blocks, wrong])).toEqual({
      'a wrong block': [expect.stringMatching(/^line 2 of the block: Type 'number \| undefined' is not assignable/)],
    });
  }, 60_000);
});
