import type { z } from 'zod';
import type { MediaReference, TaskFile } from './media.ts';

/**
 * What can be asked of Switchyard. A kind is a description without I/O: node protocols say how it is done,
 * `schema/kinds/` how it looks in GraphQL.
 */
export interface Kind<Name extends string = string, Input = unknown, Output = unknown> {
  /** As in the GraphQL enum `TaskKind`: `TEXT_TO_IMAGE`. */
  readonly name: Name;
  /** For people and queue names: `text-to-image`. */
  readonly slug: string;
  /** The member of the input `TaskSpec`: `textToImage`. */
  readonly field: string;
  /** Validates, and fills in the defaults of, what is stored as `Task.input` (without the model). */
  readonly input: z.ZodType<Input>;
  /** What a node's work comes to once its files are artifacts; stored as the task's result. */
  readonly output: z.ZodType<Output>;
  /** Of one attempt, where the caller names none. */
  readonly timeoutMs: number;
  /** Units of work, in the kind's own measure: what estimates are multiplied with. Above 0. */
  cost(input: Input): number;
  /** The files that the input names. */
  media(input: Input): readonly (MediaReference | TaskFile)[];
  /** What these files must be; left out: anything. */
  readonly mediaSort?: 'image';
  /** The artifacts of a result that another task can take as its input; left out: it makes none. */
  files?(output: Output): readonly string[];
  /** The text of a result that another task can take into its input, null where it has none; left out: it makes none. */
  text?(output: Output): string | null;
  /** Seconds per unit on a node that was never measured, for planning only, never shown. */
  readonly secondsPerUnit: number;
  /**
   * Done by Switchyard's own workers, on the built-in node. It takes none of the places that a worker has for calls,
   * and none of its user's: it may wait for tasks that need them.
   */
  readonly isBuiltIn?: true;
}
