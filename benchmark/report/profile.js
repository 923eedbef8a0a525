/** The time in a profile by the package it was spent in, as parts of a request's time. */
export function packageRows(profile, cpu) {
  return rows(profile, cpu, ({ url, functionName }) => origin(url, functionName));
}

/** The functions in which most of the time was spent, callees not counted. */
export function functionRows(profile, cpu, count) {
  const name = ({ url, functionName, lineNumber }) => {
    const place = url === '' ? '' : `${origin(url)} ${url.split('/').at(-1)}:${lineNumber + 1}`;
    return `${functionName || '(anonymous)'}  ${place}`.trim();
  };
  return rows(profile, cpu, name).slice(0, count);
}

function rows({ nodes, samples, timeDeltas }, cpu, nameOf) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  const sums = new Map();
  let total = 0;
  samples.forEach((id, index) => {
    const frame = frames.get(id);
    if (frame.functionName === '(idle)') return;
    // A long gap is time in which another process had the core.
    const time = Math.min(Math.max(timeDeltas[index], 0), 1_000);
    const name = nameOf(frame);
    sums.set(name, (sums.get(name) ?? 0) + time);
    total += time;
  });
  return [...sums]
    .sort(([, a], [, b]) => b - a)
    .map(([name, time]) => [((time / total) * cpu).toFixed(2).padStart(6), name]);
}

function origin(url, functionName) {
  const dependency = /node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(url)?.[1];
  if (dependency !== undefined) return dependency;
  if (url.includes('/dist/esm/')) return 'nestjs-token-session';
  if (url.includes('/benchmark/')) return 'benchmark';
  return url === '' ? `native ${functionName.startsWith('(') ? functionName : 'functions'}` : 'node';
}
