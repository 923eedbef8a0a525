import { Session } from 'node:inspector/promises';

let session;

/** Samples this process from now on, every so many µs. */
export async function startProfile(interval) {
  session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval });
  await session.post('Profiler.start');
}

/** Ends that and gives the profile, as --cpu-prof would write it. */
export async function stopProfile() {
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  return profile;
}
