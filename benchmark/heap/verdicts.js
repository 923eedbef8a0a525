/** What part of a peer's heap a session may take. */
export const PART = 1 / 2;

/** The longest pause, in ms. */
export const LONGEST_PAUSE = 20;

/**
 * @typedef {object} HeapVerdict
 * @property {string} [peer] whose heap it is measured by; without one it is about pauses
 * @property {number} [data] bytes
 * @property {string} [pause] what takes so long
 * @property {number} found bytes of the heap for a session, or ms
 * @property {number} [theirs] the peer's bytes
 * @property {boolean} met
 *
 * @param {import('../suites.js').Suite} suite
 * @param {{ stores: object[], million: import('./million.js').Million }} measured
 * @returns {HeapVerdict[]}
 */
export function judgeHeap({ contenders }, { stores, million }) {
  const roleOf = ({ contender }) => contenders.find(({ name }) => name === contender).role;
  const peers = stores.filter((store) => roleOf(store) === 'peer');
  const heap = peers.map(({ contender, data, bytes: theirs }) => {
    const { bytes } = stores.find((store) => store.data === data && roleOf(store) === 'ours');
    return { peer: contender, data, found: bytes, theirs, met: bytes <= theirs * PART };
  });
  const pauses = {
    'event loop, during sweeps': million.pauses.during.loop,
    'garbage collection, during sweeps': million.pauses.during.gc,
    'one update': million.update.longest,
    'one new session': million.fill.longest,
  };
  const short = Object.entries(pauses).map(([pause, found]) => ({ pause, found, met: found <= LONGEST_PAUSE }));
  return [...heap, ...short];
}
