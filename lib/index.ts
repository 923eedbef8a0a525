export { SessionModule } from './session.module.js';
export type {
  SessionModuleAsyncOptions,
  SessionModuleOptions,
  SessionOptionsFactory,
  StoreOrClass,
} from './session.module.js';
export { SessionService } from './session.service.js';
export type { SessionInfo } from './session.service.js';
export type { SessionEnd } from './session.watch.js';
export type { SessionDetails } from './session.details.js';
export type { SessionDevice } from './session.identity.js';
export type { LoginOptions } from './session.login.js';
export type { UserSession } from './session.users.js';
export { getSessionStoreToken, SESSION_STORE } from './session.constants.js';

export { Session } from './decorators/session.decorator.js';
export type { SessionSource } from './decorators/session.decorator.js';
export { getSessionServiceToken, InjectSessionService } from './decorators/inject-session-service.decorator.js';
export { TokenSession } from './session.js';
export type { RegenerateOptions, SessionCallback, SessionData } from './session.js';

export { RequireLogin } from './decorators/require-login.decorator.js';
export { RequireRecentLogin } from './decorators/require-recent-login.decorator.js';
export { RequireSession } from './decorators/require-session.decorator.js';
export { UserId } from './decorators/user-id.decorator.js';
export { CsrfExempt } from './decorators/csrf-exempt.decorator.js';
export { SessionGuard } from './guards/session.guard.js';
export { CsrfGuard } from './guards/csrf.guard.js';

export { session } from './session.middleware.js';
export type { SessionMiddleware } from './session.middleware.js';
export type { Duration } from './session.duration.js';
export type { SessionOptions } from './session.options.js';
export type { InferSession, SessionSchema } from './session.schema.js';
export { combined } from './session.binding.js';
export type { SessionBinding } from './session.binding.js';
export { clientAddress, userAgent } from './session.client.js';

export { header } from './transports/header.transport.js';
export { bearer } from './transports/bearer.transport.js';
export { cookie } from './transports/cookie.transport.js';
export type { CookieOptions } from './transports/cookie.transport.js';
export type { CookieAttributes } from './transports/cookie-attributes.js';
export type { CsrfOptions } from './transports/csrf.js';
export type { TransportPlan } from './transports/transport-plan.js';
export type { SessionTransport, TransportAnswer, TransportRequest } from './transports/session-transport.js';

export { jsonCodec } from './codec/json.codec.js';
export { encrypted } from './codec/encrypted.codec.js';
export type { EncryptedOptions } from './codec/encrypted.codec.js';
export type { EncryptionKey } from './codec/encryption-keys.js';
export type { PlainText, SealContext, SealOpening, SessionCodec } from './codec/session-codec.js';

export { MemoryStore } from './stores/memory.store.js';
export type { MemoryStoreOptions } from './stores/memory.store.js';
export { endOf, laterUse, Store } from './stores/session-store.js';
export type {
  AtomicSessionStore,
  Awaitable,
  EndingsListener,
  SessionEndings,
  SessionRecord,
  SessionStore,
  SessionTimes,
  StoreCallback,
  StoredSession,
  StoreHost,
  SweepResult,
  UpdateResult,
} from './stores/session-store.js';

export type {
  UserIndex,
  UserIndexAddition,
  UserIndexChoice,
  UserIndexEntry,
  UserIndexTerms,
} from './stores/user-index.js';

export { SessionConfigError, SessionDataError, SessionError, SessionUsageError } from './session.errors.js';
export type { SessionErrorCode } from './session.errors.js';
export type { SessionEvent, SessionEventType, SessionLogger } from './session.events.js';
export type { SessionCommitMessage, SessionEventMessage, StoreOperationMessage } from './telemetry/channels.js';
export type { StoreOutcome } from './telemetry/store-outcome.js';
