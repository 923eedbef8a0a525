import 'reflect-metadata';
import type { SessionOptions } from 'nestjs-token-session';
import { PostgresStore } from 'nestjs-token-session/postgres';
import { Pool, type PoolConfig } from 'pg';
import { FaultsApp } from '../faults-app.js';
import type { Platform } from '../platforms.js';

/** How a process is set up. */
export interface ProcessSetup {
  readonly platform: Platform;
  readonly pool: PoolConfig;
  readonly session?: SessionOptions;
  /** How far the clock of its machine is ahead of the others', in ms. */
  readonly ahead?: number;
}

const { platform, pool, session, ahead = 0 } = JSON.parse(process.argv[2] as string) as ProcessSetup;
const now = Date.now;
Date.now = () => now() + ahead;
// As the shortest main.ts has it: nobody listens to the pool.
const app = await FaultsApp.start(platform, new PostgresStore({ pool: new Pool(pool) }), session);
console.log(app.running.url);
// With the process that started this one.
process.stdin.on('end', () => process.exit(0)).resume();
