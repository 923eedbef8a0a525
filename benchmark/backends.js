/**
 * The servers that contenders keep their sessions in. Each is started by a process of its own, for the first contender
 * that needs it; what that process answers is in the file.
 *
 * @typedef {object} Backend
 * @property {string} file
 * @property {string} label
 * @property {string} server the name of the program, under which its version stands in the results
 * @property {string} commands what it is sent
 * @property {boolean} [waitsForDisk] whether a write is on the disk before it is answered
 *
 * @type {Record<string, Backend>}
 */
export const BACKENDS = {
  redis: { file: 'redis/main.js', label: 'Redis', server: 'redis-server', commands: 'commands' },
  postgres: {
    file: 'postgres/main.js',
    label: 'PostgreSQL',
    server: 'postgres',
    commands: 'statements',
    waitsForDisk: true,
  },
};

/**
 * The one backend of a part.
 *
 * @param {import('./suites.js').Suite} suite
 * @returns {Backend | undefined}
 */
export const backendOf = ({ contenders }) => BACKENDS[contenders.find(({ backend }) => backend !== undefined)?.backend];
