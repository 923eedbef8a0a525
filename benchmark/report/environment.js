import { existsSync, readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem } from 'node:os';
import { backendOf } from '../backends.js';
import { syncTime } from './disk.js';

const PACKAGES = ['@nestjs/core', '@nestjs/platform-fastify', 'fastify', '@nestjs/platform-express', 'express'];

/**
 * The machine and the programs of a run; nothing that tells whose machine it is.
 *
 * @param {import('../suites.js').Suite} suite
 */
export function environment(suite) {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${process.platform} ${process.arch}`,
    node: process.versions.node,
    loadBefore: Number(loadavg()[0]?.toFixed(2)),
    ...(backendOf(suite)?.waitsForDisk ? { syncMs: syncTime() } : {}),
    versions: {
      'nestjs-token-session': versionIn('../../package.json'),
      ...Object.fromEntries([...PACKAGES, ...suite.packages].map((name) => [name, versionOf(name)])),
    },
  };
}

/** Read as files, as not every package exports its package.json; the peers are ours, Nest is the root's. */
function versionOf(name) {
  const places = ['../node_modules', '../../node_modules'].map((place) => `${place}/${name}/package.json`);
  return versionIn(places.find((place) => existsSync(new URL(place, import.meta.url))));
}

function versionIn(file) {
  return JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')).version;
}
