import { type KindName, kindNames, kindOf } from '../../kinds/index.ts';
import { builder } from '../builder.ts';
import { describedBy } from '../described.ts';
import { custom } from './custom.ts';
import { document } from './document.ts';
import { embedding } from './embedding.ts';
import { imageTo3d } from './image-to-3d.ts';
import { imageToImage } from './image-to-image.ts';
import type { KindSchema, TaggedOutput } from './kind-schema.ts';
import { speechToText } from './speech-to-text.ts';
import { textGeneration } from './text-generation.ts';
import { textToImage } from './text-to-image.ts';

export { ModelFormat } from './image-to-3d.ts';
export type { TaggedOutput } from './kind-schema.ts';

/** Every kind's GraphQL side. A new kind is a file of its own, and one line here. */
const kindSchemas: readonly KindSchema[] = [
  textToImage,
  speechToText,
  imageTo3d,
  custom,
  textGeneration,
  embedding,
  imageToImage,
  document,
];

const byKind = new Map(kindSchemas.map((schema) => [schema.kind, schema]));

/** The GraphQL side of a kind. Throws where it has none. */
export function kindSchemaOf(kind: KindName): KindSchema {
  const schema = byKind.get(kind);
  if (schema === undefined) throw new Error(`the kind ${kind} has no GraphQL types`);
  return schema;
}

export const TaskKindEnum = builder.enumType('TaskKind', {
  values: describedBy(kindNames, (kind) => kindSchemaOf(kind).description),
});

export const TaskSpec = builder.inputType('TaskSpec', {
  description: 'What is to be done: exactly one of them',
  isOneOf: true,
  fields: (t) =>
    Object.fromEntries(
      kindNames.map((kind) => {
        const { input: type, description } = kindSchemaOf(kind);
        return [kindOf(kind).field, t.field({ type, description })];
      }),
    ),
});

/** Which kind a `TaskSpec` asks for, and with what. */
export function readSpec(spec: Record<string, unknown>): { kind: KindName; input: unknown } {
  const kind = kindNames.find((name) => spec[kindOf(name).field] != null);
  if (kind === undefined) throw new Error('a TaskSpec without a kind passed the validation of @oneOf');
  return { kind, input: spec[kindOf(kind).field] };
}

export const TaskResultType = builder.unionType('TaskResult', {
  // Kinds may have one in common.
  types: [...new Set(kindNames.map((kind) => kindSchemaOf(kind).result))],
  resolveType: (result) => kindSchemaOf((result as TaggedOutput).kind).result,
});

/** A kind's output, as it is stored, as a member of `TaskResult`; null where there is none yet. */
export function taggedOutput(kind: string, output: unknown): TaggedOutput | null {
  return output == null ? null : ({ ...output, kind } as TaggedOutput);
}
