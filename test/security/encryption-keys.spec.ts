import { inspect } from 'node:util';
import { MemoryStore } from 'express-session';
import {
  cookie,
  encrypted,
  SessionService,
  type AtomicSessionStore,
  type EncryptionKey,
  type PlainText,
  type SessionEvent,
  type SessionOptions,
  type SessionStore,
} from 'nestjs-token-session';
import { expressStore } from 'nestjs-token-session/express-session';
import { closeApps } from '../support/app.js';
import { HEADER } from '../support/carriers.js';
import { collectEvents } from '../support/events.js';
import { closeStores } from '../support/express-stores.js';
import { DONE, Flight, type Seen } from '../support/flight.js';
import { PLATFORMS } from '../support/platforms.js';
import { removeFiles } from '../support/sqlite/files.js';
import { codecWith, Intruder, keyIdOf, newKey, STORES } from './support/encrypted-stores.js';

const KEPT: Seen = { status: 503, token: undefined, says: 'FORMAT_UNKNOWN' };

const OLD = newKey('2026-11');
const NEW = newKey('2026-12');

afterEach(async () => {
  await closeApps();
  closeStores();
  removeFiles();
});

/** What a process says of a session, and what it noted. */
function reasons(events: SessionEvent[], type: SessionEvent['type']): string[] {
  return events.flatMap((event) => (event.type === type && 'reason' in event ? [event.reason] : []));
}

describe.each(STORES)('keys of $name on $platform', ({ open, platform }) => {
  function processesOf(store: SessionStore | AtomicSessionStore) {
    return async (codec?: SessionOptions['codec']) => {
      const lines: string[] = [];
      const logger = { warn: (line: string) => lines.push(line), error: (line: string) => lines.push(line) };
      const flight = await Flight.start(platform, HEADER, { store, logger, ...(codec !== undefined && { codec }) });
      return { flight, lines, events: collectEvents(flight.running) };
    };
  }

  function begin() {
    const { store } = open();
    return { process: processesOf(store), intruder: new Intruder(store) };
  }

  it('ASVS 13.3.4: the first key seals, all open; the next write seals anew', async () => {
    const { process, intruder } = begin();
    const before = await process(codecWith(OLD));
    const token = await before.flight.visit();
    expect(keyIdOf(await intruder.record(token))).toBe(OLD.id);

    // First everywhere the new one behind the old one, and then in front.
    const known = await process(codecWith(OLD, NEW));
    const turned = await process(codecWith(NEW, OLD));
    expect(await turned.flight.dataOf(token)).toEqual({ cart: 'full' });
    expect(await turned.flight.run('read', token)).toMatchObject({ says: { cart: 'full' } });
    expect(keyIdOf(await intruder.record(token))).toBe(OLD.id);
    expect(await turned.flight.run('write', token)).toEqual(DONE);
    expect(keyIdOf(await intruder.record(token))).toBe(NEW.id);
    expect(await known.flight.run('note', token)).toEqual(DONE);
    expect(keyIdOf(await intruder.record(token))).toBe(OLD.id);
    expect(await turned.flight.run('shop-more', token)).toEqual(DONE);

    // Nothing needs the old key any more.
    const last = await process(codecWith(NEW));
    expect(await last.flight.dataOf(token)).toEqual({ cart: 'fuller', written: true, noted: true });
  });

  it.each<[string, SessionOptions['codec'], RegExp]>([
    ['another key', codecWith(NEW), /key '2026-11', which this process does not have: add that key behind the first/],
    ['no encryption', undefined, /it is encrypted, and this process has no key: set codec to encrypted\(\{ keys \}\)/],
  ])('S52: a process with %s keeps the session, says 503, and the log says what to do', async (_name, codec, line) => {
    const { process, intruder } = begin();
    const right = await process(codecWith(OLD));
    const token = await right.flight.signIn(await right.flight.visit());
    const { payload } = await intruder.record(token);

    const { flight, lines, events } = await process(codec);
    for (const operation of ['read', 'write', 'update', 'login', 'regenerate'] as const) {
      expect([operation, await flight.run(operation, token)]).toEqual([operation, KEPT]);
    }
    await expect(flight.dataOf(token)).rejects.toMatchObject({ code: 'FORMAT_UNKNOWN' });
    // It counts among the user's sessions, and nothing of it is shown.
    expect(await flight.run('list')).toMatchObject({ says: [] });
    expect(reasons(events, 'format_unknown')[0]).toMatch(line);
    expect(reasons(events, 'record_corrupt')).toEqual([]);
    expect(lines.filter((text) => line.test(text))).toHaveLength(1);

    expect((await intruder.record(token)).payload).toBe(payload);
    expect(await right.flight.dataOf(token)).toEqual({ cart: 'full' });
    expect(await right.flight.run('write', token)).toEqual(DONE);
  });

  it('S52: a conflict with a process whose key is not here is 503, and loses nothing of it', async () => {
    const { process } = begin();
    const [old, turned] = [await process(codecWith(OLD)), await process(codecWith(NEW, OLD))];
    const token = await old.flight.visit();
    const seen = await old.flight.across('write', token, () => turned.flight.run('note', token));
    expect(seen).toEqual(KEPT);
    expect(await turned.flight.dataOf(token)).toEqual({ cart: 'full', noted: true });
  });

  const inPlain = (plainText: PlainText, ...keys: EncryptionKey[]) => encrypted({ keys, plainText });

  it("plainText: 'read' reads sessions from before encryption, and encrypts them at their next write", async () => {
    const { process, intruder } = begin();
    const before = await process();
    const token = await before.flight.signIn(await before.flight.visit());
    const { flight, lines } = await process(inPlain('read', NEW));
    expect(lines.filter((text) => /plainText: 'read'.*whoever can write to the store/.test(text))).toHaveLength(1);
    expect(await flight.run('read', token)).toMatchObject({ says: { cart: 'full' } });
    expect(keyIdOf(await intruder.record(token))).toBeUndefined();
    expect(await flight.run('write', token)).toEqual(DONE);
    expect(keyIdOf(await intruder.record(token))).toBe(NEW.id);
    const strict = await process(codecWith(NEW));
    expect(await strict.flight.dataOf(token)).toEqual({ cart: 'full', written: true });
    expect(await strict.flight.opening(token)).toEqual([true]);
    expect(strict.lines.filter((text) => text.includes('plainText'))).toEqual([]);
  });

  it("CVE-2026-39324: plainText: 'read' takes no broken seal for plain text", async () => {
    const { process, intruder } = begin();
    const { flight, events } = await process(inPlain('read', NEW));
    const token = await flight.visit();
    await intruder.alter(token, { payload: '2\n{"cart":"forged"}' });
    expect(await flight.run('read', token)).toMatchObject({ status: 201, says: {} });
    expect(reasons(events, 'record_corrupt')).toEqual([expect.stringMatching(/^its seal does not open/)]);
  });

  it("law 9: plainText: 'write' and then 'read' turn encryption on in process after process, without a 503", async () => {
    const { process, intruder } = begin();
    const plain = await process();
    const token = await plain.flight.visit();
    // One after the other gets it; those that do not have it yet read what it stores.
    const ready = await process(inPlain('write', NEW));
    expect(ready.lines.filter((text) => /stored without encryption \(plainText: 'write'\)/.test(text))).toHaveLength(1);
    expect(await ready.flight.run('write', token)).toEqual(DONE);
    expect(keyIdOf(await intruder.record(token))).toBeUndefined();
    expect(await plain.flight.run('note', token)).toEqual(DONE);
    // Only then the first one encrypts, and the others open it.
    const sealing = await process(inPlain('read', NEW));
    expect(await sealing.flight.run('shop-more', token)).toEqual(DONE);
    expect(keyIdOf(await intruder.record(token))).toBe(NEW.id);
    expect(await ready.flight.dataOf(token)).toEqual({ cart: 'fuller', written: true, noted: true });
    // The way back is the same.
    expect(await ready.flight.run('save', token)).toEqual(DONE);
    expect(await ready.flight.run('shop', token)).toEqual(DONE);
    expect(keyIdOf(await intruder.record(token))).toBeUndefined();
    expect(await plain.flight.dataOf(token)).toEqual({ cart: 'full', written: true, noted: true });
  });

  it('law 2: no key in any log line, event or error, whatever goes wrong', async () => {
    const { process, intruder } = begin();
    const shown: unknown[] = [];
    for (const codec of [codecWith(OLD), codecWith(NEW), undefined]) {
      const { flight, lines, events } = await process(codec);
      const token = await flight.visit();
      shown.push(lines, events, flight.sessions, await flight.dataOf(token));
      for (const payload of ['2\n2026-11.AAAA', '2\n', '1\n{', '2\nother.AAAA']) {
        const other = await flight.visit();
        await intruder.alter(other, { payload });
        shown.push(await flight.run('read', other), await flight.dataOf(other).catch((error: unknown) => error));
      }
    }
    const text = inspect(shown, { depth: 12, showHidden: true, maxArrayLength: null, maxStringLength: null });
    for (const { key } of [OLD, NEW]) {
      const raw = Buffer.from(key as Uint8Array);
      for (const encoding of ['base64', 'base64url', 'hex'] as const)
        expect(text).not.toContain(raw.toString(encoding));
      expect(text).not.toContain(inspect(raw).slice(8, 40));
    }
  });
});

describe.each(PLATFORMS)('encryption and express-session on %s', (platform) => {
  it('rawIds is a boot error: express-session reads and writes the same sessions in plain text', async () => {
    const starting = Flight.start(platform, HEADER, {
      store: expressStore(new MemoryStore(), { rawIds: true }),
      transport: cookie({ name: 'connect.sid', secret: 'a secret of express-session' }),
      codec: codecWith(OLD),
    });
    await expect(starting).rejects.toMatchObject({
      name: 'SessionConfigError',
      code: 'INVALID_OPTION',
      message: expect.stringMatching(
        /option codec: with rawIds takes one that does not encrypt, as express-session/,
      ) as string,
    });
  });

  it('law 9: SessionService.load tells of a session that is kept, and of none that is gone', async () => {
    const store = STORES[0]?.open().store as AtomicSessionStore;
    const one = await Flight.start(platform, HEADER, { store, codec: codecWith(OLD) });
    const other = await Flight.start(platform, HEADER, { store, codec: codecWith(NEW) });
    const token = await one.visit();
    const { sessions } = other;
    expect(sessions).toBeInstanceOf(SessionService);
    await expect(sessions.load(token)).rejects.toMatchObject({ code: 'FORMAT_UNKNOWN', status: 503 });
    await one.run('logout', token);
    expect(await sessions.load(token)).toBeUndefined();
  });
});
