import { codeOf, Peer, type PeerSetup } from './peer.js';
import type { Answer, Call } from './peers.js';

const peer = new Peer(JSON.parse(process.argv[2] as string) as PeerSetup);

process.on('message', ({ call, name, args }: Call) => {
  const carryOut = peer[name] as (...args: unknown[]) => unknown;
  const answer = (given: Omit<Answer, 'call'>): unknown => process.send?.({ call, ...given });
  new Promise((resolve) => resolve(carryOut.apply(peer, [...args]))).then(
    (value) => answer({ value }),
    (error: unknown) => answer({ failure: codeOf(error) }),
  );
});
// With the process that started this one.
process.once('disconnect', () => process.exit());
process.send?.({ call: 0 });
