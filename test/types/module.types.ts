import { Inject, Injectable, Module } from '@nestjs/common';
import {
  bearer,
  cookie,
  header,
  MemoryStore,
  session,
  SESSION_STORE,
  SessionModule,
  Store,
  type AtomicSessionStore,
  type SessionOptions,
  type SessionOptionsFactory,
  type SessionRecord,
  type SessionStore,
  type SessionTransport,
  type StoreCallback,
  type StoredSession,
  type UpdateResult,
} from 'nestjs-token-session';

@Injectable()
class Database {
  readonly rows = new Map<string, StoredSession>();
}

/** A store as users write it, with a constructor that Nest injects. */
@Injectable()
class InjectedStore implements SessionStore {
  constructor(private readonly database: Database) {}
  get(sid: string): Promise<StoredSession | undefined> {
    return Promise.resolve(this.database.rows.get(sid));
  }
  async set(sid: string, stored: StoredSession, ttl: number): Promise<void> {
    void ttl.toFixed();
    this.database.rows.set(sid, stored);
  }
  async destroy(sid: string): Promise<void> {
    this.database.rows.delete(sid);
  }
}

class CallbackStore extends Store {
  get(_sid: string, callback: StoreCallback<StoredSession>): void {
    callback(null, { views: 1 });
  }
  set(_sid: string, _session: StoredSession, _ttl: number, callback: StoreCallback): void {
    callback();
  }
  destroy(_sid: string, callback: StoreCallback): void {
    callback(new Error('down'));
  }
}

class StrongStore implements AtomicSessionStore {
  load(_id: string): SessionRecord | undefined {
    return undefined;
  }
  create(_id: string, record: SessionRecord): boolean {
    // @ts-expect-error a record is not changed
    record.version = '2';
    return true;
  }
  async update(_id: string, record: SessionRecord, expectedVersion: string): Promise<UpdateResult> {
    return record.version === expectedVersion ? { status: 'updated' } : { status: 'conflict', current: record };
  }
  touch(): boolean {
    return true;
  }
  destroy(): undefined {
    return undefined;
  }
}

// @ts-expect-error a store has to be able to destroy
class HalfStore extends Store {
  get(): undefined {
    return undefined;
  }
  set(): void {
    return;
  }
}

// @ts-expect-error a conflict gives the current record
export const conflict: UpdateResult = { status: 'conflict' };

SessionModule.forRoot();
SessionModule.forRoot(new MemoryStore());
SessionModule.forRoot(new MemoryStore({ maxSessions: 10 }), { idleTimeout: '30m' });
SessionModule.forRoot(new CallbackStore());
SessionModule.forRoot(new StrongStore());
SessionModule.forRoot(CallbackStore);
SessionModule.forRoot(InjectedStore, { imports: [] });
SessionModule.forRoot({ store: InjectedStore, idleTimeout: 60_000, global: false });
SessionModule.forRoot({ transport: [bearer(), cookie(), header('X-Session')] });
SessionModule.forRoot({ transport: { accept: [bearer(), cookie()], issue: () => bearer() } });
// @ts-expect-error no such option
SessionModule.forRoot({ idleTimout: '30m' });
// @ts-expect-error not one of the values
SessionModule.forRoot({ onStoreError: 'ignore' });
// @ts-expect-error an object that is no store
SessionModule.forRoot(new Map<string, string>());
// @ts-expect-error a class that is no store
SessionModule.forRoot(Database);
// @ts-expect-error a client is no store
SessionModule.forRoot('redis://localhost');
// @ts-expect-error a transport is made by calling
SessionModule.forRoot({ transport: header });
// @ts-expect-error not by name
SessionModule.forRoot({ transport: 'cookie' });
// @ts-expect-error a duration is a number or text
SessionModule.forRoot({ idleTimeout: new Date() });

@Injectable()
class Factory implements SessionOptionsFactory {
  createSessionOptions(): SessionOptions {
    return { maxBytes: 1_000 };
  }
}

SessionModule.forRootAsync({ useFactory: () => ({ idleTimeout: '1h', store: new CallbackStore() }) });
SessionModule.forRootAsync({
  imports: [],
  inject: [Database, { token: 'CONFIG', optional: true }],
  useFactory: async (database: Database) => Promise.resolve({ store: new InjectedStore(database) }),
  global: false,
});
SessionModule.forRootAsync({ useClass: Factory, store: InjectedStore });
SessionModule.forRootAsync({ useExisting: Factory });
// @ts-expect-error no such option
SessionModule.forRootAsync({ useFactory: () => ({ idleTimeout: true }) });
// @ts-expect-error a class that makes no options
SessionModule.forRootAsync({ useClass: Database });
// @ts-expect-error options belong to what the factory gives
SessionModule.forRootAsync({ useFactory: () => ({}), idleTimeout: '1h' });

@Module({ imports: [SessionModule.forRoot()] })
export class AppModule {
  constructor(@Inject(SESSION_STORE) readonly store: SessionStore | AtomicSessionStore) {}
}

/** The seed's shape: the factory, and the constructors on it. */
const middleware = session({ store: new session.MemoryStore() });
void middleware.service.count();
export const constructors = [session.Store, session.TokenSession, HalfStore];
// @ts-expect-error the token goes where a transport says
session({ header: 'X-Auth-Token' });

export const transport: SessionTransport = {
  name: 'query',
  explicit: true,
  vary: 'X',
  read: ({ raw }) => raw.headers['x'] as string | undefined,
  send: (answer, token, maxAge) => {
    answer.setHeader('X', `${token}; ${maxAge?.toFixed() ?? ''}`);
  },
  clear: (answer) => {
    answer.setHeader('X', '');
  },
};
// @ts-expect-error a transport has to be able to send
export const deaf: SessionTransport = { name: 'x', explicit: true, vary: 'X', read: () => undefined, clear: () => 1 };
