import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import ts from 'typescript';
import { SqliteStore, type SqliteDatabase } from 'nestjs-token-session/sqlite';
import { describeSessionStore } from 'nestjs-token-session/testing';
import { newFile, openDatabase, removeFiles } from '../support/sqlite/files.js';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'test/drivers/sqlite');
const support = join(root, 'test/support/sqlite');

interface BetterSqlite3 extends SqliteDatabase {
  defaultSafeIntegers(): this;
  close(): void;
}
const requireDriver = createRequire(join(folder, 'package.json'));
const BetterSqlite3 = requireDriver('better-sqlite3') as new (file: string) => BetterSqlite3;
const TypeScript5 = requireDriver('typescript') as typeof ts;

/** The Node of `test/drivers/sqlite`, that has node:sqlite. */
const newerNode = join(folder, 'node_modules/node/bin/node');
const NODES = { libsql: process.execPath, 'better-sqlite3': process.execPath, 'node:sqlite': newerNode };
const DRIVERS = Object.keys(NODES) as (keyof typeof NODES)[];
const env = { ...process.env, NODE_OPTIONS: '' };

afterAll(removeFiles);

const file = newFile();
const open = ({ key, after }: { key: string; after(act: () => void): void }): SqliteStore => {
  const database = new BetterSqlite3(file);
  after(() => database.close());
  return new SqliteStore({ database, table: key, synchronous: 'normal' });
};
const abilities = { users: true, sweep: true, count: true, clear: true };
describeSessionStore('better-sqlite3, a file', open, { ...abilities, reopen: open }, { describe, it });
describeSessionStore(
  'better-sqlite3 in memory, with BigInt for integers',
  () => new SqliteStore({ database: new BetterSqlite3(':memory:').defaultSafeIntegers() }),
  abilities,
  { describe, it },
);

it('node:sqlite passes the conformance suite on the Node that has it', async () => {
  const args = ['--test-reporter=tap', join(support, 'conformance.js'), 'node:sqlite'];
  const printed = await new Promise<string>((resolve) => {
    execFile(newerNode, args, { cwd: root, env, maxBuffer: 64 * 1024 * 1024 }, (_, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
  const failed = printed.split('\n').filter((line) => /^\s*not ok /.test(line));
  expect(failed.length > 0 ? printed : failed).toEqual([]);
  expect(printed).toMatch(/^# fail 0$/m);
  expect(Number(/^# pass (\d+)$/m.exec(printed)?.[1])).toBeGreaterThan(300);
});

/** A process that writes until it has told of this many bytes, and is killed then; what it told. */
async function writeAndKill(driver: keyof typeof NODES, file: string, bytes: number): Promise<string> {
  const child = spawn(NODES[driver], [join(support, 'writer.js'), driver, file], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let told = 0;
  child.stdout.on('data', (chunk: Buffer) => {
    told += chunk.length;
    if (told > bytes) child.kill('SIGKILL');
  });
  const [output] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  return output;
}

it('F70, laws 4 and 6: after 21 kills -9 every write that was acknowledged is there, and every end; three drivers on one file', async () => {
  const file = newFile();
  const outputs: string[] = [];
  for (let round = 0; round < 7; round++) {
    const writers = DRIVERS.map((driver, index) => writeAndKill(driver, file, 500 + 1_500 * index + 333 * round));
    outputs.push(...(await Promise.all(writers)));
  }
  const database = openDatabase(file);
  const store = new SqliteStore({ database });
  const wrong: string[] = [];
  let writes = 0;
  for (const output of outputs) {
    const last = new Map<string, string>();
    // The last line may have been cut.
    for (const line of output.split('\n').slice(0, -1)) {
      const [id, version] = line.split(' ') as [string, string];
      last.set(id, version);
      writes++;
    }
    const newest = [...last.keys()].at(-1);
    for (const [id, version] of last) {
      const found = (await store.load(id))?.version ?? 'ended';
      // One write of each process may have been carried out without a word.
      const isNext = id === newest && (found === String(Number(version) + 1) || (version === '4' && found === 'ended'));
      if (found !== version && !isNext) wrong.push(`${id}: ${version} was acknowledged, ${found} is there`);
      if (found !== 'ended' && (await store.users.list(id)).length !== 1) wrong.push(`${id} is not in the index`);
    }
  }
  expect(wrong).toEqual([]);
  expect(outputs.filter((output) => output === '')).toEqual([]);
  expect(writes).toBeGreaterThan(400);
  expect(database.prepare('PRAGMA integrity_check').get()).toMatchObject({ integrity_check: 'ok' });
});

// Types that are generic are read in another way by TypeScript 5, which Nest 11 sets up.
it.each([ts, TypeScript5])(
  'TypeScript $version: the options take databases of all three, and a pool of pg, by their own types, and no others',
  (ts) => {
    const code = `
      import BetterSqlite3 from 'better-sqlite3';
      import Libsql from 'libsql';
      import { DatabaseSync } from 'node:sqlite';
      import { Pool } from 'pg';
      import { PostgresStore } from 'nestjs-token-session/postgres';
      import { SqliteStore } from 'nestjs-token-session/sqlite';
      new SqliteStore({ database: new BetterSqlite3('x') });
      new SqliteStore({ database: new Libsql('x') });
      new SqliteStore({ database: new DatabaseSync('x') });
      new PostgresStore({ pool: new Pool() });
      new SqliteStore({ database: new Map() });
    `;
    const name = join(folder, 'types.mts');
    const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
      config: object;
    };
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
    Object.assign(options, { types: ['node'], typeRoots: [join(folder, 'node_modules/@types')] });
    const host = ts.createCompilerHost(options);
    const { fileExists, readFile } = host;
    host.fileExists = (path) => path === name || fileExists.call(host, path);
    host.readFile = (path) => (path === name ? code : readFile.call(host, path));
    const program = ts.createProgram([name], options, host);
    const found = program.getSemanticDiagnostics(program.getSourceFile(name));
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '))).toEqual([
      expect.stringMatching(
        /Map<any, any>.* is missing the following properties from type 'SqliteDatabase': prepare, exec/,
      ),
    ]);
  },
  60_000,
);

it('the two versions of TypeScript are those of Nest 11 and of this package', () => {
  expect([TypeScript5.version, ts.version]).toEqual([expect.stringMatching(/^5\./), expect.stringMatching(/^6\./)]);
});
