import {
  MemoryStore,
  session,
  SessionConfigError,
  SessionModule,
  type AtomicSessionStore,
  type StoreHost,
} from 'nestjs-token-session';
import { closeApps, startApp } from '../support/app.js';
import { call } from '../support/client.js';
import { CounterController } from '../support/counter.controller.js';
import { PLATFORMS } from '../support/platforms.js';

afterEach(closeApps);

/** A store that looks at its backend when it is handed over. */
function remoteStore(look: () => Promise<void>): AtomicSessionStore & { isClosed: boolean } {
  const inner = new MemoryStore();
  const store = Object.assign(Object.create(inner) as MemoryStore, {
    isClosed: false,
    attach(host: StoreHost): Promise<void> {
      inner.attach(host);
      return look();
    },
    close(): void {
      store.isClosed = true;
    },
  });
  return store;
}

const noTable = (): Promise<void> =>
  Promise.reject(new SessionConfigError('INVALID_STORE', 'There is no table: run migrate().'));

const notThere = (): Promise<void> => Promise.reject(new Error('connect ECONNREFUSED'));

/** Gathers the log lines. */
function gathering(): { lines: string[]; logger: { warn(line: string): void; error(line: string): void } } {
  const lines: string[] = [];
  const take = (line: string): void => void lines.push(line);
  return { lines, logger: { warn: take, error: take } };
}

describe.each(PLATFORMS)('a store that looks at its backend at boot, on %s', (platform) => {
  it('S55: ends the boot when it can never work, with the remedy, and is closed', async () => {
    const store = remoteStore(noTable);
    const starting = startApp(platform, { controllers: [CounterController], session: { store } });
    await expect(starting).rejects.toMatchObject({
      code: 'INVALID_STORE',
      message: expect.stringContaining('migrate()'),
    });
    expect(store.isClosed).toBe(true);
  });

  it('S55: the same where a factory makes the options', async () => {
    const module = SessionModule.forRootAsync({ useFactory: () => ({ store: remoteStore(noTable) }) });
    await expect(startApp(platform, { controllers: [], imports: [module] })).rejects.toThrow('run migrate()');
  });

  it.each<[string, () => Promise<void>, string]>([
    ['is not there', notThere, 'ECONNREFUSED'],
    ['does not answer within storeTimeout', () => new Promise(() => undefined), 'no answer within 20 ms'],
  ])('F67: does not keep the application from starting when the backend %s', async (_, look, reason) => {
    const { lines, logger } = gathering();
    const app = await startApp(platform, {
      controllers: [CounterController],
      session: { store: remoteStore(look), storeTimeout: 20, logger },
    });
    expect(lines).toEqual([expect.stringContaining(reason)]);
    expect((await call(app.url, '/views')).status).toBe(200);
  });
});

it('S55: the plain middleware, which nobody waits for, tells what is wrong', async () => {
  const { lines, logger } = gathering();
  const { close, service } = session({ store: remoteStore(noTable), logger });
  await expect(service.count()).resolves.toBe(0);
  expect(lines).toEqual([expect.stringContaining('run migrate()')]);
  await close();
});
