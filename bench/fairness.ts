import { setTimeout as sleep } from 'node:timers/promises';
import { openSite, started } from './site.ts';
import { percentile, table } from './support.ts';

const BURST = 1_000;
const PROBES = 20;
const TASK_MS = 400;

interface Scene {
  /** Users who have a burst waiting. */
  readonly bursts: number;
  /** Nodes of one slot. */
  readonly nodes: number;
}

/** How long single tasks of one user wait to start, in task times, while others have a thousand waiting each. */
async function measure({ bursts, nodes }: Scene): Promise<number[]> {
  await using site = await openSite();
  const simulators = await Promise.all(Array.from({ length: nodes }, () => site.addNode(TASK_MS)));
  const single = await site.addUser('single');
  for (let n = 0; n < bursts; n++) {
    await site.submitMany(await site.addUser(`burst-${n}`), `burst ${n}`, BURST);
  }
  const waits: number[] = [];
  for (let n = 0; n < PROBES; n++) {
    // At any moment of the others' tasks, and no more often than it would be this user's turn anyway.
    await sleep(TASK_MS * (bursts + Math.random()));
    await site.submit(single, `single ${n}`);
    const accepted = performance.now();
    const call = await started(simulators, `single ${n}`);
    waits.push(Math.max(0, call.receivedAt - accepted) / TASK_MS);
    await call.ended;
  }
  return waits;
}

/** From the acknowledgement of a single task to its start on a node, behind bursts of others. */
export async function fairness(): Promise<string> {
  const scenes: Scene[] = [
    { bursts: 1, nodes: 1 },
    { bursts: 3, nodes: 1 },
    { bursts: 1, nodes: 3 },
  ];
  const rows: string[][] = [];
  for (const scene of scenes) {
    const waits = await measure(scene);
    const worst = Math.max(...waits);
    rows.push([
      `${scene.bursts} × ${BURST} tasks before it, ${scene.nodes} slots of ${TASK_MS} ms`,
      percentile(waits, 0.5).toFixed(2),
      worst.toFixed(2),
      (worst / scene.bursts).toFixed(2),
      ((scene.bursts * BURST) / scene.nodes).toFixed(0),
    ]);
  }
  return table(
    ['a single task', 'p50 task times', 'worst', 'worst by active user', 'in order of arrival'],
    rows,
  );
}
