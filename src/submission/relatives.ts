import DataLoader from 'dataloader';
import { type InputIssue, InvalidInputError } from '../errors.ts';
import { decodeId } from '../ids.ts';
import { type KindName, kindOf, placeholderName, placeholdersIn } from '../kinds/index.ts';
import type { Tasks } from '../tasks/index.ts';
import type { Checked } from '../validation.ts';

/** How an input names another task: in exactly one of these ways. */
export interface TaskName {
  /** The API's id, task_… */
  readonly taskId?: string | null | undefined;
  /** What the same batch calls it. */
  readonly ref?: string | null | undefined;
}

/** A task that another one names. */
export interface Relative {
  readonly id: string;
  readonly kind: KindName;
}

/** @throws InvalidInputError that names the path */
export type FindTask = (name: TaskName, path: string) => Promise<Relative>;

/** The tasks that one submission names, and so depends on. */
export interface Relatives {
  readonly find: FindTask;
  /** By row id: where each was named first. */
  readonly named: ReadonlyMap<string, string>;
}

const refuse = (path: string, message: string): InvalidInputError =>
  new InvalidInputError([{ path, message }]);

/** Finds the user's own tasks by their ids; those that are asked for in one turn with one statement. */
export function ownTasks(tasks: Pick<Tasks, 'kindsOf'>, userId: string): FindTask {
  const kinds = new DataLoader<string, KindName | null>(async (ids) => {
    const found = await tasks.kindsOf(userId, ids);
    return ids.map((id) => found.get(id) ?? null);
  });
  return async ({ taskId, ref }, path) => {
    if (ref != null) throw refuse(path, 'refs name tasks of the same batch: give an id here');
    const id = decodeId('Task', taskId ?? '');
    const kind = id === null ? null : await kinds.load(id);
    if (id === null || kind === null) throw refuse(path, 'no task of yours has this id');
    return { id, kind };
  };
}

/** For what is submitted another time: nobody knows what there will be. */
export const noTasks: FindTask = async (_name, path) => {
  throw refuse(path, 'what is submitted later cannot depend on other tasks');
};

/** For what is changed: it goes on depending on what it depends on, and on nothing else. */
export function among(parents: ReadonlySet<string>, find: FindTask): FindTask {
  return async (name, path) => {
    const found = await find(name, path);
    if (parents.has(found.id)) return found;
    throw refuse(path, 'must be a task that this one depends on already');
  };
}

/** Finds tasks by `find`, and remembers which. */
export function createRelatives(find: FindTask): Relatives {
  const named = new Map<string, string>();
  return {
    named,
    async find(name, path) {
      if ((name.taskId == null) === (name.ref == null)) {
        throw refuse(path, 'must name a task by exactly one of taskId and ref');
      }
      const relative = await find(name, path);
      if (!named.has(relative.id)) named.set(relative.id, path);
      return relative;
    },
  };
}

/** A text that another task writes, and what it is called in the input. */
export interface TextFromTask extends TaskName {
  readonly name: string;
}

export interface Dependencies {
  readonly dependsOn?: readonly string[] | null | undefined;
  readonly textsFrom?: readonly TextFromTask[] | null | undefined;
}

/** Row ids by name. */
export type Texts = Readonly<Record<string, string>>;

const MAX_PARENTS = 1_000;

async function issuesIn(work: () => Promise<unknown>): Promise<readonly InputIssue[]> {
  try {
    await work();
    return [];
  } catch (error) {
    if (error instanceof InvalidInputError) return error.issues;
    throw error;
  }
}

async function findText(text: TextFromTask, path: string, { find }: Relatives): Promise<string> {
  if (!placeholderName.test(text.name)) {
    throw refuse(`${path}.name`, 'must be a letter, then up to 63 letters, digits, - or _');
  }
  const { id, kind } = await find(text, path);
  if (!kindOf(kind).text) throw refuse(path, `a task of the kind ${kind} makes no text`);
  return id;
}

/** Finds what the options name; what the input names is found with that. */
export async function checkDependencies(
  { dependsOn, textsFrom }: Dependencies,
  relatives: Relatives,
): Promise<Checked<Texts>> {
  const [parents, texts] = [dependsOn ?? [], textsFrom ?? []];
  const message = `must be at most ${MAX_PARENTS.toLocaleString('en')}`;
  if (parents.length > MAX_PARENTS) return { isValid: false, issues: [{ path: 'dependsOn', message }] };
  if (texts.length > MAX_PARENTS) return { isValid: false, issues: [{ path: 'textsFrom', message }] };
  const found = new Map<string, string>();
  const issues = await Promise.all([
    ...parents.map((taskId, n) => issuesIn(() => relatives.find({ taskId }, `dependsOn[${n}]`))),
    ...texts.map((text, n) =>
      issuesIn(async () => {
        const path = `textsFrom[${n}]`;
        if (texts.findIndex(({ name }) => name === text.name) < n) {
          throw refuse(`${path}.name`, `"${text.name}" stands for another text already`);
        }
        found.set(text.name, await findText(text, path, relatives));
      }),
    ),
  ]);
  const all = issues.flat();
  return all.length > 0
    ? { isValid: false, issues: all }
    : { isValid: true, value: Object.fromEntries(found) };
}

/** Texts that are named, and that the input has no place for. */
export function unusedTexts(texts: readonly TextFromTask[], input: unknown): InputIssue[] {
  const used = placeholdersIn(input);
  return texts.flatMap(({ name }, n) =>
    used.has(name)
      ? []
      : [
          {
            path: `textsFrom[${n}].name`,
            message: `must stand in the input, where the text goes: {{${name}}}`,
          },
        ],
  );
}
