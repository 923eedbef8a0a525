import { Controller, Get, Post } from '@nestjs/common';
import { Session } from 'nestjs-token-session';
import { keyvStore, type KeyvClient } from 'nestjs-token-session/keyv';
import { closeApps, startApp } from '../../support/app.js';
import { call } from '../../support/client.js';
import { Backend, VERSIONS, type KeyvVersion, type Outage } from './backends.js';

const ID = 'a'.repeat(43);
const SESSION = { views: 1 };
const MINUTE = 60_000;

const OUTAGES: Outage[] = ['throws', 'emits and gives nothing', 'emits and gives undefined'];

/** Whether the application listens to errors of its cache: Keyv 6 swallows them only then. */
const LISTENERS = [
  ['somebody listens to', true],
  ['nobody listens to', false],
] as const;

describe.each(VERSIONS)('a broken cache of $version', ({ open }) => {
  describe.each(LISTENERS)('whose errors %s', (_name, isListening) => {
    let backend: Backend;
    let store: ReturnType<typeof keyvStore>;

    beforeEach(async () => {
      backend = new Backend();
      const keyv = open(backend);
      if (isListening) keyv.on('error', () => undefined);
      store = keyvStore(keyv);
      await store.set(ID, SESSION, MINUTE);
    });

    it.each(OUTAGES)('law 9: that %s is no missing session', async (outage) => {
      backend.outage = outage;
      await expect(store.get(ID)).rejects.toThrow('the backend is away');
      backend.outage = undefined;
      expect(await store.get(ID)).toEqual(SESSION);
    });

    it.each<Outage>([...OUTAGES, 'gives false'])('law 4: that %s has stored nothing', async (outage) => {
      backend.outage = outage;
      backend.affects = ['set'];
      await expect(store.set(ID, { views: 2 }, MINUTE)).rejects.toThrow(/the backend is away|did not store/);
      expect(await store.get(ID)).toEqual(SESSION);
    });

    it.each<Outage>([...OUTAGES, 'gives false'])('law 6, F77: that %s has destroyed nothing', async (outage) => {
      backend.outage = outage;
      backend.affects = ['delete'];
      await expect(store.destroy(ID)).rejects.toThrow(/the backend is away|did not delete/);
      expect(await store.get(ID)).toEqual(SESSION);
    });

    it('law 9: what was carried out in spite of an error is told as done', async () => {
      // Keyv 6 throws where nobody listens: then the outcome is not known.
      if (!isListening && (await emits(open))) return;
      backend.outage = 'emits and carries out';
      backend.affects = ['set', 'delete'];
      await store.set(ID, { views: 2 }, MINUTE);
      expect(await store.get(ID)).toEqual({ views: 2 });
      await store.destroy(ID);
      expect(await store.get(ID)).toBeUndefined();
    });

    it('law 9: a session is found, whatever else fails at the same time', async () => {
      const found = store.get(ID);
      if (isListening) backend.emit('error', new Error('another one'));
      expect(await found).toEqual(SESSION);
    });

    it('all() and clear() do not stop half way without a word', async () => {
      backend.outage = 'throws';
      backend.affects = ['iterator'];
      await expect(store.all?.()).rejects.toThrow('the backend is away');
      await expect(store.clear?.()).rejects.toThrow('the backend is away');
      backend.affects = ['delete'];
      await expect(store.clear?.()).rejects.toThrow('the backend is away');
      backend.outage = undefined;
      expect(Object.keys((await store.all?.()) ?? {})).toEqual([ID]);
    });
  });

  it('destroying what is not there succeeds', async () => {
    await keyvStore(open(new Backend())).destroy(ID);
    await keyvStore(open(new Map())).destroy(ID);
  });

  it('leaves the errors of the rest of the application as they were', async () => {
    const backend = new Backend();
    const keyv = open(backend);
    const before = keyv.listeners('error').length;
    const store = keyvStore(keyv);
    await Promise.all([store.set(ID, SESSION, MINUTE), store.get(ID), store.get('b'.repeat(43))]);
    expect(keyv.listeners('error')).toHaveLength(before);
    const listeners = backend.listenerCount('error');
    await store.get(ID);
    expect(backend.listenerCount('error')).toBe(listeners);
  });
});

describe('Keyv 6 whose errors nobody listens to', () => {
  it('throws them to the rest of the application, also while a session is read', async () => {
    const backend = new Backend();
    const keyv = VERSIONS[1]?.open(backend) as KeyvClient & { get(key: string): Promise<unknown> };
    backend.outage = 'throws';
    const outcomes = await Promise.allSettled([keyv.get('user:1'), keyvStore(keyv).get(ID)]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });
});

describe('Keyv 5 with emitErrors: false', () => {
  it('law 9: the errors of its adapter are heard all the same', async () => {
    const backend = new Backend();
    const store = keyvStore(VERSIONS[0]?.open(backend, { emitErrors: false }) as never);
    backend.outage = 'emits and gives nothing';
    await expect(store.get(ID)).rejects.toThrow('the backend is away');
  });
});

@Controller()
class ViewsController {
  @Get()
  views(@Session() sess: Session<{ views: number }>): number {
    return sess.views ?? 0;
  }

  @Post()
  view(@Session() sess: Session<{ views: number }>): number {
    return (sess.views = (sess.views ?? 0) + 1);
  }
}

describe.each(['express', 'fastify'] as const)('an application on %s with its sessions in Keyv', (platform) => {
  afterEach(closeApps);

  it.each(VERSIONS)('law 9, F67: a broken $version is 503, nobody is signed out', async ({ open }) => {
    const backend = new Backend();
    const keyv = open(backend);
    keyv.on('error', () => undefined);
    const { url } = await startApp(platform, { controllers: [ViewsController], session: { store: keyvStore(keyv) } });
    const { token } = await call(url, '/', { method: 'POST' });
    for (const outage of OUTAGES) {
      backend.outage = outage;
      const answer = await call(url, '/', { token });
      expect(answer.status).toBe(503);
      expect(answer.token).toBeUndefined();
      expect((await call(url, '/', { method: 'POST' })).status).toBe(503);
      backend.outage = undefined;
      expect((await call(url, '/', { token })).text).toBe('1');
    }
  });
});

/** Whether a Keyv without listeners throws its errors. */
async function emits(open: KeyvVersion['open']): Promise<boolean> {
  const backend = new Backend();
  backend.outage = 'emits and gives nothing';
  return open(backend)
    .getRaw('key')
    .then(
      () => false,
      () => true,
    );
}
