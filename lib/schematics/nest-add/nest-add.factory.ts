import { withModuleImport } from './root-module.js';
import {
  migrationFile,
  optionsFile,
  STORE_WIRING,
  STORES,
  TRANSPORTS,
  type StoreChoice,
  type TransportChoice,
} from './wiring.js';

/** What `nest add` asks for, and what it says by itself. */
export interface NestAddOptions {
  readonly store?: StoreChoice;
  readonly transport?: TransportChoice;
  /** The root module, below `sourceRoot`. Default `'app.module.ts'`. */
  readonly module?: string;
  readonly sourceRoot?: string;
  readonly skipInstall?: boolean;
}

/** The files of the application, as far as they are used here. */
export interface Tree {
  exists(path: string): boolean;
  readText(path: string): string;
  create(path: string, content: string): void;
  overwrite(path: string, content: string): void;
}

/** What runs the schematic, as far as it is used here. */
export interface SchematicContext {
  readonly logger: { info(text: string): void; warn(text: string): void };
  addTask(task: { toConfiguration(): { name: string; options: Record<string, unknown> } }): unknown;
}

type Rule = (tree: Tree, context: SchematicContext) => void;

interface Manifest {
  readonly type?: string;
  scripts?: Record<string, string>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
}

/** `nest add nestjs-token-session`: wires the module into the root module, with a store and a transport. */
export function nestAdd(options: NestAddOptions): Rule {
  const { store = 'memory', transport = 'header', module = 'app.module.ts', sourceRoot = 'src' } = options;
  oneOf('store', store, STORES);
  oneOf('transport', transport, TRANSPORTS);

  return (tree, context) => {
    const modulePath = `${sourceRoot}/${module}`;
    const optionsPath = `${sourceRoot}/session.options.ts`;
    if (!tree.exists(modulePath)) {
      throw new Error(`There is no ${modulePath}: name the root module, below ${sourceRoot}, by --module=<file>.`);
    }
    const source = tree.readText(modulePath);
    if (source.includes('SessionModule')) {
      context.logger.warn(`${modulePath} has a SessionModule already: nothing was changed.`);
      return;
    }
    if (tree.exists(optionsPath)) throw new Error(`${optionsPath} is there already: move it away, and run this again.`);

    const manifest = JSON.parse(tree.readText('package.json')) as Manifest;
    const extension = manifest.type === 'module' ? '.js' : '';
    const depth = module.split('/').length - 1;
    const optionsModule = `${depth === 0 ? './' : '../'.repeat(depth)}session.options${extension}`;
    const element = 'SessionModule.forRootAsync({ useFactory: sessionOptions })';
    const imports = [
      { names: ['SessionModule'], from: 'nestjs-token-session' },
      { names: ['sessionOptions'], from: optionsModule },
    ];
    const changed = withModuleImport(source, element, imports);
    if (changed === undefined) {
      context.logger.warn(
        `The @Module({ … }) of ${modulePath} could not be read. Add to its imports: ${element}\n` +
          imports.map(({ names, from }) => `import { ${names.join(', ')} } from '${from}';`).join('\n'),
      );
    } else tree.overwrite(modulePath, changed);

    tree.create(optionsPath, optionsFile(store, transport));
    if (store === 'postgres') tree.create(`${sourceRoot}/session.migrate.ts`, migrationFile());
    if (store === 'sqlite') ignore(tree, 'sessions.db*');
    addDependencies(tree, manifest, store);
    if (options.skipInstall !== true && store !== 'memory') context.addTask(INSTALL);
    const install =
      options.skipInstall === true && store !== 'memory' ? ' Run npm install: the store needs its driver.' : '';
    context.logger.info(`Sessions: see ${optionsPath}. ${STORE_WIRING[store].next}${install}`);
  };
}

/** The runner's own task, by its name: nothing of it has to be imported. */
const INSTALL = { toConfiguration: () => ({ name: 'node-package', options: { command: 'install', quiet: true } }) };

function addDependencies(tree: Tree, manifest: Manifest, store: StoreChoice): void {
  const { dependencies, devDependencies = {} } = STORE_WIRING[store];
  manifest.dependencies = sorted({ ...dependencies, ...manifest.dependencies });
  manifest.devDependencies = sorted({ ...devDependencies, ...manifest.devDependencies });
  if (store === 'postgres') {
    manifest.scripts = { ...manifest.scripts, 'session:migrate': 'node dist/session.migrate.js' };
  }
  if (store !== 'memory') tree.overwrite('package.json', `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Sessions are nobody's source. */
function ignore(tree: Tree, pattern: string): void {
  if (!tree.exists('.gitignore')) return;
  const text = tree.readText('.gitignore');
  if (!text.split('\n').includes(pattern)) tree.overwrite('.gitignore', `${text.trimEnd()}\n${pattern}\n`);
}

function sorted(record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function oneOf(name: string, value: string, choices: readonly string[]): void {
  if (!choices.includes(value)) throw new Error(`--${name}=${value}: it takes one of ${choices.join(', ')}.`);
}
