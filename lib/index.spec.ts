import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as api from './index.js';

const NAMES = [
  'CsrfExempt',
  'CsrfGuard',
  'InjectSessionService',
  'MemoryStore',
  'RequireLogin',
  'RequireRecentLogin',
  'RequireSession',
  'SESSION_STORE',
  'Session',
  'SessionConfigError',
  'SessionDataError',
  'SessionError',
  'SessionGuard',
  'SessionModule',
  'SessionService',
  'SessionUsageError',
  'Store',
  'TokenSession',
  'UserId',
  'bearer',
  'clientAddress',
  'combined',
  'cookie',
  'encrypted',
  'endOf',
  'getSessionServiceToken',
  'getSessionStoreToken',
  'header',
  'jsonCodec',
  'laterUse',
  'session',
  'userAgent',
];

const TYPES = [
  'AtomicSessionStore',
  'Awaitable',
  'CookieAttributes',
  'CookieOptions',
  'CsrfOptions',
  'Duration',
  'EncryptedOptions',
  'EncryptionKey',
  'EndingsListener',
  'InferSession',
  'LoginOptions',
  'MemoryStoreOptions',
  'PlainText',
  'RegenerateOptions',
  'SealContext',
  'SealOpening',
  'SessionBinding',
  'SessionCallback',
  'SessionCodec',
  'SessionCommitMessage',
  'SessionData',
  'SessionDetails',
  'SessionDevice',
  'SessionEnd',
  'SessionEndings',
  'SessionErrorCode',
  'SessionEvent',
  'SessionEventMessage',
  'SessionEventType',
  'SessionInfo',
  'SessionLogger',
  'SessionMiddleware',
  'SessionModuleAsyncOptions',
  'SessionModuleOptions',
  'SessionOptions',
  'SessionOptionsFactory',
  'SessionRecord',
  'SessionSchema',
  'SessionSource',
  'SessionStore',
  'SessionTimes',
  'SessionTransport',
  'StoreCallback',
  'StoreHost',
  'StoreOperationMessage',
  'StoreOrClass',
  'StoreOutcome',
  'StoredSession',
  'SweepResult',
  'TransportAnswer',
  'TransportPlan',
  'TransportRequest',
  'UpdateResult',
  'UserIndex',
  'UserIndexAddition',
  'UserIndexChoice',
  'UserIndexEntry',
  'UserIndexTerms',
  'UserSession',
];

describe('the public API', () => {
  it('has these names and no others: each one more is a promise, each one less breaks someone', () => {
    expect(Object.keys(api).toSorted()).toEqual(NAMES);
  });

  it('has these types and no others', () => {
    const source = readFileSync(join(import.meta.dirname, 'index.ts'), 'utf8');
    const types = [...source.matchAll(/^export type \{([^}]*)\}/gm)].flatMap(([, list = '']) =>
      list.split(',').map((name) => name.trim()),
    );
    expect(types.filter((name) => name !== '').toSorted()).toEqual(TYPES);
    // By name, one by one: nothing becomes public by being added to a file.
    expect(source).not.toMatch(/export \*|export default/);
  });
});
