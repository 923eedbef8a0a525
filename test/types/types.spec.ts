import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const HERE = dirname(fileURLToPath(import.meta.url));
const CONFIG = join(HERE, '../../tsconfig.json');

/**
 * The files beside this one are read by the compiler and never run: right uses compile, and a wrong
 * one stands under `@ts-expect-error`, which is an error itself when nothing is wrong.
 */
describe('types', () => {
  const files = readdirSync(HERE).filter((name) => name.endsWith('.types.ts'));

  it(`tell right uses of the public API from wrong ones: ${files.join(', ')}`, () => {
    expect(files.length).toBeGreaterThan(0);
    const { config } = ts.readConfigFile(CONFIG, ts.sys.readFile) as { config: object };
    const { options } = ts.parseJsonConfigFileContent(
      { ...config, include: [], files: files.map((name) => join(HERE, name)) },
      ts.sys,
      // What the paths in it start from: the sources, not what was built of them.
      dirname(CONFIG),
      undefined,
      CONFIG,
    );
    const program = ts.createProgram(
      files.map((name) => join(HERE, name)),
      { ...options, rootDir: join(HERE, '../..') },
    );
    const problems = ts.getPreEmitDiagnostics(program).map(({ file, start, messageText }) => {
      const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line + 1;
      return `${file?.fileName.slice(HERE.length + 1) ?? ''}:${String(line)} ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
    expect(problems).toEqual([]);
  });
});
