import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as api from './index.js';

const NAMES = [
  'CsrfExempt',
  'CsrfGuard',
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
  'LoginOptions',
  'MemoryStoreOptions',
  'PlainText',
  'RegenerateOptions',
  'SealContext',
  'SealOpening',
  'SessionBinding',
  'SessionCallback',
  'SessionCodec',
  'SessionData',
  'SessionDetails',
  'SessionDevice',
  'SessionErrorCode',
  'SessionEvent',
  'SessionEventType',
  'SessionInfo',
  'SessionLogger',
  'SessionMiddleware',
  'SessionModuleAsyncOptions',
  'SessionModuleOptions',
  'SessionOptions',
  'SessionOptionsFactory',
  'SessionRecord',
  'SessionStore',
  'SessionTimes',
  'SessionTransport',
  'StoreCallback',
  'StoreHost',
  'StoreOrClass',
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
