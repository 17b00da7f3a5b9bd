import { hash } from 'node:crypto';
import type { Viewer } from '../accounts/index.ts';
import { type InputIssue, InvalidInputError } from '../errors.ts';
import { encodeId, newIdAfter, randomId } from '../ids.ts';
import type { BatchMember, Submission, SubmittedBatch, Tasks } from '../tasks/index.ts';
import { withNames } from './hash.ts';
import { type Dependency, orderOf } from './order.ts';
import {
  type Draft,
  draft,
  type PrepareServices,
  prepare,
  type SubmissionRequest,
  surroundingsOf,
} from './prepare.ts';
import type { FindTask, Relative } from './relatives.ts';

/** Tasks that are to be accepted together, before anything of them is checked. */
export interface BatchRequest {
  readonly viewer: Viewer;
  readonly idempotencyKey?: string | null | undefined;
  readonly tasks: readonly BatchTaskRequest[];
}

export interface BatchTaskRequest {
  /** What others of the batch call it. */
  readonly ref?: string | null | undefined;
  readonly dependsOnRefs?: readonly string[] | null | undefined;
  readonly request: SubmissionRequest;
}

export interface BatchServices extends PrepareServices {
  readonly tasks: Tasks;
}

const MAX_TASKS = 1_000;
const MAX_DEPENDENCIES = 20_000;
const MAX_REF = 100;
const MAX_KEY = 255;

/** A task of the batch, by an id that it has until the order of all is known. */
interface Member extends BatchTaskRequest {
  readonly id: string;
  readonly path: string;
}

function tooManyDependencies(count: number): InputIssue[] {
  if (count <= MAX_DEPENDENCIES) return [];
  const [most, given] = [MAX_DEPENDENCIES, count].map((number) => number.toLocaleString('en'));
  return [{ path: 'tasks', message: `must have at most ${most} dependencies together, not ${given}` }];
}

/** How many names of others it gives, before anybody knows whose they are. */
function namesIn({ dependsOnRefs, request: { options } }: BatchTaskRequest): number {
  const lists = [dependsOnRefs, options.dependsOn, options.textsFrom];
  return lists.reduce((sum, list) => sum + (list?.length ?? 0), 0);
}

function checkFrame({ idempotencyKey, tasks }: BatchRequest): InputIssue[] {
  const issues = tooManyDependencies(tasks.reduce((sum, task) => sum + namesIn(task), 0));
  if (tasks.length < 1 || tasks.length > MAX_TASKS) {
    issues.push({ path: 'tasks', message: `must be 1 to ${MAX_TASKS.toLocaleString('en')}` });
  }
  if (idempotencyKey != null && (idempotencyKey.length < 1 || idempotencyKey.length > MAX_KEY)) {
    issues.push({ path: 'idempotencyKey', message: `must have 1 to ${MAX_KEY} characters` });
  }
  return issues;
}

function checkRefs(members: readonly Member[]): InputIssue[] {
  const taken = new Map<string, string>();
  return members.flatMap(({ ref, path }): InputIssue[] => {
    if (ref == null) return [];
    if (ref.length < 1 || ref.length > MAX_REF) {
      return [{ path: `${path}.ref`, message: `must have 1 to ${MAX_REF} characters` }];
    }
    const holder = taken.get(ref);
    if (holder !== undefined) return [{ path: `${path}.ref`, message: `is the ref of ${holder} already` }];
    taken.set(ref, path);
    return [];
  });
}

/** What a task alone may say, and one of a batch leaves to that. */
function checkAlone({ path, request: { options } }: Member): InputIssue[] {
  const wrong = (field: string, message: string): InputIssue => ({ path: `${path}.input.${field}`, message });
  return [
    ...(options.idempotencyKey == null
      ? []
      : [wrong('idempotencyKey', 'must be left out: the batch has its own')]),
    ...(options.waitMs == null ? [] : [wrong('waitMs', 'must be left out: follow the batch')]),
  ];
}

/** Finds tasks of the batch by their refs, and others as always. */
function findAmong(members: readonly Member[], findOwn: FindTask): FindTask {
  const byRef = new Map(members.map((member) => [member.ref, member]));
  return async (name, path) => {
    if (name.ref == null) return findOwn(name, path);
    const member = byRef.get(name.ref);
    if (member) return { id: member.id, kind: member.request.kind };
    throw new InvalidInputError([{ path, message: `no task of this batch has the ref "${name.ref}"` }]);
  };
}

/** A member with everything that it names, and what is wrong with it. */
interface Checked {
  readonly member: Member;
  readonly drafted: Draft;
  readonly submission: Submission | null;
  readonly issues: readonly InputIssue[];
}

async function nameParents(
  { dependsOnRefs, path }: Member,
  find: (name: { ref: string }, path: string) => Promise<Relative>,
): Promise<InputIssue[]> {
  const issues: InputIssue[] = [];
  for (const [n, ref] of (dependsOnRefs ?? []).entries()) {
    try {
      await find({ ref }, `${path}.dependsOnRefs[${n}]`);
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      issues.push(...error.issues);
    }
  }
  return issues;
}

interface Frame {
  readonly services: BatchServices;
  readonly members: readonly Member[];
  readonly mayBeReplay: boolean;
}

/** Each URL is looked at once. */
function remembering({ urlProblem }: BatchServices['webhooks']): BatchServices['webhooks'] {
  const known = new Map<string, Promise<string | null>>();
  return {
    urlProblem(url) {
      const problem = known.get(url) ?? urlProblem(url);
      known.set(url, problem);
      return problem;
    },
  };
}

async function checkAll({ services, members, mayBeReplay }: Frame, viewer: Viewer): Promise<Checked[]> {
  const { artifacts, database } = services;
  const webhooks = remembering(services.webhooks);
  const own = surroundingsOf(services, viewer);
  const findTask = findAmong(members, own.findTask);
  const refs = new Map(
    members.flatMap(({ id, ref, path }) => [id, encodeId('Task', id)].map((name) => [name, ref ?? path])),
  );
  return Promise.all(
    members.map(async (member) => {
      const drafted = draft(artifacts, member.request, { ...own, findTask });
      const named = await nameParents(member, drafted.relatives.find);
      const prepared = await prepare({ database, webhooks }, drafted, { mayBeReplay, refs });
      const wrong = prepared.isValid ? [] : prepared.issues;
      const issues = wrong.map(({ path, message }) => ({ path: `${member.path}.input.${path}`, message }));
      return {
        ...{ member, drafted, submission: prepared.isValid ? prepared.value.submission : null },
        issues: [...checkAlone(member), ...named, ...issues],
      };
    }),
  );
}

/** Which tasks of the batch depend on which, each where it says so. */
function dependenciesOf(checked: readonly Checked[]): Dependency[] {
  const places = new Map(checked.map(({ member }, n) => [member.id, n]));
  return checked.flatMap(({ drafted, member }, child) =>
    [...drafted.relatives.named].flatMap(([id, path]) => {
      const parent = places.get(id);
      if (parent === undefined) return [];
      return { child, parent, path: path.startsWith('tasks[') ? path : `${member.path}.input.${path}` };
    }),
  );
}

/** The same value with the ids that tasks had until now in the place of the old ones. */
function renamed<Value>(value: Value, ids: ReadonlyMap<string, string>): Value {
  return JSON.parse(
    JSON.stringify(value, (_key, inner: unknown) =>
      typeof inner === 'string' ? withNames(inner, (id) => ids.get(id)) : inner,
    ),
  );
}

/** Gives the tasks their ids: above those of all that they depend on. */
function toMembers(checked: readonly Checked[], order: readonly number[]): BatchMember[] {
  const own = new Set(checked.map(({ member }) => member.id));
  const others = checked.flatMap(({ submission }) => submission?.dependsOn ?? []);
  let last = newIdAfter(others.filter((id) => !own.has(id)));
  const ids = new Map<string, string>();
  return order.flatMap((place) => {
    const one = checked[place];
    if (!one?.submission) return [];
    const { member, submission } = one;
    ids.set(member.id, last);
    ids.set(encodeId('Task', member.id), encodeId('Task', last));
    const taskId = last;
    last = newIdAfter([last]);
    const { dependsOn, texts, input } = submission;
    if (!dependsOn?.some((id) => own.has(id))) return { taskId, ref: member.ref ?? null, submission };
    const names = { dependsOn: renamed(dependsOn, ids), ...(texts ? { texts: renamed(texts, ids) } : {}) };
    return {
      ...{ taskId, ref: member.ref ?? null },
      submission: { ...submission, ...names, input: renamed(input, ids) },
    };
  });
}

function hashOfAll(checked: readonly Checked[]): Uint8Array {
  const parts = checked.map(({ member, submission }) => [
    member.ref ?? null,
    Buffer.from(submission?.inputHash ?? []).toString('hex'),
  ]);
  return hash('sha256', JSON.stringify(parts), 'buffer');
}

function assertNone(issues: readonly InputIssue[]): void {
  if (issues.length > 0) throw new InvalidInputError(issues);
}

/**
 * Submits all of the tasks, durably once it resolves, or none.
 * @throws InvalidInputError with all that is wrong, in paths such as `tasks[3].dependsOnRefs[0]`; and what
 * `Tasks.submitBatch` throws
 */
export async function submitBatch(services: BatchServices, request: BatchRequest): Promise<SubmittedBatch> {
  assertNone(checkFrame(request));
  const { viewer, idempotencyKey = null } = request;
  const members = request.tasks.map((task, n) => ({ ...task, id: randomId(), path: `tasks[${n}]` }));
  assertNone(checkRefs(members));
  const checked = await checkAll({ services, members, mayBeReplay: idempotencyKey !== null }, viewer);
  const issues = checked.flatMap((one) => one.issues);
  const named = checked.reduce((sum, { drafted }) => sum + drafted.relatives.named.size, 0);
  const tooMany = tooManyDependencies(named);
  if (tooMany.length > 0) throw new InvalidInputError([...issues, ...tooMany]);
  const ordered = orderOf(
    members.length,
    dependenciesOf(checked),
    (place) => members[place]?.ref ?? `tasks[${place}]`,
  );
  if ('circles' in ordered) throw new InvalidInputError([...issues, ...ordered.circles]);
  assertNone(issues);
  const tasks = toMembers(checked, ordered.order);
  const inputHash = hashOfAll(checked);
  return services.tasks.submitBatch({ userId: viewer.userId, idempotencyKey, inputHash, tasks }, viewer.tier);
}
