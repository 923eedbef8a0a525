import { quantile } from '../statistics.js';

/**
 * Sends so many requests in all, evenly over the lanes, on each one after the other.
 *
 * @template Lane
 * @param {readonly Lane[]} lanes
 * @param {number} requests
 * @param {(lane: Lane, times: Float64Array, from: number) => Promise<number>} runLane sends a request for each place in
 *   `times`, for its ms; `from` is the number of the first one; gives the number of answers that carried a token
 */
export async function overLanes(lanes, requests, runLane) {
  const each = requests / lanes.length;
  const times = new Float64Array(requests);
  const start = performance.now();
  const tokens = await Promise.all(
    lanes.map((lane, index) => runLane(lane, times.subarray(index * each, (index + 1) * each), index * each)),
  );
  const seconds = (performance.now() - start) / 1e3;
  times.sort();
  return {
    seconds,
    tokens: tokens.reduce((sum, some) => sum + some, 0),
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
  };
}
