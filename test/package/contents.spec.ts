import { readdir, readFile, rm } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import ts from 'typescript';
import { pack, temporaryFolder } from './support/app.js';

const root = join(import.meta.dirname, '../..');

/** What is made for a peer may import that one, in the folder of its entry point only. */
const ENTRY_PEERS = [
  /^(esm|cjs)\/websockets\/[^:]*: @nestjs\/websockets(\/context\/ws-proxy\.js)?$/,
  /^(esm|cjs)\/terminus\/[^:]*: @nestjs\/terminus$/,
  /^(esm|cjs)\/opentelemetry\/[^:]*: @opentelemetry\/api$/,
];

interface Manifest {
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
  peerDependenciesMeta: Record<string, { optional: boolean }>;
}

describe('the published package', () => {
  let manifest: Manifest;

  beforeAll(async () => {
    manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest;
  });

  it('holds the two builds and what a reader needs, and no specs, sources or maps', async () => {
    const folder = await temporaryFolder();
    try {
      const paths = (await pack(folder)).map(({ path }) => path);
      const expected =
        /^(dist\/(esm|cjs)\/[\w./-]+(?<!\.spec)(\.js|\.d\.ts)|dist\/cjs\/(package|schematics\/[\w/-]+)\.json|package\.json|docs\/[\w-]+\.(md|png)|README\.md|CHANGELOG\.md|LICENSE)$/;
      expect(paths.filter((path) => !expected.test(path))).toEqual([]);
      expect(paths).toEqual(expect.arrayContaining(['dist/esm/index.js', 'dist/cjs/index.d.ts']));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('imports nothing that it does not declare', async () => {
    const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    expect(await importsOutside(declared, '.js')).toEqual([]);
    const everywhere = declared.filter((name) => !/^@nestjs\/(websockets|terminus)$|^@opentelemetry\//.test(name));
    const foreign = await importsOutside(everywhere, '.js');
    expect(foreign.filter((found) => !ENTRY_PEERS.some((own) => own.test(found)))).toEqual([]);
  });

  it('has types that need no optional peer', async () => {
    const optional = Object.keys(manifest.peerDependenciesMeta);
    const always = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
    const allowed = always.filter((name) => !optional.includes(name));
    const foreign = await importsOutside(allowed, '.d.ts');
    expect(foreign.filter((found) => !ENTRY_PEERS.some((own) => own.test(found)))).toEqual([]);
  });
});

/** The imports of the built files that lead neither to these packages, nor to Node, nor to our own files. */
async function importsOutside(packages: string[], extension: string): Promise<string[]> {
  const files = await readdir(join(root, 'dist'), { recursive: true });
  const found = files.filter((file) => file.endsWith(extension)).map(foreignImports);
  return (await Promise.all(found)).flat();

  async function foreignImports(file: string): Promise<string[]> {
    const text = await readFile(join(root, 'dist', file), 'utf8');
    const { importedFiles, typeReferenceDirectives } = ts.preProcessFile(text, true, true);
    return [...importedFiles, ...typeReferenceDirectives]
      .map(({ fileName }) => fileName)
      .filter((name) => !name.startsWith('.') && !isBuiltin(name) && name !== 'node')
      .filter((name) => !packages.some((own) => name === own || name.startsWith(`${own}/`)))
      .map((name) => `${file}: ${name}`);
  }
}
