import { type Client, isFinal, type Task } from '../../../sdk/src/index.ts';
import { type Command, helpText, parse, UsageError } from '../command.ts';
import { connectionOptions, PATIENT_RETRIES, withClient } from '../connection.ts';
import { exitCodeOf } from '../progress.ts';
import { saveResult } from '../results.ts';
import { type SubmittableKind, submittableKinds } from '../submission.ts';
import { createTaskView } from '../task-view.ts';
import { print, printJson, type Sink, type Surroundings } from '../terminal.ts';

const SUMMARY = 'Submit a task';

const submitOptions = {
  wait: {
    type: 'boolean',
    short: 'w',
    help: 'Wait until the task is over; show its progress, or a text as it is written',
  },
  output: { type: 'string', short: 'o', value: 'FOLDER', help: 'Wait, and save the result in this folder' },
  ...connectionOptions,
} as const;

function find(kinds: readonly SubmittableKind[], slug: string | undefined): SubmittableKind | undefined {
  return kinds.find((kind) => kind.slug === slug);
}

/** `PROMPT`, `[PROMPT]`, `TEXTS…` */
function subjectName({ subject, arity: [fewest, most] }: SubmittableKind): string {
  const name = `${subject.toUpperCase()}${most > 1 ? '…' : ''}`;
  return fewest > 0 ? name : `[${name}]`;
}

function describeKind(kind: SubmittableKind): string {
  const { slug, subject, isFile, options } = kind;
  const description = isFile
    ? `${subject.toUpperCase()} is a file, a URL or the id of an artifact.`
    : 'Quote what has spaces.';
  return helpText({
    summary: SUMMARY,
    usage: `submit ${slug} ${subjectName(kind)} [options]`,
    description: `${description} Prints the id of the task.`,
    options: { ...options, ...submitOptions },
  });
}

function overview(kinds: readonly SubmittableKind[]): string {
  const usages = kinds.map((kind) => `  switchyard submit ${kind.slug} ${subjectName(kind)} [options]`);
  return [
    `${SUMMARY}:`,
    '',
    ...usages,
    '',
    'switchyard submit KIND --help lists the options of a kind.',
  ].join('\n');
}

/** Its options depend on the kind of task, so it reads its command line itself. */
export const submit: Command = {
  summary: SUMMARY,
  help(args) {
    const kinds = submittableKinds();
    const kind = find(kinds, args[0]);
    return kind === undefined ? overview(kinds) : describeKind(kind);
  },
  async run([slug, ...args], surroundings) {
    const kinds = submittableKinds();
    const kind = find(kinds, slug);
    if (kind === undefined) {
      const known = kinds.map((one) => one.slug).join(', ');
      throw new UsageError(slug === undefined ? `say what to do: ${known}` : `"${slug}" is none of ${known}`);
    }
    const options = { ...kind.options, ...submitOptions };
    const { values, positionals } = parse<typeof submitOptions>(args, options, kind.arity);
    const input = await kind.build(positionals, values);
    const wait = values.wait === true || values.output !== undefined;
    const submitAndReport = async (client: Client) => {
      const task = await client.submit(input, { signal: surroundings.signal });
      const { json = false, output } = values;
      if (!json) print(surroundings.stdout, task.id);
      const text = json || output !== undefined ? null : surroundings.stdout;
      const settled = wait ? await waitFor(client, task, text, surroundings) : task;
      return report(client, settled, values, surroundings);
    };
    return withClient(values, surroundings, submitAndReport, wait ? PATIENT_RETRIES : undefined);
  },
};

async function waitFor(
  client: Client,
  task: Task,
  text: Sink | null,
  { stderr, signal }: Surroundings,
): Promise<Task> {
  using view = createTaskView({ notes: stderr, text });
  let current = task;
  try {
    view.show(task);
    for await (const next of client.watch(task.id, { signal })) {
      current = next;
      view.show(next);
    }
  } finally {
    view[Symbol.dispose]();
    if (signal.aborted) {
      print(stderr, `${task.id} goes on: "switchyard watch" follows it, "switchyard tasks cancel" ends it`);
    }
  }
  return current;
}

async function report(
  client: Client,
  task: Task,
  { json, output }: { json?: boolean; output?: string },
  { stdout, signal }: Surroundings,
): Promise<number> {
  const save = output !== undefined && isFinal(task);
  const files = save ? await saveResult(client, task, { folder: output, name: task.id, signal }) : [];
  if (json === true) printJson(stdout, save ? { ...task, files } : task);
  else {
    for (const file of files) print(stdout, file);
    if (output === undefined) printResult(stdout, task);
  }
  return exitCodeOf(task);
}

/** What is no file, and was not shown as it grew. */
function printResult(stdout: Sink, { result }: Task): void {
  if (result?.__typename === 'TranscriptResult') print(stdout, result.text);
  if (result?.__typename === 'CustomResult' && result.value !== null) printJson(stdout, result.value);
}
