/** `npm run bench [-- name …]`: every benchmark, or those named; tables on standard output. */
import os from 'node:os';
import { estimates } from './estimates.ts';
import { fairness } from './fairness.ts';
import { latency } from './latency.ts';
import { startup } from './startup.ts';
import { submit } from './submit.ts';
import { throughput } from './throughput.ts';

const benchmarks: Record<string, () => Promise<string>> = {
  ...{ startup, latency, submit, fairness, estimates, throughput },
};

const names = process.argv.slice(2);
for (const name of names) {
  if (!(name in benchmarks)) {
    console.error(`no benchmark "${name}"; there are ${Object.keys(benchmarks).join(', ')}`);
    process.exit(1);
  }
}
const cpu = os.cpus()[0]?.model ?? 'unknown processor';
console.log(`${os.availableParallelism()} cores of ${cpu}, Node.js ${process.version}\n`);
for (const [name, run] of Object.entries(benchmarks)) {
  if (names.length > 0 && !names.includes(name)) continue;
  console.log(`## ${name}\n\n${await run()}\n`);
}
