import { Inject, Module, type DynamicModule, type WebSocketAdapter } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { attendAdapter } from './attended-adapter.js';
import { commitHandlers } from './committed-handlers.js';
import { resolveSocketsOptions, type SessionSocketsOptions } from './session-sockets.options.js';
import { SOCKETS_OPTIONS, SocketSessions } from './socket-sessions.js';

/** Sessions in the gateways of an application: import `SessionSocketsModule.forRoot()` beside `SessionModule.forRoot()`. */
@Module({})
export class SessionSocketsModule {
  constructor(@Inject(ApplicationConfig) config: ApplicationConfig, @Inject(SocketSessions) sockets: SocketSessions) {
    commitHandlers();
    // Nest takes its adapter for gateways from here, its own default too: after modules are made, before gateways are.
    const setIoAdapter = config.setIoAdapter.bind(config);
    config.setIoAdapter = (adapter: WebSocketAdapter) => {
      attendAdapter(adapter, sockets);
      setIoAdapter(adapter);
    };
  }

  /**
   * The module with its options. `SocketSessions` can be injected everywhere.
   *
   * @throws SessionConfigError `INVALID_OPTION`
   */
  static forRoot(options: SessionSocketsOptions = {}): DynamicModule {
    return {
      module: SessionSocketsModule,
      global: true,
      providers: [{ provide: SOCKETS_OPTIONS, useValue: resolveSocketsOptions(options) }, SocketSessions],
      exports: [SocketSessions],
    };
  }
}
