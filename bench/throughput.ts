import { setTimeout as sleep } from 'node:timers/promises';
import type { Simulator } from '../simulator/index.ts';
import { openSite, type Site, started } from './site.ts';
import { table } from './support.ts';

/** After the first tasks, by which the nodes are measured. */
const WARM_UP_MS = 10_000;
const MEASURED_MS = 60_000;

/** The share of a span that the node spent on calls. */
function busyShare({ history }: Simulator, from: number, to: number): number {
  const busy = history.reduce((sum, { startedAt, endedAt }) => {
    if (startedAt === null) return sum;
    return sum + Math.max(0, Math.min(endedAt ?? to, to) - Math.max(startedAt, from));
  }, 0);
  return busy / (to - from);
}

/** Work done by nodes that take so long for a task, as a share of what they could have done. */
async function saturate(taskMs: readonly number[]): Promise<number> {
  await using site = await openSite();
  const simulators = await Promise.all(taskMs.map((ms) => site.addNode(ms)));
  const perSecond = taskMs.reduce((sum, ms) => sum + 1_000 / ms, 0);
  const tasks = Math.ceil((perSecond * (WARM_UP_MS + MEASURED_MS) * 1.3) / 1_000);
  await site.submitMany(site.adminToken, 'saturate', tasks);
  await sleep(WARM_UP_MS);
  const from = performance.now();
  await sleep(MEASURED_MS);
  const to = performance.now();
  const done = simulators.reduce((sum, simulator, n) => {
    return sum + busyShare(simulator, from, to) * (1_000 / (taskMs[n] ?? 1));
  }, 0);
  return done / perSecond;
}

const COMES_AND_GOES_MS = 3_000;

/** Until a node that is registered while tasks wait has its first call. */
async function added(site: Site): Promise<number> {
  await site.addNode(COMES_AND_GOES_MS);
  await site.submitMany(site.adminToken, 'waits', 5);
  const began = performance.now();
  const simulator = await site.addNode(COMES_AND_GOES_MS);
  const { receivedAt } = await simulator.received(1);
  return receivedAt - began;
}

/** Until the task that runs on a node that dies runs on another one. */
async function failedOver(site: Site): Promise<number> {
  const first = await site.addNode(COMES_AND_GOES_MS);
  await site.submit(site.adminToken, 'fails over');
  await started([first], 'fails over');
  const second = await site.addNode(COMES_AND_GOES_MS);
  await site.healthy(2);
  const began = performance.now();
  await first.refuseConnections();
  const { receivedAt } = await started([second], 'fails over');
  return receivedAt - began;
}

async function onSite(measure: (site: Site) => Promise<number>): Promise<number> {
  await using site = await openSite();
  return await measure(site);
}

/** How much of what the nodes could do is done, and how fast it follows their coming and going. */
export async function throughput(): Promise<string> {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const equal = await saturate([1_000, 1_000, 1_000]);
  const unlike = await saturate([500, 2_000, 2_000]);
  const addedMs = await onSite(added);
  const failedOverMs = await onSite(failedOver);
  return table(
    ['nodes of one slot', 'measured', 'to hold'],
    [
      ['3 equal ones, tasks of 1 s: busy', percent(equal), '≥ 98 %'],
      ['speeds 4, 1 and 1, tasks of 0.5 s and 2 s: of what all could do', percent(unlike), '≥ 97 %'],
      ['registered while tasks wait: its first call after', `${addedMs.toFixed(0)} ms`, '≤ 1,000 ms'],
      ['dies: its task runs elsewhere after', `${failedOverMs.toFixed(0)} ms`, '≤ 2,000 ms'],
    ],
  );
}
