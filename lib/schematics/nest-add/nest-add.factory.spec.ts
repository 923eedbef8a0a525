import { nestAdd, type NestAddOptions, type SchematicContext, type Tree } from './nest-add.factory.js';
import { STORES, TRANSPORTS } from './wiring.js';

const MODULE = "import { Module } from '@nestjs/common';\n\n@Module({ imports: [] })\nexport class AppModule {}\n";

/** The files of an application, in memory. */
class Files implements Tree {
  constructor(readonly texts: Record<string, string>) {}

  exists(path: string): boolean {
    return Object.hasOwn(this.texts, path);
  }

  readText(path: string): string {
    return this.texts[path] ?? '';
  }

  create(path: string, content: string): void {
    if (this.exists(path)) throw new Error(`${path} exists`);
    this.texts[path] = content;
  }

  overwrite(path: string, content: string): void {
    if (!this.exists(path)) throw new Error(`${path} does not exist`);
    this.texts[path] = content;
  }
}

interface Outcome {
  readonly texts: Record<string, string>;
  readonly told: string[];
  readonly tasks: string[];
}

function add(options: NestAddOptions, files: Record<string, string> = {}): Outcome {
  const texts = { 'package.json': '{}', 'src/app.module.ts': MODULE, ...files };
  const told: string[] = [];
  const tasks: string[] = [];
  const context: SchematicContext = {
    logger: { info: (text) => told.push(text), warn: (text) => told.push(text) },
    addTask: (task) => tasks.push(task.toConfiguration().name),
  };
  nestAdd(options)(new Files(texts), context);
  return { texts, told, tasks };
}

describe('nest add nestjs-token-session', () => {
  it('wires the memory store and the header without an answer to its questions', () => {
    const { texts, told, tasks } = add({});
    expect(texts['src/app.module.ts']).toContain(
      'imports: [SessionModule.forRootAsync({ useFactory: sessionOptions })]',
    );
    expect(texts['src/app.module.ts']).toContain("import { sessionOptions } from './session.options';");
    expect(texts['src/session.options.ts']).toContain('transport: header(),');
    expect(texts['package.json']).toBe('{}');
    expect(tasks).toEqual([]);
    expect(told).toEqual([expect.stringContaining('src/session.options.ts')]);
  });

  it('names files as an ES module does where the application is one', () => {
    const { texts } = add({}, { 'package.json': '{ "type": "module" }' });
    expect(texts['src/app.module.ts']).toContain("from './session.options.js';");
  });

  it('finds a root module that lies elsewhere', () => {
    const files = { 'apps/shop/src/root/shop.module.ts': MODULE };
    const { texts } = add({ sourceRoot: 'apps/shop/src', module: 'root/shop.module.ts' }, files);
    expect(texts['apps/shop/src/root/shop.module.ts']).toContain("from '../session.options';");
    expect(Object.keys(texts)).toContain('apps/shop/src/session.options.ts');
  });

  it.each(STORES.flatMap((store) => TRANSPORTS.map((transport) => [store, transport] as const)))(
    'imports what it uses, and no more: %s, %s',
    (store, transport) => {
      const { texts, tasks } = add({ store, transport });
      const text = texts['src/session.options.ts'] ?? '';
      const imported = [...text.matchAll(/^import (?:\{ (.+) \}|(\w+)) from/gm)].flatMap(([, names, name]) =>
        (names ?? name ?? '').split(', ').map((one) => one.replace('type ', '')),
      );
      const body = text.slice(text.indexOf('export function'));
      for (const name of imported) expect([name, body]).toEqual([name, expect.stringMatching(`\\b${name}\\b`)]);
      expect(imported).toContain('SessionOptions');
      expect(tasks).toEqual(store === 'memory' ? [] : ['node-package']);
      const skipped = add({ store, transport, skipInstall: true });
      expect(skipped.tasks).toEqual([]);
      expect(skipped.told[0]?.includes('Run npm install')).toBe(store !== 'memory');
    },
  );

  it('lets new sessions of browsers begin with a cookie where both ways are open', () => {
    expect(add({ transport: 'both' }).texts['src/session.options.ts']).toContain('transport: [cookie(), header()],');
  });

  it('adds the driver, and leaves the version that an application has', () => {
    const manifest = {
      name: 'shop',
      dependencies: { pg: '8.15.0', '@nestjs/core': '^12.0.0' },
      scripts: { start: 'x' },
    };
    const { texts } = add({ store: 'postgres' }, { 'package.json': JSON.stringify(manifest) });
    expect(JSON.parse(texts['package.json'] ?? '')).toEqual({
      name: 'shop',
      dependencies: { '@nestjs/core': '^12.0.0', pg: '8.15.0' },
      devDependencies: { '@types/pg': '^8.11.0' },
      scripts: { start: 'x', 'session:migrate': 'node dist/session.migrate.js' },
    });
    expect(texts['src/session.migrate.ts']).toContain('.migrate()');
  });

  it('keeps the file of SQLite out of the sources', () => {
    const { texts } = add({ store: 'sqlite' }, { '.gitignore': 'dist\n' });
    expect(texts['.gitignore']).toBe('dist\nsessions.db*\n');
    expect(add({ store: 'sqlite' }).texts['.gitignore']).toBeUndefined();
  });

  it('changes nothing the second time', () => {
    const { texts } = add({});
    const again = add({ store: 'redis' }, texts);
    expect(again.texts).toEqual(texts);
    expect(again.told).toEqual([expect.stringContaining('has a SessionModule already')]);
  });

  it('says what to write where it can not read the module', () => {
    const { texts, told } = add({}, { 'src/app.module.ts': '@Module(metadata) export class AppModule {}' });
    expect(texts['src/app.module.ts']).toBe('@Module(metadata) export class AppModule {}');
    expect(told[0]).toContain('Add to its imports: SessionModule.forRootAsync({ useFactory: sessionOptions })');
    expect(told[0]).toContain("import { sessionOptions } from './session.options';");
    expect(texts['src/session.options.ts']).toBeDefined();
  });

  it.each<[string, NestAddOptions, Record<string, string>, RegExp]>([
    ['no such module', { module: 'root.ts' }, {}, /There is no src\/root\.ts: name the root module/],
    ['a file in the way', {}, { 'src/session.options.ts': '' }, /session\.options\.ts is there already/],
    ['a store', { store: 'mysql' as 'redis' }, {}, /--store=mysql: it takes one of memory, redis, postgres, sqlite/],
    [
      'a transport',
      { transport: 'url' as 'header' },
      {},
      /--transport=url: it takes one of header, cookie, both, bearer/,
    ],
  ])('refuses what it can not do: %s', (_name, options, files, message) => {
    expect(() => add(options, files)).toThrow(message);
  });
});
