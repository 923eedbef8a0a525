import { closeClients } from '../../support/redis/clients.js';
import { ClusterSetup } from '../../support/redis/cluster.js';
import type { Got, PeerSetup } from '../../support/redis/peer.js';
import { startPeers, stopPeers, type RemotePeer } from '../../support/redis/peers.js';
import { RedisServer, stopServers } from '../../support/redis/redis-server.js';

const DRIVERS = ['node-redis 6', 'ioredis 6', 'iovalkey', 'node-redis 5'];
const MAX = 3;

afterAll(async () => {
  await stopPeers();
  await closeClients();
  await stopServers();
});

const places: [string, () => Promise<PeerSetup['redis']>][] = [
  ['one server', async () => (await RedisServer.start()).url],
  ['a Cluster', async () => (await ClusterSetup.start()).rootNodes()],
];

describe.each(places)('several processes sign one user in, on %s', (_place, start) => {
  let peers: RemotePeer[];

  beforeAll(async () => {
    const redis = await start();
    peers = await startPeers(DRIVERS.map((driver) => ({ driver, redis })));
  });
  afterAll(stopPeers);

  it.each(['reject', 'evict'] as const)(
    'ASVS 7.1.2: 50 logins at once with maxPerUser 3, %s, leave exactly 3',
    async (onMaxPerUser) => {
      await Promise.all(peers.map((peer) => peer.configure({ maxPerUser: MAX, onMaxPerUser })));
      for (const user of ['ada', 'bob']) {
        const answers = (await Promise.all(peers.map((peer, at) => peer.logins(user, at < 2 ? 13 : 12)))).flat();
        const got = sessionsOf(answers);
        const tokens = got.map(({ token }) => token);
        expect(answers).toHaveLength(50);
        // Some that were admitted may be evicted before their login is done; who was told so has no token.
        const refused = onMaxPerUser === 'reject' ? ['TOO_MANY_SESSIONS'] : ['SESSION_ENDED'];
        expect(answers.filter((answer) => typeof answer === 'string' && !refused.includes(answer))).toEqual([]);
        if (onMaxPerUser === 'reject') expect(got).toHaveLength(MAX);
        for (const peer of peers) {
          const alive = (await peer.read(tokens)).flatMap((data, at) => (data === null ? [] : [got[at]?.id]));
          expect(alive).toHaveLength(MAX);
          expect((await peer.list(user)).map(({ id }) => id).sort()).toEqual([...alive].sort());
        }
        expect(await peers[0]?.destroyAll(user)).toBe(MAX);
      }
    },
  );

  it('ASVS 7.4.3: of a loop of logins nothing older survives a destroyAll of another process', async () => {
    await Promise.all(peers.map((peer) => peer.configure({})));
    const [ender, ...others] = peers as [RemotePeer, ...RemotePeer[]];
    for (let round = 0; round < 3; round++) {
      const loops = others.map((peer) => peer.loopLogins('ada', 3));
      const older: string[] = [];
      for (let time = 0; time < 5; time++) {
        // What each process was given before the sign-out begins; logins go on all the while.
        const given = (await Promise.all(others.map((peer) => peer.given()))).flat();
        await ender.destroyAll('ada');
        older.push(...given.map(({ token }) => token));
        for (const peer of [ender, ...others]) expect(alive(await peer.read(older))).toBe(0);
      }
      await Promise.all(others.map((peer) => peer.endLoop()));
      const answers = (await Promise.all(loops)).flat();
      expect(answers.filter((answer) => typeof answer === 'string' && answer !== 'SESSION_ENDED')).toEqual([]);
      expect(older.length).toBeGreaterThan(10);
      // Once the loops are over, one sign-out more ends all that is left, and says how many.
      const tokens = sessionsOf(answers).map(({ token }) => token);
      const left = alive(await ender.read(tokens));
      expect(await ender.list('ada')).toHaveLength(left);
      expect(await ender.destroyAll('ada')).toBe(left);
      for (const peer of others) expect(alive(await peer.read(tokens))).toBe(0);
      expect(await ender.destroyAll('ada')).toBe(0);
    }
  });
});

function sessionsOf(answers: readonly (Got | string)[]): Got[] {
  return answers.filter((answer) => typeof answer !== 'string');
}

function alive(found: readonly unknown[]): number {
  return found.filter((data) => data !== null).length;
}
