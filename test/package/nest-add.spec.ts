import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PostgresServer, stopServers as stopPostgres } from '../support/postgres/postgres-server.js';
import { RedisServer, stopServers as stopRedis } from '../support/redis/redis-server.js';
import { InstalledApp } from './support/app.js';

const CONTROLLER = `import { Controller, Get } from '@nestjs/common';
import { Session } from 'nestjs-token-session';

@Controller()
export class AppController {
  @Get('views')
  views(@Session() sess: Session<{ views: number }>) {
    sess.views = (sess.views ?? 0) + 1;
    return { views: sess.views };
  }
}
`;

/** Lets an application that listens on PORT say where that is. */
const ANNOUNCE = `import { Server } from 'node:http';
const { listen } = Server.prototype;
Server.prototype.listen = function (...args) {
  this.once('listening', () => console.log('http://127.0.0.1:' + this.address().port));
  return listen.apply(this, args);
};
`;

let redis: RedisServer;
let postgres: PostgresServer;

beforeAll(async () => {
  [redis, postgres] = await Promise.all([RedisServer.start(), PostgresServer.start()]);
});
afterAll(() => Promise.all([stopRedis(), stopPostgres()]));

/** What each client sends back to be known, from the answer that it got. */
const WAYS = {
  cookie: (answer: Response) => ({ Cookie: (answer.headers.get('Set-Cookie') ?? '').split(';')[0] ?? '' }),
  bearer: (answer: Response) => ({ Authorization: `Bearer ${answer.headers.get('X-Auth-Token') ?? ''}` }),
};

interface Choice {
  readonly store: string;
  readonly transport: string;
  readonly way: (answer: Response) => Record<string, string>;
}

const APPLICATIONS: { major: number; choices: Choice[] }[] = [
  {
    major: 11,
    choices: [
      { store: 'memory', transport: 'bearer', way: WAYS.bearer },
      { store: 'postgres', transport: 'cookie', way: WAYS.cookie },
    ],
  },
  {
    major: 12,
    choices: [
      { store: 'redis', transport: 'both', way: WAYS.cookie },
      { store: 'sqlite', transport: 'cookie', way: WAYS.cookie },
    ],
  },
];

describe.each(APPLICATIONS)('nest add in a fresh application of Nest $major', ({ major, choices }) => {
  let app: InstalledApp;
  let pristine: string;

  beforeAll(async () => {
    app = await InstalledApp.fresh(major);
    pristine = join(app.folder, '../pristine');
    const everythingElse = (path: string): boolean => !path.includes('node_modules');
    await cp(app.folder, pristine, { recursive: true, filter: everythingElse });
  });
  afterAll(() => app.remove());
  beforeEach(async () => {
    await rm(join(app.folder, 'src'), { recursive: true });
    await cp(pristine, app.folder, { recursive: true });
  });
  afterEach(async () => {
    await app.stop();
    delete process.env['REDIS_URL'];
    delete process.env['DATABASE_URL'];
  });

  it.each(choices)('wires $store and $transport', async ({ store, transport, way }) => {
    // The package is installed already; the driver comes with the next line.
    await app.command(
      '@nestjs/cli',
      'nest',
      'add',
      'nestjs-token-session',
      '--skip-install',
      ...flags(store, transport),
    );
    await app.npm('install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error');

    const module = await readFile(join(app.folder, 'src/app.module.ts'), 'utf8');
    expect(module).toContain('imports: [SessionModule.forRootAsync({ useFactory: sessionOptions })]');
    await writeFile(join(app.folder, 'src/app.controller.ts'), CONTROLLER);
    await writeFile(join(app.folder, 'announce.mjs'), ANNOUNCE);
    await app.npm('run', 'build');
    const { host, port, user, database } = await postgres.createDatabase();
    process.env['REDIS_URL'] = redis.url;
    process.env['DATABASE_URL'] = `postgres://${user}@${host}:${String(port)}/${database}`;
    if (store === 'postgres') await app.npm('run', 'session:migrate');

    const announced = { PORT: '0', NODE_OPTIONS: '--import ./announce.mjs' };
    const url = `${await app.start('dist/main.js', 'express', announced)}/views`;
    const first = await fetch(url);
    expect(await first.json()).toEqual({ views: 1 });
    const second = await fetch(url, { headers: way(first) });
    expect(await second.json()).toEqual({ views: 2 });
  });

  it('installs the driver by itself, and does nothing the second time', async () => {
    const add = (): Promise<string> =>
      app.command(
        '@angular-devkit/schematics-cli',
        'schematics',
        'nestjs-token-session:nest-add',
        '--source-root=src',
        ...flags('redis', 'header'),
      );
    expect(await add()).toContain('REDIS_URL says where Redis is');
    const installed = await readFile(join(app.folder, 'node_modules/redis/package.json'), 'utf8');
    expect(JSON.parse(installed)).toMatchObject({ name: 'redis', version: expect.stringMatching(/^6\./) });
    const before = await readFile(join(app.folder, 'src/app.module.ts'), 'utf8');
    expect(await add()).toContain('Nothing to be done');
    expect(await readFile(join(app.folder, 'src/app.module.ts'), 'utf8')).toBe(before);
  });
});

function flags(store: string, transport: string): string[] {
  return [`--store=${store}`, `--transport=${transport}`];
}
