/**
 * `npm run bench:scheduling [-- --quick]`: the planner of production against the policies that people use, in a
 * discrete-event simulation; writes bench/SCHEDULING.md. Quick: 3 seeds, and only to standard output.
 */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { burstReport } from './burst.ts';
import { costReport } from './cost.ts';
import { render, runsOf } from './report.ts';
import { tables } from './tables.ts';
import { runAll } from './threads.ts';

const THREADS = 2;

const { values } = parseArgs({ options: { quick: { type: 'boolean', default: false } } });
const seeds = values.quick ? 3 : 20;

const head = `# Scheduling

Written by \`npm run bench:scheduling\`: a discrete-event simulation that drives the very function which plans in production
(\`src/nodes/planner\`), and beside it what people use today, over the same arrivals.

Jobs arrive at random (Poisson): 60 % of about 4 s, 32 % of about 12 s, 8 % of about 45 s at speed 1, each ±25 %. What is
known of a job's length is the truth times e^(0.3 × normal); of a node its speed, its model and when it is expected to be
free. 20,000 jobs a run, of which the first tenth is dropped; ${seeds} seeds. Load is arriving work over what all nodes can do,
without swaps.

Each cell: mean / p95 / p99 of the seconds from arrival to end, then in brackets p99 over that of
\`earliest-completion\`, ± two standard errors over the seeds; where models are swapped, also the swaps for each job.
Unstable: more than 400 jobs waited at once in most runs, so that waits only depend on how long one looks.
`;

const results = await runAll(
  tables.flatMap((table) => runsOf(table, seeds)),
  THREADS,
);
let at = 0;
const sections = tables.map((table) => {
  const count = runsOf(table, seeds).length;
  at += count;
  return render(table, results.slice(at - count, at), seeds);
});
const report = `${[head, ...sections, burstReport(seeds), costReport()].map((part) => part.trimEnd()).join('\n\n')}\n`;
console.log(report);
if (!values.quick) await writeFile(path.join(import.meta.dirname, '../SCHEDULING.md'), report);
