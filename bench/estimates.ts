import { setTimeout as sleep } from 'node:timers/promises';
import type { Simulator } from '../simulator/index.ts';
import { post } from '../test/support/graphql.ts';
import { openSite, type Site } from './site.ts';
import { percentile, table } from './support.ts';

/** Megapixel-steps a second of each node; a picture of 16 × 16 pixels in 20 steps has 0.005 of them. */
const SPEEDS = [0.016, 0.008, 0.008];
const WARM_UP = 24;
const USERS = 3;
const TASKS_EACH = 38;
/** Others that come while those wait, one of them in each interval. */
const LATER_TASKS = 25;
const INTERVAL_MS = 500;
const LOOKS = 8;
const LOOK_EVERY_MS = 2_000;
/** Waits below this tell nothing in shares of themselves. */
const MIN_WAIT_MS = 1_000;

const WAITING = `{ tasks(first: 100, orderBy: OLDEST, where: { status: [QUEUED] }) { edges { node { id queuePosition
  estimate { startAt startAtP90 completionAt completionAtP90 } } } } }`;
const ENDED = `query ($after: String) { tasks(first: 100, after: $after) { edges { node { id startedAt finishedAt } }
  pageInfo { hasNextPage endCursor } } }`;
const OPEN = '{ stats { queues { queued running } } }';

interface Estimate {
  readonly startAt: string;
  readonly startAtP90: string;
  readonly completionAt: string;
  readonly completionAtP90: string;
}

/** What was told of a task, and when. */
interface Told {
  readonly id: string;
  readonly at: number;
  readonly estimate: Estimate | null;
}

interface Ended {
  readonly id: string;
  readonly startedAt: string;
  readonly finishedAt: string;
}

type Page<Node> = {
  readonly tasks: {
    readonly edges: readonly { readonly node: Node }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
  };
};

/** Runs that are never quite the same: up to a third of a second more or less. */
function unsteady(simulators: readonly Simulator[]): Disposable {
  const change = (): void => {
    for (const simulator of simulators) simulator.set({ latencyMs: Math.round(Math.random() * 300) });
  };
  const timer = setInterval(change, 100);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

const anySteps = (): number => 4 + Math.floor(Math.random() ** 2 * 40);

async function idle({ url, adminToken }: Site): Promise<void> {
  for (;;) {
    const { stats } = await post<{ stats: { queues: { queued: number; running: number }[] } }>(
      url,
      adminToken,
      OPEN,
      {},
    );
    if (stats.queues.every(({ queued, running }) => queued + running === 0)) return;
    await sleep(200);
  }
}

async function look({ url, adminToken }: Site): Promise<Told[]> {
  const at = Date.now();
  const { tasks } = await post<Page<{ id: string; estimate: Estimate | null }>>(url, adminToken, WAITING, {});
  return tasks.edges.map(({ node }) => ({ ...node, at }));
}

async function ended({ url, adminToken }: Site): Promise<Map<string, Ended>> {
  const all = new Map<string, Ended>();
  for (let after: string | null = null; ; ) {
    const { tasks }: Page<Ended> = await post<Page<Ended>>(url, adminToken, ENDED, { after });
    for (const { node } of tasks.edges) all.set(node.id, node);
    if (!tasks.pageInfo.hasNextPage) return all;
    after = tasks.pageInfo.endCursor;
  }
}

/** Some users' bursts of unlike tasks, and others' tasks that come between them. */
async function submitMixed(site: Site, told: Told[]): Promise<void> {
  const users = await Promise.all(Array.from({ length: USERS }, (_, n) => site.addUser(`user-${n}`)));
  for (let n = 0; n < TASKS_EACH; n++) {
    for (const user of users) await site.submit(user, `mixed ${n}`, anySteps());
  }
  const later = (async () => {
    const newcomer = await site.addUser('newcomer');
    for (let n = 0; n < LATER_TASKS; n++) {
      await sleep(INTERVAL_MS * 2 * Math.random());
      await site.submit(newcomer, `later ${n}`, anySteps());
    }
  })();
  for (let n = 0; n < LOOKS; n++) {
    told.push(...(await look(site)));
    await sleep(LOOK_EVERY_MS);
  }
  await later;
}

interface Errors {
  readonly share: number;
  readonly seconds: number;
  readonly isBeforeP90: boolean;
}

function compare(at: number, expected: string, p90: string, actual: string): Errors[] {
  const wait = Date.parse(actual) - at;
  if (wait < MIN_WAIT_MS) return [];
  const off = Math.abs(Date.parse(expected) - Date.parse(actual));
  return [{ share: off / wait, seconds: off / 1_000, isBeforeP90: Date.parse(actual) <= Date.parse(p90) }];
}

function row(name: string, errors: readonly Errors[]): string[] {
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  const shares = errors.map(({ share }) => share);
  const seconds = errors.map((one) => one.seconds);
  const before = errors.filter(({ isBeforeP90 }) => isBeforeP90).length / errors.length;
  return [
    ...[name, String(errors.length), percent(percentile(shares, 0.5)), percent(percentile(shares, 0.9))],
    ...[percentile(seconds, 0.5).toFixed(1), percent(before)],
  ];
}

/** How far off estimates are, on the real system with simulated nodes and a mixed queue. */
export async function estimates(): Promise<string> {
  await using site = await openSite();
  const simulators = await Promise.all(SPEEDS.map((speed) => site.addNode(100, speed)));
  using _ = unsteady(simulators);
  await site.healthy(simulators.length);
  for (let n = 0; n < WARM_UP; n++) await site.submit(site.adminToken, `warm-up ${n}`, anySteps());
  await idle(site);
  // Measured runs are written by the second.
  await sleep(2_000);
  const told: Told[] = [];
  await submitMixed(site, told);
  await idle(site);
  const actual = await ended(site);
  const known = told.flatMap(({ id, at, estimate }) => {
    const end = actual.get(id);
    return estimate && end ? [{ at, estimate, end }] : [];
  });
  const starts = known.flatMap(({ at, estimate, end }) =>
    compare(at, estimate.startAt, estimate.startAtP90, end.startedAt),
  );
  const ends = known.flatMap(({ at, estimate, end }) =>
    compare(at, estimate.completionAt, estimate.completionAtP90, end.finishedAt),
  );
  const result = table(
    [
      'estimates of waiting tasks',
      'told',
      'median error, of the wait',
      'p90',
      'median s',
      'before their P90',
    ],
    [row('startAt', starts), row('completionAt', ends)],
  );
  return `${result}\n\n${told.length - known.length} of ${told.length} had none.`;
}
