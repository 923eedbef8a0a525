import assert from 'node:assert/strict';
import { KEYS } from './keys.js';
import { changeAtOnce, changeInTurn, logoutAlone, logoutMeanwhile } from './races.js';
import { Requests } from './requests.js';

/**
 * @typedef {object} Race what one contender makes of requests that meet
 * @property {string} contender
 * @property {number[]} survived of the changes that came at once, in each round
 * @property {boolean[]} back whether the session was there again after a logout, in each round
 *
 * @param {import('../bench.js').Bench} bench
 * @returns {Promise<{ races: Race[], backendVersions: Record<string, string> }>}
 */
export async function measureRaces(bench, { contenders }, { rounds }, progress) {
  const races = [];
  const backendVersions = {};
  for (const [index, contender] of contenders.entries()) {
    progress(index, contenders.length, contender.name);
    // Nothing is timed, so they need not be there at the same time.
    const server = await bench.start(contender);
    races.push(await racesOf(server, rounds));
    const { backend } = contender;
    if (backend !== undefined) backendVersions[backend] ??= await bench.backendOf(contender).ask('version');
    server.helper.stop();
  }
  return { races, backendVersions };
}

async function racesOf(server, rounds) {
  const { name, role } = server.contender;
  const requests = new Requests(server);
  // Without a race all of them must get it right: else it would not be the race that is seen.
  assert.equal(await changeInTurn(server, requests), KEYS.length, `${name} lost a change of requests in turn`);
  assert.equal(await logoutAlone(server, requests), false, `${name} has a session after its logout`);
  const survived = [];
  const back = [];
  for (let round = 0; round < rounds; round++) {
    survived.push(await changeAtOnce(server, requests));
    if (role === 'ours') assert.equal(survived.at(-1), KEYS.length, `${name} lost a change, round ${round + 1}`);
    back.push(await logoutMeanwhile(server, requests));
    if (role === 'ours') assert.ok(!back.at(-1), `${name} has a session again after its logout, round ${round + 1}`);
  }
  return { contender: name, survived, back };
}
