import { readFileSync } from 'node:fs';
import {
  buildSchema,
  type GraphQLInputField,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isRequiredInputField,
  print,
} from 'graphql';
import type { SubmitTaskInput } from '../../sdk/src/index.ts';
import {
  constantCase,
  kebabCase,
  type OptionSpec,
  type OptionSpecs,
  type OptionValues,
  UsageError,
} from './command.ts';
import { readMedia } from './media.ts';

/** A kind of task as `submit` offers it, taken from the API's schema: a new kind is here by itself. */
export interface SubmittableKind {
  /** `text-to-image`. */
  readonly slug: string;
  /** Its first required field, or else its prompt, which is given without an option's name: `prompt`. */
  readonly subject: string;
  /** Whether that is a file. */
  readonly isFile: boolean;
  /** How many of them: the fewest and the most. */
  readonly arity: readonly [number, number];
  readonly options: OptionSpecs;
  /**
   * What is sent to the server, files opened.
   * @throws UsageError
   */
  build(subjects: readonly string[], values: OptionValues): Promise<SubmitTaskInput>;
}

const printedSchema = new URL('../../schema.graphql', import.meta.url);
/** Given in other ways than by an option of their own. */
const NOT_OPTIONS: ReadonlySet<string> = new Set(['task', 'waitMs']);

/** Every kind that can be submitted. */
export function submittableKinds(schemaText = readFileSync(printedSchema, 'utf8')): SubmittableKind[] {
  const schema = buildSchema(schemaText, { assumeValidSDL: true });
  const submission = schema.getType('SubmitTaskInput');
  const spec = schema.getType('TaskSpec');
  if (!isInputObjectType(submission) || !isInputObjectType(spec)) {
    throw new Error('schema.graphql has no inputs SubmitTaskInput and TaskSpec');
  }
  return Object.values(spec.getFields()).map((field) => submittableKind(field, submission));
}

function submittableKind(field: GraphQLInputField, submission: GraphQLInputObjectType): SubmittableKind {
  const type = getNullableType(field.type);
  if (!isInputObjectType(type)) throw new Error(`TaskSpec.${field.name} is no input object`);
  const fields = Object.values(type.getFields());
  const subject = fields.find(isRequiredInputField) ?? type.getFields().prompt;
  if (subject === undefined) throw new Error(`${type.name} has neither a required field nor a prompt`);
  const own = fields.filter((one) => one !== subject);
  const common = Object.values(submission.getFields()).filter(({ name }) => !NOT_OPTIONS.has(name));
  const isFile = isMedia(subject);
  const media = isFile && subject.name === 'audio' ? soundOptions : {};
  return {
    slug: kebabCase(field.name),
    subject: subject.name,
    isFile,
    arity: [
      isRequiredInputField(subject) ? 1 : 0,
      isListType(getNullableType(subject.type)) ? Number.POSITIVE_INFINITY : 1,
    ],
    options: { ...optionsOf(own), ...media, ...optionsOf(common) },
    async build(texts, values) {
      const input = { ...(await subjectOf(subject, texts, values)), ...(await valuesOf(own, values)) };
      const rest = await valuesOf(common, values);
      return { ...rest, task: { [field.name]: input } } as unknown as SubmitTaskInput;
    },
  };
}

async function subjectOf(
  subject: GraphQLInputField,
  texts: readonly string[],
  values: OptionValues,
): Promise<Record<string, unknown>> {
  const [text] = texts;
  if (text === undefined) return {};
  if (isMedia(subject)) return { [subject.name]: await readMedia(text, values) };
  const isList = isListType(getNullableType(subject.type));
  return { [subject.name]: convert(subject, isList ? texts : text) };
}

const soundOptions = {
  'sample-rate': { type: 'string', value: 'HZ', help: 'The file is raw signed 16-bit samples at this rate' },
  channels: { type: 'string', value: 'N', help: 'Channels of raw samples; default: 1' },
} as const satisfies OptionSpecs;

function optionsOf(fields: readonly GraphQLInputField[]): OptionSpecs {
  return Object.fromEntries(fields.map((field) => [optionName(field), optionSpec(field)]));
}

/** `labels` holds many, but each `--label` adds one. */
function optionName({ name }: GraphQLInputField): string {
  return name === 'labels' ? 'label' : kebabCase(name);
}

function optionSpec(field: GraphQLInputField): OptionSpec {
  const type = getNullableType(field.type);
  const value = valueName(type);
  const multiple = isListType(type) || value === 'KEY=VALUE';
  const literal = field.default?.literal;
  const fallback = literal === undefined || value === null ? '' : `default: ${print(literal).toLowerCase()}`;
  const help = [field.description ?? '', fallback].filter((part) => part !== '').join('; ');
  if (value === null) return { type: 'boolean', help };
  return { type: 'string', value, help, ...(multiple ? { multiple } : {}) };
}

/** Null for a flag. */
function valueName(type: GraphQLInputType): string | null {
  if (isListType(type)) return valueName(getNullableType(type.ofType));
  if (isEnumType(type))
    return type
      .getValues()
      .map(({ name }) => kebabCase(name))
      .join('|');
  if (isInputObjectType(type)) return type.name === 'MediaSource' ? 'FILE' : 'JSON';
  switch (type.toString()) {
    case 'Boolean':
      return null;
    case 'Int':
      return 'N';
    case 'Float':
      return 'NUMBER';
    case 'DateTime':
      return 'TIME';
    case 'JSONObject':
      return 'KEY=VALUE';
    case 'JSON':
      return 'JSON';
    default:
      return 'TEXT';
  }
}

function isMedia(field: GraphQLInputField): boolean {
  return getNullableType(field.type).toString() === 'MediaSource';
}

async function valuesOf(
  fields: readonly GraphQLInputField[],
  values: OptionValues,
): Promise<Record<string, unknown>> {
  const entries: [string, unknown][] = [];
  for (const field of fields) {
    const value = values[optionName(field)];
    if (value === undefined && isRequiredInputField(field)) {
      throw new UsageError(`--${optionName(field)}: must be given`);
    }
    if (value === undefined) continue;
    const text = typeof value === 'string' && isMedia(field);
    entries.push([field.name, text ? await readMedia(value, {}) : convert(field, value)]);
  }
  return Object.fromEntries(entries);
}

function convert(field: GraphQLInputField, value: string | boolean | readonly string[]): unknown {
  const type = getNullableType(field.type);
  if (typeof value === 'boolean') return value;
  if (typeof value === 'string') return convertOne(optionName(field), type, value);
  if (isListType(type)) {
    const item = getNullableType(type.ofType);
    return value.map((text) => convertOne(optionName(field), item, text));
  }
  return Object.fromEntries(value.map((text) => keyAndValue(optionName(field), text)));
}

function convertOne(option: string, type: GraphQLInputType, text: string): unknown {
  if (isEnumType(type)) {
    const name = constantCase(text);
    if (type.getValue(name) != null) return name;
    throw new UsageError(`--${option}: "${text}" is none of ${valueName(type)?.replaceAll('|', ', ')}`);
  }
  if (isInputObjectType(type)) return toJson(option, text);
  switch (type.toString()) {
    case 'Int':
      return toNumber(option, text, Number.isInteger, 'a whole number');
    case 'Float':
      return toNumber(option, text, Number.isFinite, 'a number');
    case 'DateTime':
      return toTime(option, text);
    case 'JSON':
      return toJson(option, text);
    default:
      return text;
  }
}

function toNumber(option: string, text: string, accept: (value: number) => boolean, what: string): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (accept(value)) return value;
  throw new UsageError(`--${option}: must be ${what}, not "${text}"`);
}

function toTime(option: string, text: string): string {
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw new UsageError(`--${option}: must be a time, such as 2030-01-31T08:00:00Z, not "${text}"`);
}

/** JSON as it is, or in a file: `@payload.json`. */
function toJson(option: string, text: string): unknown {
  try {
    return JSON.parse(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(
      `${option}: must be JSON, such as '{"scale": 2}', or a file that has it, @payload.json (${reason})`,
    );
  }
}

/** `key=value` of an option that takes such pairs. */
export function keyAndValue(option: string, text: string): [string, string] {
  const split = text.indexOf('=');
  if (split > 0) return [text.slice(0, split), text.slice(split + 1)];
  throw new UsageError(`--${option}: must be KEY=VALUE, not "${text}"`);
}
