import fc from 'fast-check';
import type { SealContext, SessionCodec } from './codec/session-codec.js';
import { sealed, userIdOf } from './session.sealing.js';
import type { SessionRecord } from './stores/session-store.js';

const RECORD: SessionRecord = {
  startedAt: 1_000,
  usedAt: 2_000,
  idleTimeout: 60_000,
  absoluteTimeout: 3_600_000,
  payload: '1\n{}',
  version: 'v1',
};

/** What the seal of a record is bound to. */
function contextOf(record: SessionRecord): SealContext | undefined {
  let seen: SealContext | undefined;
  const codec: SessionCodec = {
    encode: () => '',
    decode: () => ({}),
    seal: (text, context) => {
      seen = context;
      return text;
    },
  };
  sealed(codec, 'an id', record);
  return seen;
}

describe('what a seal is bound to', () => {
  it('ASVS 11.3.3: the id, the user, the start and both limits of a record', () => {
    const { startedAt, idleTimeout, absoluteTimeout } = RECORD;
    expect(contextOf({ ...RECORD, userId: 'ada' })).toStrictEqual({
      id: 'an id',
      userId: 'ada',
      startedAt,
      idleTimeout,
      absoluteTimeout,
    });
  });

  it('ASVS 11.3.3: whole ms, as some stores keep no others: a limit is never shorter than it was', () => {
    const record = { ...RECORD, startedAt: 1_000.4, idleTimeout: 60_000.2, absoluteTimeout: 3_599_999.5 };
    expect(contextOf(record)).toMatchObject({ startedAt: 1_000, idleTimeout: 60_001, absoluteTimeout: 3_600_000 });
  });

  it('ASVS 11.3.3: a limit that no store keeps as it is, is the longest that all do', () => {
    const record = { ...RECORD, idleTimeout: 1e14, absoluteTimeout: Number.MAX_SAFE_INTEGER };
    expect(contextOf(record)).toMatchObject({ idleTimeout: 1e14, absoluteTimeout: 1e14 });
    expect(contextOf({ ...record, absoluteTimeout: Infinity })).toMatchObject({ absoluteTimeout: 1e14 });
  });

  it('ASVS 11.3.3: a record that went through a store of whole ms is bound to the same', () => {
    const limit = fc.double({ min: 1, max: 1e16, noNaN: true });
    fc.assert(
      fc.property(limit, limit, (idleTimeout, absoluteTimeout) => {
        const before = contextOf({ ...RECORD, idleTimeout, absoluteTimeout });
        const { idleTimeout: idle = 0, absoluteTimeout: absolute = 0 } = before ?? {};
        expect([Number.isInteger(idle), Number.isInteger(absolute)]).toEqual([true, true]);
        expect(contextOf({ ...RECORD, idleTimeout: idle, absoluteTimeout: absolute })).toStrictEqual(before);
      }),
    );
  });
});

describe('the user of a record', () => {
  it.each<[string, string | null | undefined]>([
    ['missing', undefined],
    ['null, as in a column', null],
    ['empty text, as in a hash', ''],
  ])('ASVS 11.3.3, S56: is nobody where it is %s', (_name, stored) => {
    expect(userIdOf(stored)).toBeUndefined();
    expect(contextOf({ ...RECORD, userId: stored as string })?.userId).toBeUndefined();
  });

  it.each(['0', ' ', 'null', 'ada'])('S56: is whom it names, whatever that looks like: %j', (stored) => {
    expect(userIdOf(stored)).toBe(stored);
  });
});
