export { SessionSocketsModule } from './session-sockets.module.js';
export type { SessionSocketsOptions } from './session-sockets.options.js';
export { SocketSessions } from './socket-sessions.js';
