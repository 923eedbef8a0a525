import { jest } from '@jest/globals';
import * as crypto from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { PLATFORMS } from '../support/platforms.js';

/** The lengths of what was compared in constant time. */
const compared: [number, number][] = [];
/** What was hashed. */
const hashed: unknown[] = [];
const comparing = (one: NodeJS.ArrayBufferView, other: NodeJS.ArrayBufferView): void => {
  compared.push([one.byteLength, other.byteLength]);
};

const real = createRequire(import.meta.url)('node:crypto') as typeof crypto;
const { timingSafeEqual } = real;
// The library that signs asks the module itself.
jest.spyOn(real, 'timingSafeEqual').mockImplementation((one, other) => {
  comparing(one, other);
  return timingSafeEqual(one, other);
});
jest.unstable_mockModule('node:crypto', () => ({
  ...crypto,
  timingSafeEqual: real.timingSafeEqual,
  hash: (...args: Parameters<typeof crypto.hash>): unknown => {
    hashed.push(args[1]);
    return crypto.hash(...args);
  },
}));
const { cookie, SessionService } = await import('nestjs-token-session');
const { closeApps, startApp } = await import('../support/app.js');
const { call } = await import('../support/client.js');
const { CounterController } = await import('../support/counter.controller.js');
const { ProbedStore } = await import('../support/stores.js');
const { SECRETS, SIGNED, signed, UNSIGNED, WAYS } = await import('./support/ways.js');

const { subtle } = crypto.webcrypto;
const base64url = (bytes: ArrayBuffer): string => Buffer.from(bytes).toString('base64url');

/** All sources of the package but those for tests, each with its path. */
function sources(folder = join(import.meta.dirname, '../../lib')): [string, string][] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts') && !path.startsWith('testing'))
    .map((path) => [path, readFileSync(join(folder, path), 'utf8')]);
}

afterEach(closeApps);

describe.each(PLATFORMS)('cryptography on %s', (platform) => {
  const start = (way = SIGNED, store = new ProbedStore()) =>
    startApp(platform, { controllers: [CounterController], session: { store, transport: way.transport() } });

  it.each(WAYS.map((way) => [way.title, way] as const))(
    'ASVS 11.2.4: known, unknown and almost right tokens are one hash of the whole and one lookup by it: %s',
    async (_title, way) => {
      const store = new ProbedStore();
      const app = await start(way, store);
      const ids: string[] = [];
      const token = way.received(await call(app.url, '/views', { method: 'POST' })) as string;
      store.before = (_operation, id) => ids.push(id);
      const other = `${token.slice(0, 41)}${token[41] === 'A' ? 'B' : 'A'}${token[42] as string}`;
      const first = `${token[0] === 'A' ? 'B' : 'A'}${token.slice(1)}`;
      for (const sent of [token, other, first]) {
        ids.length = hashed.length = store.calls.length = 0;
        await call(app.url, '/views', { headers: way.send(sent) });
        expect([hashed, store.calls]).toEqual([[sent], ['load']]);
        // Nothing of how near a token is can be seen in what is looked up.
        expect(ids).toEqual([base64url(await subtle.digest('SHA-256', Buffer.from(sent)))]);
      }
    },
  );

  it('ASVS 11.2.4: signatures are compared in constant time, right ones and wrong ones, once for each secret', async () => {
    const app = await start();
    const token = SIGNED.received(await call(app.url, '/views', { method: 'POST' })) as string;
    const look = async (cookieValue: string): Promise<[number, number][]> => {
      compared.length = 0;
      await call(app.url, '/views', { headers: UNSIGNED.send(cookieValue) });
      return [...compared];
    };
    const whole = `s:${token}.`.length - 's:'.length + 43;
    const same = [whole, whole];
    expect(await look(signed(token))).toEqual([same]);
    expect(await look(signed(token, SECRETS[1]))).toEqual([same, same]);
    expect(await look(signed(token, 'neither'))).toEqual([same, same]);
    expect(await look(`s:${token}.${'A'.repeat(43)}`)).toEqual([same, same]);
  });
});

describe('cryptography', () => {
  it('ASVS 11.2.4: seals are compared in constant time', () => {
    const transport = cookie({ name: 'connect.sid', secret: SECRETS });
    const seal = transport.seal?.('text') as string;
    compared.length = 0;
    expect(transport.isSealed?.('text', seal)).toBe(true);
    expect(transport.isSealed?.('text', `${seal[0] === 'A' ? 'B' : 'A'}${seal.slice(1)}`)).toBe(false);
    expect(compared).toEqual([[32, 32], ...Array<[number, number]>(2).fill([32, 32])]);
    for (const cut of ['', 'x', seal.slice(1), `${seal}AAAA`]) expect(transport.isSealed?.('text', cut)).toBe(false);
  });

  it('ASVS 11.4.1: a signature is HMAC-SHA-256 of the token by the secret, as another implementation computes it', async () => {
    const app = await startApp('express', {
      controllers: [CounterController],
      session: { transport: SIGNED.transport() },
    });
    const answer = await call(app.url, '/views', { method: 'POST' });
    const value = decodeURIComponent(/^connect\.sid=([^;]*)/.exec(answer.cookies[0] as string)?.[1] as string);
    const [, token, signature] = /^s:([\w-]{43})\.(.*)$/.exec(value) as unknown as [string, string, string];
    const hmac = { name: 'HMAC', hash: 'SHA-256' };
    const key = await subtle.importKey('raw', Buffer.from(SECRETS[0]), hmac, false, ['sign']);
    const expected = Buffer.from(await subtle.sign('HMAC', key, Buffer.from(token)));
    expect(signature).toBe(expected.toString('base64').replace(/=+$/, ''));
    // And the key of a seal is another one: what a cookie shows of one says nothing of the other.
    expect(cookie({ name: 'connect.sid', secret: SECRETS }).seal?.(token)).not.toBe(expected.toString('base64url'));
    expect(await app.get(SessionService).load(token)).toBeDefined();
  });

  it('ASVS 11.4.1: SHA-256 is the only hash, but where Redis calls scripts by SHA-1', () => {
    const named = sources().flatMap(([path, text]) =>
      [...text.matchAll(/\b(?:hash|createHash|createHmac|hkdfSync|hkdf|scrypt\w*|pbkdf2\w*)\(\s*'([^']+)'/g)].map(
        ([, algorithm]) => `${algorithm as string} ${algorithm === 'sha256' ? '' : path}`.trim(),
      ),
    );
    expect(new Set(named)).toEqual(new Set(['sha256', 'sha1 stores/redis/redis-script.ts']));
    expect(named.length).toBeGreaterThan(5);
  });

  it('ASVS 11.5.1: what is random comes from the CSPRNG of the system', () => {
    const all = sources();
    expect(all.length).toBeGreaterThan(100);
    for (const [path, text] of all) {
      expect([path, /Math\s*\.\s*random|pseudoRandomBytes|randomUUID\(\s*\{/.exec(text)?.[0]]).toEqual([
        path,
        undefined,
      ]);
    }
  });
});
