import assert from 'node:assert/strict';
import { isDataAfter } from '../session-data.js';
import { KEYS, LATE } from './keys.js';

/**
 * Requests that come at once, each of which changes another key of one session when all of them have it.
 *
 * @returns {Promise<number>} how many of the changes are stored; each was answered as if it were
 */
export async function changeAtOnce(server, requests) {
  const token = await requests.seed();
  await meet(server, KEYS, (key) => requests.change(token, key));
  return survived(server, requests, token);
}

/** The same one after the other. */
export async function changeInTurn(server, requests) {
  const token = await requests.seed();
  for (const key of KEYS) await meet(server, [key], () => requests.change(token, key));
  return survived(server, requests, token);
}

/**
 * A logout, from its begin to its answer, while another request has the session in its handler and changes it then.
 *
 * @returns {Promise<boolean>} whether the token opens a session again
 */
export async function logoutMeanwhile(server, requests) {
  const token = await requests.seed();
  const status = lateStatus(server.contender);
  await meet(
    server,
    [LATE],
    (key) => requests.change(token, key, status),
    () => requests.logout(token),
  );
  return isThere(requests, token);
}

/** The same with nothing else under way. */
export async function logoutAlone(_, requests) {
  const token = await requests.seed();
  await requests.logout(token);
  return isThere(requests, token);
}

/** What a change is answered with whose session has ended: ours says so, and to the others it is as good as any. */
export const lateStatus = ({ role }) => (role === 'ours' ? 401 : 201);

/** Sends requests, does something when all are in their handlers, and then lets them go on to their answers. */
async function meet({ helper }, keys, send, meanwhile = () => {}) {
  await helper.ask('raise', keys.length);
  const answers = Promise.all(keys.map(send));
  // One that fails before the barrier never gets there.
  await Promise.race([helper.ask('full'), answers]);
  await meanwhile();
  await helper.ask('open');
  await answers;
}

async function survived({ contender }, requests, token) {
  const { data, keys } = await requests.found(token);
  // What no request changes must be there in any case.
  assert.ok(isDataAfter(data, 0), `${contender.name} has ${JSON.stringify(data)} after parallel requests`);
  return keys.length;
}

async function isThere(requests, token) {
  const { data, keys } = await requests.found(token);
  return Object.keys(data).length > 0 || keys.length > 0;
}
