// Where a contender's time goes: node benchmark/profile.js [contender] [workload] [file.cpuprofile]
// The contenders' names are in contenders/.
import { writeFileSync } from 'node:fs';
import { prepare } from './prepare.js';

const [name = 'ours-fastify', job = 'read', file] = process.argv.slice(2);
const WARM_UP = 40_000;
const REQUESTS = 40_000;
/** µs between two looks at the stack. */
const INTERVAL = 100;

await prepare();
const { Bench } = await import('./bench.js');
const { CONTENDERS } = await import('./contenders.js');
const { columns } = await import('./report/format.js');
const { functionRows, packageRows } = await import('./report/profile.js');
const { WORKLOADS } = await import('./workloads.js');

const contender = CONTENDERS.find((one) => one.name === name);
const workload = WORKLOADS.find((one) => one.name === job);
if (contender === undefined || workload === undefined) {
  const names = (list) => list.map((one) => one.name).join(', ');
  console.error(`Contenders: ${names(CONTENDERS)}. Workloads: ${names(WORKLOADS)}.`);
  process.exit(1);
}

// A profile counts time that passes: on one core the client's would seem to be that of the server's writes.
const bench = new Bench({ apart: true, connections: 16 });
try {
  const server = await bench.start(contender);
  await bench.fill(server);
  await bench.slice(server, workload, WARM_UP);
  await server.helper.ask('startProfile', INTERVAL);
  const { cpu } = await bench.slice(server, workload, REQUESTS);
  const profile = await server.helper.ask('stopProfile');
  if (file !== undefined) writeFileSync(file, JSON.stringify(profile));

  console.log(`${contender.name}, ${workload.name}: ${cpu.toFixed(1)} µs of CPU a request, with the profiler on`);
  console.log(`\nµs a request by origin\n${columns(packageRows(profile, cpu)).join('\n')}`);
  console.log(
    `\nµs a request by function, without what it calls\n${columns(functionRows(profile, cpu, 45)).join('\n')}`,
  );
} finally {
  bench.stop();
}
