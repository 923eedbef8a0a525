import { Inject, Injectable, Module } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { MemoryStore, SESSION_STORE, SessionModule } from 'nestjs-token-session';
import { FaultyStore, TestClock, testSessions } from 'nestjs-token-session/testing';

class Clock {
  readonly now = (): number => Date.now();
}

/** As a pool of connections that is opened at the boot: there is no server. */
@Injectable()
class Database {
  migrate(): Promise<void> {
    return Promise.reject(new Error('connect ECONNREFUSED'));
  }
}

@Module({ providers: [Clock, Database], exports: [Clock, Database] })
class PartsModule {}

@Module({
  imports: [
    SessionModule.forRootAsync({
      imports: [PartsModule],
      inject: [Clock, Database],
      useFactory: async (clock: Clock, database: Database) => {
        await database.migrate();
        return {
          clock: clock.now,
          store: new MemoryStore(),
          logger: { warn: () => undefined, error: () => undefined },
        };
      },
    }),
  ],
})
class AppModule {
  constructor(@Inject(SESSION_STORE) readonly store: unknown) {}
}

describe('an application whose module stands in a file of its own', () => {
  it('has the clock and the store of the test; what its factory needs is overridden, for it runs all the same', async () => {
    const clock = new TestClock();
    const store = new FaultyStore();
    const overridden = () =>
      Test.createTestingModule({ imports: [AppModule] })
        .overrideProvider(SESSION_STORE)
        .useValue(store)
        .overrideProvider(Clock)
        .useValue(clock);
    await expect(overridden().compile()).rejects.toThrow('ECONNREFUSED');
    const testing = await overridden()
      .overrideProvider(Database)
      .useValue({ migrate: () => Promise.resolve() })
      .compile();
    const app = await testing.createNestApplication().init();
    const sessions = testSessions(app);
    const ada = await sessions.signedIn('ada');
    expect(store.calls).toContain('create');
    clock.advance('29m');
    expect(await sessions.stored(ada)).toMatchObject({ userId: 'ada', startedAt: Date.UTC(2026, 0, 1) });
    clock.advance('1m');
    expect(await sessions.stored(ada)).toBeUndefined();
    await app.close();
  });
});
