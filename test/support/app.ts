import type { INestApplication, ModuleMetadata, Type } from '@nestjs/common';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { Test, type TestingModuleBuilder } from '@nestjs/testing';
import { SessionModule, SessionService, type SessionOptions } from 'nestjs-token-session';
import { heard, NEST_LOGGER, SILENT } from './leaks/loggers.js';
import { watch } from './leaks/realm.js';
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

export { SILENT };

const running = new Set<RunningApp>();

/** Starts a real application on a free port of 127.0.0.1. Ends with the test: see `closeApps`. */
export async function startApp(platform: Platform, plan: AppPlan): Promise<RunningApp> {
  const builder = Test.createTestingModule({
    imports: plan.imports ?? [SessionModule.forRoot(heardOptions(plan.session))],
    controllers: plan.controllers,
    providers: plan.providers ?? [],
  });
  const testing = await (plan.override?.(builder) ?? builder).setLogger(NEST_LOGGER).compile();
  const app = testing.createNestApplication((plan.adapter ?? createAdapter(platform)) as never, {
    logger: NEST_LOGGER,
  });
  hearEvents(app);
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

/** Log lines go nowhere unless a logger is given; the leak check hears them in any case. */
function heardOptions(session: SessionOptions = {}): SessionOptions {
  return { ...session, logger: session.logger === undefined ? SILENT : heard(session.logger) };
}

function hearEvents(app: INestApplication): void {
  let sessions: SessionService;
  try {
    sessions = app.get(SessionService, { strict: false });
  } catch {
    // An application without sessions.
    return;
  }
  sessions.events$.subscribe((event) => watch.hear(`the event ${event.type}`, JSON.stringify(event)));
}
