import { jsonCodec, SessionDataError, type SessionCodec } from 'nestjs-token-session';
import { SqliteStore } from 'nestjs-token-session/sqlite';
import { closeApps } from '../support/app.js';
import { PLATFORMS } from '../support/platforms.js';
import { openDatabase, removeFiles } from '../support/sqlite/files.js';
import { MARKER, QuotingApp } from './support/quoting-app.js';

afterEach(async () => {
  await closeApps();
  removeFiles();
});

class QuotingError extends Error {
  override readonly name = `refused ${MARKER}`;
}

/** What codecs throw; and what is told of it. */
const THROWN = [
  ['an error of the language', () => new SyntaxError(`Unexpected token in ${MARKER}`), 'the codec threw SyntaxError'],
  ['an error of its own', () => new QuotingError(MARKER), 'the codec threw QuotingError'],
  ['text', () => MARKER, 'the codec threw a string'],
  ['nothing', () => undefined, 'the codec threw undefined'],
  [
    'an object without a class',
    () => Object.assign(Object.create(null) as object, { MARKER }),
    'the codec threw an object',
  ],
] as const;

describe.each(PLATFORMS)('on %s', (platform) => {
  it.each(THROWN)('ASVS 16.2.5: what a codec quotes is in no event and no line: %s', async (_title, thrown, told) => {
    const codec: SessionCodec = {
      encode: () => {
        throw thrown() as Error;
      },
      decode: (text) => JSON.parse(text) as Record<string, unknown>,
    };
    const app = await QuotingApp.start(platform, { codec });

    expect((await app.write()).status).toBe(503);
    const reasons = app.reasons('data_refused');
    expect(reasons.length).toBeGreaterThan(0);
    expect(new Set(reasons)).toEqual(new Set([`${told}: see the error of the request`]));
    expect(app.lines).toHaveLength(1);
    expect(JSON.stringify([app.events, app.lines])).not.toMatch(MARKER);
    // The request's own error is the codec's, as it was thrown.
    expect(app.errors).toContainEqual(thrown());
  });

  it('ASVS 16.2.5: what SQLite tells of a row that it refuses is in no event, line or error', async () => {
    const database = openDatabase();
    const app = await QuotingApp.start(platform, { store: new SqliteStore({ database }) });
    database.exec('CREATE UNIQUE INDEX one ON token_session (payload)');

    expect((await app.write()).status).toBe(201);
    expect((await app.write()).status).toBe(503);
    expect(app.reasons('store_failed')).toEqual([expect.stringMatching('UNIQUE constraint failed')]);
    expect(app.told()).not.toMatch(MARKER);
  });
});

it('ASVS 16.2.5: a SessionDataError is told by its message, which names a key and no value', async () => {
  const codec: SessionCodec = {
    ...jsonCodec,
    encode: () => {
      throw new SessionDataError('DATA_NOT_STORABLE', 'The session can\'t store a Money at "price".');
    },
  };
  const app = await QuotingApp.start('express', { codec });
  await app.write();
  expect(app.reasons('data_refused')).toContain('The session can\'t store a Money at "price".');
});
