import { type Tier, untilCertain } from '../database/index.ts';
import { newId } from '../ids.ts';
import { admit, type Entry, type Verdict } from './admission.ts';
import { announceChanged, type Core } from './core.ts';
import type { Entrance } from './entrance.ts';
import { explain } from './refusals.ts';
import type { BatchSubmission, SubmittedBatch } from './types.ts';
import { findBatch, type Graph, type NewBatch, type WrittenGraph, writeGraph } from './write-graph.ts';
import type { Written } from './write-submissions.ts';

export interface GraphSubmitter {
  /** Writes a task that depends on others. */
  add(entry: Entry): Promise<Verdict>;
  /**
   * Accepts all of the tasks or none.
   * @throws as `Tasks.submit` does, for the whole batch
   */
  submitBatch(batch: BatchSubmission, tier: Tier): Promise<SubmittedBatch>;
  /** Resolves when nothing is being written. */
  idle(): Promise<void>;
}

export interface GraphSubmitterOptions {
  readonly entrance: Entrance;
  readonly queueCapacity: number;
  announce(tasks: Written['tasks']): void;
}

/** Writes what depends on other tasks, each batch in a transaction of its own, beside the groups of all the others. */
export function createGraphSubmitter(core: Core, options: GraphSubmitterOptions): GraphSubmitter {
  const { entrance, queueCapacity, announce } = options;
  const writing = new Set<Promise<unknown>>();

  async function tracked<T>(work: Promise<T>): Promise<T> {
    writing.add(work);
    try {
      return await work;
    } finally {
      writing.delete(work);
    }
  }

  const admitAll = (entries: readonly Entry[]) =>
    untilCertain(() => admit(core, entries, queueCapacity, true));

  async function write(graph: Graph): Promise<WrittenGraph> {
    try {
      const written = await untilCertain(() => writeGraph(core, graph));
      announce(written.tasks);
      announceChanged(core, written.fallen);
      return written;
    } catch (error) {
      throw explain(error);
    }
  }

  async function add(entry: Entry): Promise<Verdict> {
    const refused = (await admitAll([entry])).get(entry);
    if (refused) return refused;
    const { verdicts, fallen } = await write({ entries: [entry], batch: null });
    const { taskId } = entry;
    // What has been written has changed already.
    if (fallen.length > 0) return { submitted: { taskId, existing: false } };
    return verdicts.get(entry) ?? { error: new Error('a submission without a verdict') };
  }

  async function submitBatch({ tasks, ...batch }: BatchSubmission, tier: Tier): Promise<SubmittedBatch> {
    const refs = new Map(tasks.map(({ taskId, ref }) => [taskId, ref]));
    const fresh: NewBatch = { ...batch, batchId: newId(), refs };
    // A replay is held against no limit, and needs no model.
    const { lanes } = core.database;
    const find = () => lanes.transact((tx) => findBatch(tx, fresh), { durable: false });
    const known = await untilCertain(find);
    if (known) return known;
    const entries = await entrance.enterAll(tasks, tier);
    for (const verdict of (await admitAll(entries)).values()) if ('error' in verdict) throw verdict.error;
    const { batch: written } = await write({ entries, batch: fresh });
    if (!written) throw new Error('a batch was neither made nor found');
    return written;
  }

  return {
    add: (entry) => tracked(add(entry)),
    submitBatch: (batch, tier) => tracked(submitBatch(batch, tier)),
    async idle() {
      await Promise.allSettled([...writing]);
    },
  };
}
