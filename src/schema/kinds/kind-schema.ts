import type { InputRef, ObjectRef } from '@pothos/core';
import type { KindInput, KindName, KindOutput } from '../../kinds/index.ts';
import type { Attachments } from '../../submission/index.ts';
import type { SchemaTypes } from '../builder.ts';
import type { Context } from '../context.ts';

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>;

/** A kind's output that knows whose it is: what tells the members of `TaskResult` apart. */
export type TaggedOutput<K extends KindName = KindName> = KindOutput<K> & { readonly kind: K };

/** What of a submission its kind reads out of the GraphQL input. */
export interface ReadInput {
  /** Null: the kind's default. */
  readonly model: string | null;
  /** What the kind's own schema is going to validate. */
  readonly input: unknown;
}

/** How a kind of task looks in GraphQL. */
export interface KindSchema<K extends KindName = KindName, Input = unknown> {
  readonly kind: K;
  /** What it does, for whoever explores the API. */
  readonly description: string;
  /** Of the kind's member of `TaskSpec`. */
  readonly input: InputRef<Input>;
  /** The kind's member of `TaskResult`. */
  readonly result: ObjectRef<Types, TaggedOutput<K>>;
  /** Files go through `attachments`, which names them by their place in the input. */
  read(input: Input, attachments: Attachments): Promise<ReadInput>;
  /** A stored input as the API shows it, where ids of ours are in it; files are seen to. */
  shown?(input: KindInput<K>): object;
  /** Whether what the result names is there still, where it may be deleted without the task: else it has no result. */
  isThere?(output: KindOutput<K>, context: Context): Promise<boolean>;
}

/** Checks a kind's GraphQL side against the kind, and erases its types for code that treats all alike. */
export function kindSchema<K extends KindName, Input>(schema: KindSchema<K, Input>): KindSchema {
  return schema as unknown as KindSchema;
}
