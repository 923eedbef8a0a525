import { startPeer, stopPeers, type PeerProcess } from '../../support/sqlite/peers.js';
import { newFile, removeFiles } from '../../support/sqlite/files.js';
import { until } from '../../support/redis/until.js';

// Each process compiles what it runs.
/** C51: one process for each. */
const ZONES = ['UTC', 'Pacific/Kiritimati', 'America/St_Johns', 'Pacific/Pago_Pago'];

describe('several processes on one file', () => {
  let file: string;
  let peers: PeerProcess['peer'][];
  let first: PeerProcess['peer'];

  beforeAll(async () => {
    file = newFile();
    const session = { maxPerUser: 3, onMaxPerUser: 'evict', storeTimeout: 20_000 } as const;
    // R65: at once, and none of them finds the tables there.
    const setups = ZONES.map((TZ) => startPeer({ file, session }, { TZ }));
    peers = (await Promise.all(setups)).map(({ peer }) => peer);
    [first] = peers as [PeerProcess['peer']];
  });
  afterAll(async () => {
    await stopPeers();
    removeFiles();
  });

  it('R65, law 5: create the tables at once, and every increment of one session counts', async () => {
    const token = await first.begin();
    const counts = await Promise.all(peers.map((peer) => peer.increment(token, 50)));
    expect(counts).toEqual([50, 50, 50, 50]);
    expect(await first.read(token)).toEqual({ count: 200 });
  });

  it('C51: a session of one process is there for those in other zones', async () => {
    const token = await first.begin();
    for (const peer of peers) expect(await peer.increment(token, 1)).toBe(1);
    expect(await Promise.all(peers.map((peer) => peer.read(token)))).toEqual(peers.map(() => ({ count: 4 })));
  });

  it('law 6: a logout in one holds in all, whatever the others are writing', async () => {
    const token = await first.begin();
    const writing = Promise.all(peers.slice(1).map((peer) => peer.increment(token, 1_000).catch(String)));
    await until('writes of others', async () => ((await first.read(token))?.count ?? 0) > 20);
    await first.destroy(token);
    const found = await Promise.all(peers.map((peer) => peer.read(token)));
    expect(found).toEqual([null, null, null, null]);
    await writing;
    expect(await first.read(token)).toBeNull();
  });

  it('ASVS 7.1.2: 40 logins at once in four processes leave three sessions', async () => {
    const answers = (await Promise.all(peers.map((peer) => peer.logins('ada', 10)))).flat();
    const tokens = answers.filter((answer) => answer.length === 43);
    // One that is on its way makes room for another, too.
    const others = answers.filter((answer) => answer.length !== 43);
    expect(others.filter((answer) => answer !== 'SESSION_ENDED')).toEqual([]);
    const living = (await Promise.all(tokens.map((token) => first.read(token)))).filter((found) => found !== null);
    expect([living.length, await first.list('ada')]).toEqual([3, 3]);
  });

  it('ASVS 7.4.3, R60: nothing older than a sign-out everywhere survives it', async () => {
    const before = await first.logins('bob', 3);
    const [, ...during] = await Promise.all([
      first.destroyAll('bob'),
      ...peers.slice(1).map((peer) => peer.logins('bob', 3)),
    ]);
    expect(await Promise.all(before.map((token) => first.read(token)))).toEqual([null, null, null]);
    await first.destroyAll('bob');
    const tokens = during.flat().filter((token) => token.length === 43);
    for (const token of tokens) expect(await first.read(token)).toBeNull();
    expect(await first.list('bob')).toBe(0);
  });
});
