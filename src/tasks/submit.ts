import type { Tiers } from '../accounts/index.ts';
import { createBatcher, type Tier, untilCertain } from '../database/index.ts';
import { NoSuchModelError } from '../errors.ts';
import { newIdAfter } from '../ids.ts';
import type { Nodes } from '../nodes/index.ts';
import { admit, type Entry, findByKey, type Keyed, type Verdict } from './admission.ts';
import type { Core } from './core.ts';
import { createEntrance } from './entrance.ts';
import { explain } from './refusals.ts';
import { createGraphSubmitter, type GraphSubmitter } from './submit-graph.ts';
import type { Submission, Submitted } from './types.ts';
import { NotAdmittedError, type Written, writeSubmissions } from './write-submissions.ts';

const MAX_GROUP = 200;
const MAX_TRIES = 5;

/** SQLSTATE classes of what is wrong with a row, and not with the database. */
function isDataFault(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^2[23]/.test(String(error.code));
}

export interface SubmitOptions {
  readonly nodes: Pick<Nodes, 'models'>;
  readonly tiers: Tiers;
  /** Of each queue; waiting and scheduled tasks count. */
  readonly queueCapacity: number;
}

export interface Submitter extends Pick<GraphSubmitter, 'submitBatch'> {
  submit(submission: Submission, tier: Tier): Promise<Submitted>;
  idle(): Promise<void>;
}

/** Writes the submissions that arrive while others are being written together, in one transaction. */
export function createSubmitter(core: Core, { nodes, tiers, queueCapacity }: SubmitOptions): Submitter {
  const { lanes } = core.database;
  // Claims and settlements need lanes as well.
  const maxInFlight = Math.min(4, Math.max(1, lanes.size - 2));
  // A group that is being written holds its lane until it is admitted, which takes another.
  const canAdmitBeside = lanes.size > maxInFlight;
  /** Whether the group before had submissions that were refused: then it is better to know before writing. */
  let isCrowded = false;

  async function admitGroup(entries: readonly Entry[]): Promise<Map<Entry, Verdict>> {
    const verdicts = await untilCertain(() => admit(core, entries, queueCapacity));
    isCrowded = verdicts.size > 0;
    return verdicts;
  }

  async function writeAll(entries: readonly Entry[]): Promise<Verdict[]> {
    const admitted = admitGroup(entries);
    // It may fail before the writing of the group has come to wait for it.
    admitted.catch(() => undefined);
    const isFirst = isCrowded || !canAdmitBeside;
    const verdicts = isFirst ? await admitted : await writeApart(entries, admitted);
    for (const [entry, verdict] of await admitted) verdicts.set(entry, verdict);
    for (let tries = 1; ; tries++) {
      const open = entries.filter((entry) => !verdicts.has(entry));
      if (open.length === 0) break;
      // Left open: the task that had a key was deleted before it could be read.
      if (tries > MAX_TRIES) throw new Error('an idempotency key never settled');
      for (const [entry, verdict] of await writeApart(open, admitted)) verdicts.set(entry, verdict);
    }
    return entries.map(
      (entry) => verdicts.get(entry) ?? { error: new Error('a submission without a verdict') },
    );
  }

  /** A group that PostgreSQL will not take is halved, until whoever is at fault meets the error alone. */
  async function writeApart(
    entries: readonly Entry[],
    admitted: Promise<ReadonlyMap<Entry, Verdict>>,
  ): Promise<Map<Entry, Verdict>> {
    try {
      const { verdicts, tasks } = await untilCertain(() => writeSubmissions(core, entries, admitted));
      announce(tasks);
      return verdicts;
    } catch (error) {
      if (error instanceof NotAdmittedError) return new Map();
      if (entries.length === 1 || !isDataFault(error)) {
        return new Map(entries.map((entry) => [entry, { error: explain(error) }]));
      }
      const half = Math.ceil(entries.length / 2);
      const halves = await Promise.all(
        [entries.slice(0, half), entries.slice(half)].map((part) => writeApart(part, admitted)),
      );
      return new Map(halves.flatMap((verdicts) => [...verdicts]));
    }
  }

  function announce(tasks: Written['tasks']): void {
    // The queues first: a claim that begins now need not wait until somebody has read a task.
    const due = tasks.filter(({ task }) => task.status === 'QUEUED').map(({ entry }) => entry.queue.id);
    for (const id of new Set(due)) core.carrier.announce({ type: 'queue', id });
    for (const { entry } of tasks) {
      core.carrier.announce({ type: 'task', id: entry.taskId, userId: entry.submission.userId });
    }
  }

  async function enter({ taskId, submission, tier }: Keyed & { tier: Tier }): Promise<Verdict> {
    try {
      const entry = await entrance.enter({ taskId, submission }, tier);
      return await (submission.dependsOn?.length ? graphs.add(entry) : batcher.add(entry));
    } catch (error) {
      const replay = error instanceof NoSuchModelError ? await findReplay({ taskId, submission }) : undefined;
      if (!replay) throw error;
      return replay;
    }
  }

  /** The model of an earlier submission may be gone by now: its task is there all the same. */
  async function findReplay(keyed: Keyed): Promise<Verdict | undefined> {
    return core.database.lanes.transact(async (tx) => (await findByKey(tx, [keyed])).get(keyed));
  }

  const batcher = createBatcher<Entry, Verdict>({
    maxSize: MAX_GROUP,
    maxInFlight,
    write: writeAll,
  });

  const entrance = createEntrance(core, { nodes, tiers });
  const graphs = createGraphSubmitter(core, { entrance, queueCapacity, announce });

  return {
    async submit(submission, tier) {
      const taskId = submission.taskId ?? newIdAfter(submission.dependsOn ?? []);
      const verdict = await enter({ taskId, submission, tier });
      if ('error' in verdict) throw verdict.error;
      return verdict.submitted;
    },
    submitBatch: graphs.submitBatch,
    async idle() {
      await Promise.all([batcher.idle(), graphs.idle()]);
    },
  };
}
