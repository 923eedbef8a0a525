import type { INestApplication, ModuleMetadata, Type } from '@nestjs/common';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { SessionModule, type SessionLogger, type SessionOptions } from 'nestjs-token-session';
import { createAdapter, type Platform, type RunningApp } from './platforms.js';

export interface AppPlan {
  controllers: Type[];
  /** Options of the session layer; log lines go nowhere unless a logger is given. */
  session?: SessionOptions;
  providers?: ModuleMetadata['providers'];
  /** Modules in place of `SessionModule.forRoot(session)`. */
  imports?: ModuleMetadata['imports'];
  /** Replaces providers: `(builder) => builder.overrideProvider(…).useValue(…)`. */
  override?: (builder: TestingModuleBuilder) => TestingModuleBuilder;
  /** What main.ts would do between create and listen. */
  prepare?: (app: INestApplication) => unknown;
  adapter?: FastifyAdapter;
}

export const SILENT: SessionLogger = { warn: () => undefined, error: () => undefined };

const running = new Set<RunningApp>();

/** Starts a real application on a free port of 127.0.0.1. Ends with the test: see `closeApps`. */
export async function startApp(platform: Platform, plan: AppPlan): Promise<RunningApp> {
  const builder = Test.createTestingModule({
    imports: plan.imports ?? [SessionModule.forRoot({ logger: SILENT, ...plan.session })],
    controllers: plan.controllers,
    providers: plan.providers ?? [],
  });
  const testing = await (plan.override?.(builder) ?? builder).compile();
  const app = testing.createNestApplication((plan.adapter ?? createAdapter(platform)) as never, { logger: false });
  await plan.prepare?.(app);
  await app.listen(0, '127.0.0.1');
  const started: RunningApp = {
    app,
    url: await app.getUrl(),
    get: (token) => app.get(token as Type),
    close: async () => {
      running.delete(started);
      await app.close();
    },
  };
  running.add(started);
  return started;
}

/** Ends all applications that are still running: `afterEach(closeApps)`. */
export async function closeApps(): Promise<void> {
  await Promise.all([...running].map((app) => app.close()));
}
