import { parseArgs } from 'node:util';
import type { Surroundings } from './terminal.ts';

/** A command line that cannot be understood. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

export interface OptionSpec {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  /** Of the value in the help text: `N`. */
  readonly value?: string;
  readonly help: string;
}

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

type ValueOf<Spec> = Spec extends { type: 'boolean' }
  ? boolean
  : Spec extends { multiple: true }
    ? string[]
    : string;

/** Values of options that are only known when the command runs. */
export type OptionValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

export interface Arguments<Options extends OptionSpecs> {
  readonly values: { readonly [Name in keyof Options]?: ValueOf<Options[Name]> };
  readonly positionals: readonly string[];
}

export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  /** The whole help text. */
  help(args: readonly string[]): string;
  /** Runs the command and answers the process's exit code. */
  run(args: readonly string[], surroundings: Surroundings): Promise<number>;
}

interface Definition<Options extends OptionSpecs> {
  readonly summary: string;
  /** After `switchyard`: `watch TASK [options]`. */
  readonly usage: string;
  /** What the summary leaves out. */
  readonly description?: string;
  /** How many arguments that are no options it takes: the fewest and the most. */
  readonly arity: readonly [number, number];
  readonly options: Options;
  run(args: Arguments<Options>, surroundings: Surroundings): Promise<number>;
}

const helpOption = { help: { type: 'boolean', short: 'h', help: 'Show this text' } } as const;

/** A command whose options are always the same. */
export function defineCommand<const Options extends OptionSpecs>(definition: Definition<Options>): Command {
  return {
    summary: definition.summary,
    help: () => helpText(definition),
    run: (args, surroundings) =>
      definition.run(parse(args, definition.options, definition.arity), surroundings),
  };
}

/**
 * Reads a command line.
 * @throws UsageError
 */
export function parse<const Options extends OptionSpecs>(
  args: readonly string[],
  options: Options,
  [fewest, most]: readonly [number, number],
): Arguments<Options> {
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...args], options: { ...options }, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { length } = parsed.positionals;
  if (length < fewest) throw new UsageError('an argument is missing');
  if (length > most) throw new UsageError(`one argument too many: ${parsed.positionals[most]}`);
  return { values: parsed.values as Arguments<Options>['values'], positionals: parsed.positionals };
}

export interface HelpParts {
  readonly summary: string;
  readonly usage: string;
  readonly description?: string | undefined;
  readonly options: OptionSpecs;
}

export function helpText({ summary, usage, description, options }: HelpParts): string {
  const all: OptionSpecs = { ...options, ...helpOption };
  const rows = Object.entries(all).map(([name, option]) => {
    const short = option.short === undefined ? '    ' : `-${option.short}, `;
    const value = option.type === 'boolean' ? '' : ` ${option.value ?? 'TEXT'}`;
    return [`  ${short}--${name}${value}`, option.help] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return [
    `Usage: switchyard ${usage}`,
    '',
    summary,
    ...(description === undefined ? [] : ['', description]),
    '',
    'Options:',
    ...rows.map(([left, right]) => left.padEnd(width) + right),
  ].join('\n');
}

/** `text-to-image` as GraphQL has it: `TEXT_TO_IMAGE`. */
export function constantCase(text: string): string {
  return text.toUpperCase().replaceAll('-', '_');
}

/** `TEXT_TO_IMAGE` or `textToImage` as commands have it: `text-to-image`. */
export function kebabCase(text: string): string {
  const words = text === text.toUpperCase() ? text : text.replace(/[A-Z]|\d+/g, (start) => `-${start}`);
  return words.replaceAll('_', '-').toLowerCase();
}
