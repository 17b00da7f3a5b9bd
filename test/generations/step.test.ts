import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TaskStatus } from '../../src/database/index.ts';
import { imagesOf, modelOf, newPart } from '../../src/generations/parts.ts';
import { choresOf, newImages, type Refusal, step, updated } from '../../src/generations/step.ts';
import type { LogEntry, Outcome, Part, State, TaskView } from '../../src/generations/types.ts';
import { windUp } from '../../src/generations/wind-up.ts';

/** Which states go with which phase. */
const legal: Readonly<Record<State['phase'], readonly State['status'][]>> = {
  IMAGE_GENERATION: ['IMAGE_PENDING', 'IMAGE_GENERATING', 'IMAGE_FAILED', 'FAILED', 'CANCELED'],
  AWAITING_SELECTION: ['IMAGE_COMPLETED', 'CANCELED'],
  MODEL_GENERATION: ['MODEL_PENDING', 'MODEL_GENERATING', 'MODEL_COMPLETED', 'MODEL_FAILED', 'CANCELED'],
  COMPLETED: ['COMPLETED'],
};

const failure = { code: 'NODE_ERROR', message: 'no memory', retryable: true, attempt: 1 } as const;

const results = {
  REWRITE: { text: '"a mill on a flat base"' },
  IMAGE: { images: ['picture'] },
  MODEL: { files: ['model'], preview: 'preview' },
} as const;

/** A generation whose tasks a test moves, with everything that was told of it. */
class Story {
  state: State;
  parts: readonly Part[];
  log: LogEntry[] = [];
  /** How often a task was put back after its end. */
  retries = 0;
  readonly #tasks = new Map<string, TaskView>();
  #ids = 0;

  constructor(images: number, isRewritten: boolean) {
    this.state = {
      ...{ prompt: 'a mill', imageCount: images, imageModel: 'fox', selectedImage: null },
      ...{ status: 'IMAGE_PENDING', phase: 'IMAGE_GENERATION', fallback: null },
      finalPrompt: isRewritten ? null : 'a mill',
    };
    this.parts = isRewritten
      ? [newPart('REWRITE', 0, 'writer', this.newId)]
      : newImages(this.state, this.newId);
    this.log.push(updated(this.state));
  }

  newId = (): string => `task-${++this.#ids}`;

  /** What a follower does: look, write, and do what is to be done. */
  look(refusal?: Refusal): Outcome {
    return this.#accept(step(this.state, this.#withTasks(), { newId: this.newId, refusal }));
  }

  #withTasks(): readonly Part[] {
    return this.parts.map((part) => {
      const task = this.#tasks.get(part.taskId) ?? null;
      return task === part.task ? part : { ...part, task };
    });
  }

  #accept(outcome: Outcome): Outcome {
    this.state = outcome.state;
    this.parts = outcome.parts;
    this.log.push(...outcome.log);
    return outcome;
  }

  doChores(): void {
    const { submit, cancel } = choresOf({ state: this.state, parts: this.#withTasks() });
    for (const { taskId } of submit) {
      this.#tasks.set(taskId, { status: 'QUEUED', version: 1, attempt: 0, result: null, error: null });
    }
    for (const { taskId } of cancel) this.#move(taskId, 'CANCELED');
  }

  #move(taskId: string, status: TaskStatus): void {
    const task = this.#tasks.get(taskId);
    const role = this.parts.find((part) => part.taskId === taskId)?.role;
    if (!task || !role) return;
    this.#tasks.set(taskId, {
      status,
      version: task.version + 1,
      attempt: task.attempt + (status === 'RUNNING' ? 1 : 0),
      result: status === 'SUCCEEDED' ? results[role] : null,
      error: status === 'FAILED' ? failure : null,
    });
  }

  /** The last task of that role. */
  move(role: Part['role'], status: TaskStatus): void {
    const part = this.parts.findLast((one) => one.role === role);
    if (part) this.#move(part.taskId, status);
  }

  /** Something that can happen to that task next, if anything can. */
  advance(nth: number, choice: number): void {
    const { taskId } = this.parts[nth % this.parts.length] ?? {};
    const task = taskId === undefined ? undefined : this.#tasks.get(taskId);
    if (!task || taskId === undefined) return;
    const ways: Readonly<Record<string, readonly TaskStatus[]>> = {
      QUEUED: ['RUNNING', 'RUNNING', 'RUNNING', 'FAILED', 'CANCELED'],
      RUNNING: ['SUCCEEDED', 'SUCCEEDED', 'FAILED', 'QUEUED', 'CANCELED'],
      FAILED: ['QUEUED'],
      CANCELED: ['QUEUED'],
    };
    const possible = ways[task.status] ?? [];
    const next = possible[choice % possible.length];
    if (next === undefined) return;
    if (task.status === 'FAILED' || task.status === 'CANCELED') this.retries++;
    this.#move(taskId, next);
  }

  select(index: number): void {
    const { phase, status } = this.look().state;
    const image = imagesOf(this.parts)[index % this.state.imageCount];
    if (!(phase === 'AWAITING_SELECTION' || status === 'MODEL_FAILED') || image?.status !== 'COMPLETED')
      return;
    if (status === 'CANCELED') return;
    const state: State = {
      ...this.state,
      ...{ status: 'MODEL_PENDING', phase: 'MODEL_GENERATION', selectedImage: image.number },
    };
    const models = this.parts.filter(({ role }) => role === 'MODEL').length;
    const parts = [...this.parts, newPart('MODEL', models, 'sculptor', this.newId)];
    this.#accept({ state, parts, log: [updated(state)], follow: 'now' });
  }

  cancel(): void {
    const { status } = this.look().state;
    if (['COMPLETED', 'FAILED', 'CANCELED', 'IMAGE_FAILED', 'MODEL_FAILED'].includes(status)) return;
    const state: State = { ...this.state, status: 'CANCELED' };
    this.#accept(windUp(state, this.#withTasks(), { log: [updated(state)] }));
  }

  refuse(nth: number): void {
    const part = this.parts[nth % this.parts.length];
    if (
      part &&
      choresOf({ state: this.state, parts: this.#withTasks() }).submit.some(
        ({ taskId }) => taskId === part.taskId,
      )
    ) {
      this.look({ taskId: part.taskId, reason: 'no node offers the model' });
    }
  }

  /** Whether anything of it waits or runs. */
  get isUnderWay(): boolean {
    return this.#withTasks().some(({ task }) => task?.status === 'QUEUED' || task?.status === 'RUNNING');
  }

  /** Everything goes well from here on, as far as anything is under way. */
  finish(): void {
    for (let round = 0; round < 20; round++) {
      this.look();
      this.doChores();
      for (const part of this.#withTasks()) {
        if (part.task?.status === 'QUEUED') this.#move(part.taskId, 'RUNNING');
        if (part.task?.status === 'RUNNING') this.#move(part.taskId, 'SUCCEEDED');
      }
    }
  }
}

type Act =
  | { readonly act: 'advance'; readonly nth: number; readonly choice: number }
  | { readonly act: 'select' | 'refuse'; readonly nth: number }
  | { readonly act: 'look' | 'chores' | 'cancel' };

const nth = fc.nat(20);
const acts = fc.array(
  fc.oneof(
    { weight: 12, arbitrary: fc.record({ act: fc.constant('advance' as const), nth, choice: fc.nat(20) }) },
    { weight: 6, arbitrary: fc.record({ act: fc.constantFrom('look' as const, 'chores' as const) }) },
    { weight: 2, arbitrary: fc.record({ act: fc.constant('select' as const), nth }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('refuse' as const), nth }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('cancel' as const) }) },
  ),
  { maxLength: 80 },
);

function play(story: Story, what: Act): void {
  if (what.act === 'advance') story.advance(what.nth, what.choice);
  else if (what.act === 'select') story.select(what.nth);
  else if (what.act === 'refuse') story.refuse(what.nth);
  else if (what.act === 'look') story.look();
  else if (what.act === 'chores') story.doChores();
  else story.cancel();
}

const stories = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.boolean(), acts);

function expectLegal({ state, log }: Story): void {
  for (const entry of log) {
    if (entry.type !== 'GenerationUpdated') continue;
    expect(legal[entry.data.phase]).toContain(entry.data.status);
  }
  const last = log.findLast((entry) => entry.type === 'GenerationUpdated');
  expect(last?.data).toMatchObject({ status: state.status, phase: state.phase });
}

/** How often what is told of one thing was told, by type and picture; models apart by their selections. */
function timesTold({ log }: Story): Map<string, number> {
  const times = new Map<string, number>();
  let models = 0;
  for (const { type, data } of log) {
    if (type === 'GenerationUpdated') {
      if (data.status === 'MODEL_PENDING' && data.message === null) models++;
      continue;
    }
    const key = `${type} ${'index' in data ? data.index : models}`;
    times.set(key, (times.get(key) ?? 0) + 1);
  }
  return times;
}

test('whatever happens to its tasks, in whatever order it is looked at, its states are legal and its log tells them', () => {
  fc.assert(
    fc.property(stories, ([images, isRewritten, all]) => {
      const story = new Story(images, isRewritten);
      for (const what of all) {
        play(story, what);
        expectLegal(story);
        // Nothing has happened since.
        story.look();
        expect(story.look().log).toEqual([]);
      }
    }),
    { numRuns: 500 },
  );
});

test('each event is told once for each picture and model, however many attempts it takes; a failure again only after a retry', () => {
  fc.assert(
    fc.property(stories, ([images, isRewritten, all]) => {
      const story = new Story(images, isRewritten);
      for (const what of all) play(story, what);
      story.look();
      for (const [event, times] of timesTold(story)) {
        const most = /Failed/.test(event) ? 1 + story.retries : 1;
        expect(`${event} ${Math.min(times, most)}`).toBe(`${event} ${times}`);
      }
      const told = new Set(timesTold(story).keys());
      for (const { number, status, started } of imagesOf(story.parts)) {
        if (story.state.status === 'CANCELED' || story.state.status === 'FAILED') continue;
        expect(told.has(`ImageGenerating ${number}`)).toBe(started);
        expect(told.has(`ImageCompleted ${number}`)).toBe(status === 'COMPLETED');
        if (status === 'FAILED') expect(told).toContain(`ImageFailed ${number}`);
      }
    }),
    { numRuns: 500 },
  );
});

test('it comes to an end when its tasks do, and leaves nothing under way', () => {
  fc.assert(
    fc.property(stories, ([images, isRewritten, all]) => {
      const story = new Story(images, isRewritten);
      for (const what of all) play(story, what);
      story.finish();
      expect(story.isUnderWay).toBe(false);
      expect(story.look()).toMatchObject({ log: [], follow: 'no' });
      const { status } = story.state;
      expect([
        'IMAGE_COMPLETED',
        'IMAGE_FAILED',
        'COMPLETED',
        'MODEL_FAILED',
        'FAILED',
        'CANCELED',
      ]).toContain(status);
      if (status === 'COMPLETED') expect(modelOf(story.parts)?.status).toBe('COMPLETED');
    }),
    { numRuns: 500 },
  );
});

test('what was missed in between is told in its order: one look after all is done tells the whole way', () => {
  const story = new Story(2, true);
  story.finish();
  story.select(1);
  story.doChores();
  for (const status of ['RUNNING', 'SUCCEEDED'] as const) story.move('MODEL', status);
  story.look();
  expect(story.log.map(({ type, data }) => ('status' in data ? data.status : type))).toEqual([
    ...['IMAGE_PENDING', 'IMAGE_PENDING'],
    ...['IMAGE_GENERATING', 'ImageGenerating', 'ImageGenerating', 'ImageCompleted', 'ImageCompleted'],
    ...['IMAGE_COMPLETED', 'MODEL_PENDING'],
    ...['MODEL_GENERATING', 'ModelGenerating', 'ModelCompleted', 'MODEL_COMPLETED', 'COMPLETED'],
  ]);
  expect(story.state).toMatchObject({ finalPrompt: 'a mill on a flat base', phase: 'COMPLETED' });
});

test('a model whose first attempt nobody saw is still being generated when it waits for the next', () => {
  const story = new Story(1, false);
  story.finish();
  story.select(0);
  story.doChores();
  story.look();
  for (const status of ['RUNNING', 'QUEUED'] as const) story.move('MODEL', status);
  const shown = ({ type, data }: LogEntry): string => ('status' in data ? data.status : type);
  expect(story.look().log.map(shown)).toEqual(['MODEL_GENERATING', 'ModelGenerating']);
  for (const status of ['RUNNING', 'SUCCEEDED'] as const) story.move('MODEL', status);
  expect(story.look().log.map(shown)).toEqual(['ModelCompleted', 'MODEL_COMPLETED', 'COMPLETED']);
});
