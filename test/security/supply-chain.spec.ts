import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

interface Manifest {
  readonly files: string[];
  readonly scripts: Record<string, string>;
  readonly dependencies: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
  readonly bundleDependencies?: unknown;
  readonly bundledDependencies?: unknown;
}

/** What a lock file says of one package (npm's package-lock.json, version 3). */
interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly peer?: boolean;
  readonly link?: boolean;
  readonly hasInstallScript?: boolean;
}

const manifest = read('package.json') as Manifest;
const locked = packagesOf('package-lock.json');
/** What comes along with `npm install nestjs-token-session`, beside the peers that the application has chosen. */
const runtime = locked.filter(([, { dev, peer }]) => dev !== true && peer !== true);

/** Why each runtime dependency is there; a new one is to be reasoned for here. */
const REASONS: Record<string, string> = {
  '@lukeed/ms': "durations such as '30m'",
  cookie: 'reads and writes cookies as RFC 6265 and browsers have them',
  'cookie-signature': "signs and verifies as express-session does, so that its users' cookies stay valid",
};

const LOCK_FILES = ['package-lock.json', 'benchmark/package-lock.json', 'test/drivers/sqlite/package-lock.json'];

function read(path: string): unknown {
  return JSON.parse(readFileSync(join(root, path), 'utf8'));
}

/** The packages of a lock file by name, all but its own. */
function packagesOf(path: string): [name: string, Locked][] {
  const { packages } = read(path) as { packages: Record<string, Locked> };
  return Object.entries(packages)
    .filter(([place]) => place !== '')
    .map(([place, about]) => [place.slice(place.lastIndexOf('node_modules/') + 'node_modules/'.length), about]);
}

/** Those of the packages that something is true of, as a failure shows them. */
function those(packages: [string, Locked][], isWrong: (about: Locked) => boolean): string[] {
  return packages.filter(([, about]) => isWrong(about)).map(([name, about]) => `${name} ${JSON.stringify(about)}`);
}

describe('the supply chain of the package', () => {
  it('ASVS 15.2.4: runs no script where it is installed', () => {
    const runs = ['preinstall', 'install', 'postinstall', 'prepublish', 'preprepare', 'prepare', 'postprepare'];
    expect(Object.keys(manifest.scripts).filter((name) => [...runs, 'dependencies'].includes(name))).toEqual([]);
    // npm would compile it without any script.
    expect(readdirSync(root)).not.toContain('binding.gyp');
  });

  it('ASVS 15.2.3: publishes the builds and what a reader needs; test/package/contents.spec.ts looks into the archive', () => {
    expect(manifest.files).toEqual(['dist', 'docs', 'README.md', 'CHANGELOG.md', 'LICENSE']);
    expect(readdirSync(root)).not.toContain('.npmignore');
    expect(readFileSync(join(root, 'test/package/contents.spec.ts'), 'utf8')).toContain("it('holds the two builds");
  });

  it('ASVS 15.1.2: has only runtime dependencies with a reason, and brings no copies of any', () => {
    expect(Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies }).sort()).toEqual(
      Object.keys(REASONS).sort(),
    );
    expect(manifest.bundleDependencies ?? manifest.bundledDependencies).toBeUndefined();
  });

  it('ASVS 15.1.2: they have no dependencies of their own', () => {
    expect(runtime.map(([name]) => name).sort()).toEqual(Object.keys(REASONS).sort());
  });

  it('ASVS 15.2.4: none of them runs a script where it is installed', () => {
    expect(those(runtime, ({ hasInstallScript }) => hasInstallScript === true)).toEqual([]);
    const run = Object.keys(REASONS).flatMap((name) => {
      const { scripts = {} } = read(`node_modules/${name}/package.json`) as Partial<Manifest>;
      return ['preinstall', 'install', 'postinstall'].filter((script) => script in scripts);
    });
    expect(run).toEqual([]);
  });

  it('ASVS 15.1.2: their licences let everybody use them', () => {
    expect(
      those(runtime, ({ license = '' }) => !['MIT', 'ISC', 'BSD-2-Clause', 'BSD-3-Clause'].includes(license)),
    ).toEqual([]);
  });

  it('ASVS 15.2.4: development tools with install scripts are the known ones, which fetch a binary or look at versions', () => {
    const names = locked.filter(([, about]) => about.hasInstallScript === true).map(([name]) => name);
    expect(names.sort()).toEqual(['@apollo/protobufjs', '@parcel/watcher', '@swc/core', 'unrs-resolver']);
  });

  describe.each(LOCK_FILES)('%s', (path) => {
    const packages = packagesOf(path);

    it('ASVS 15.2.4: pins the content of each package by SHA-512', () => {
      expect(packages.length).toBeGreaterThan(0);
      expect(
        those(packages, ({ integrity, link }) => link === true || integrity?.startsWith('sha512-') !== true),
      ).toEqual([]);
    });

    it('ASVS 15.2.4: names no host: npm asks the registry that is set up, and no private or foreign one', () => {
      expect(those(packages, ({ resolved }) => resolved !== undefined)).toEqual([]);
      expect(readFileSync(join(root, path), 'utf8')).not.toMatch(/"(resolved|from)":/);
    });
  });

  it.each(['package.json', 'benchmark/package.json', 'test/drivers/sqlite/package.json'])(
    'ASVS 15.2.4: no dependency in %s comes from git, an address, a folder or a tag that moves',
    (path) => {
      const groups = read(path) as Record<string, Record<string, string> | undefined>;
      const wanted = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'].flatMap((group) =>
        Object.entries(groups[group] ?? {}),
      );
      const range = /^(npm:(@[\w.-]+\/)?[\w.-]+@)?[~^]?\d+\.\d+\.\d+( \|\| \^\d+\.\d+\.\d+)*$/;
      expect(wanted.filter(([, version]) => !range.test(version))).toEqual([]);
    },
  );
});

describe('the sources of the package', () => {
  const sources = readdirSync(join(root, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !file.endsWith('.spec.ts'))
    .map((file) => [file, readFileSync(join(root, 'lib', file), 'utf8')] as const);

  /** The lines of the sources that a pattern matches: `file: line`. */
  function linesWith(pattern: RegExp): string[] {
    return sources.flatMap(([file, text]) =>
      text.split('\n').flatMap((line) => (pattern.test(line) ? [`${file}: ${line.trim()}`] : [])),
    );
  }

  it('ASVS 11.5.1: take no randomness but that of node:crypto', () => {
    expect(linesWith(/\bMath\b.*\brandom\b|pseudoRandomBytes|allocUnsafe/)).toEqual([]);
    expect(
      linesWith(/\brandom(Bytes|Int|UUID)\b.* from /).filter((line) => !line.endsWith("from 'node:crypto';")),
    ).toEqual([]);
  });

  it('ASVS 11.4.1: use MD5 nowhere, and SHA-1 only to name a Lua script as Redis does', () => {
    expect(linesWith(/\bmd[245]\b|ripemd/i)).toEqual([]);
    expect(linesWith(/['"`](rsa-)?sha-?1['"`]/i)).toEqual([
      "stores/redis/redis-script.ts: this.sha = createHash('sha1').update(text).digest('hex');",
    ]);
  });

  it('ASVS 11.4.1: turn the lint rules that guard this off in that one place only', () => {
    expect(
      linesWith(/eslint-disable.*(no-restricted|no-eval|no-new-func|no-implied-eval|eqeqeq)|eslint-disable\s*(\*|$)/),
    ).toEqual([
      'stores/redis/redis-script.ts: // eslint-disable-next-line no-restricted-syntax -- a name that Redis gives, nothing secret',
    ]);
  });

  it('ASVS 1.2.5, 1.3.2: start no program and run no text as code', () => {
    expect(linesWith(/child_process|node:vm|\bnew Function\b|(?<![.\w])eval\((?!script:)/)).toEqual([]);
  });
});
