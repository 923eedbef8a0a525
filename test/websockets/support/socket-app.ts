import type { INestApplication, ModuleMetadata, WebSocketAdapter } from '@nestjs/common';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import { SessionModule, type SessionOptions } from 'nestjs-token-session';
import { testSessions, type TestSessions } from 'nestjs-token-session/testing';
import { SessionSocketsModule, type SessionSocketsOptions } from 'nestjs-token-session/websockets';
import { SILENT, startApp } from '../../support/app.js';
import type { Platform, RunningApp } from '../../support/platforms.js';
import { CounterController } from '../../support/counter.controller.js';
import { AccountController } from './account.controller.js';
import { connectSocket, type ConnectOptions, type SocketKind, type TestSocket } from './clients.js';

export interface SocketAppPlan {
  gateways: NonNullable<ModuleMetadata['providers']>;
  session?: SessionOptions;
  sockets?: SessionSocketsOptions;
  adapter?: (app: INestApplication) => WebSocketAdapter;
  prepare?: (app: INestApplication) => unknown;
  http?: FastifyAdapter;
}

export interface SocketApp extends RunningApp {
  readonly sessions: TestSessions;
  connect(options?: ConnectOptions): Promise<TestSocket & { protocol?: string }>;
}

/** An application with gateways beside its controllers. Ends with the test: `afterEach(closeApps)`. */
export async function startSocketApp(platform: Platform, kind: SocketKind, plan: SocketAppPlan): Promise<SocketApp> {
  const running = await startApp(platform, {
    controllers: [CounterController, AccountController],
    providers: plan.gateways,
    ...(plan.http !== undefined && { adapter: plan.http }),
    imports: [SessionModule.forRoot({ logger: SILENT, ...plan.session }), SessionSocketsModule.forRoot(plan.sockets)],
    prepare: (app) => {
      const adapter = plan.adapter?.(app) ?? (kind === 'ws' ? new WsAdapter(app) : new IoAdapter(app));
      app.useWebSocketAdapter(adapter);
      return plan.prepare?.(app);
    },
  });
  return Object.assign(running, {
    sessions: testSessions(running.app),
    connect: (options?: ConnectOptions) => connectSocket(kind, running.url, options),
  });
}
