import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeId } from '../../src/ids.ts';
import { createDocuments } from '../../src/knowledge/documents.ts';
import { LOCAL_NODE_ID } from '../../src/nodes/index.ts';
import { UNHURRIED } from './files.ts';
import { type Library, nextAtWork, openLibrary, type Reader } from './library.ts';

let library: Library;
let reader: Reader;

beforeAll(async () => {
  const tiers = { FREE: { concurrency: 1 } };
  library = await openLibrary([{}], {
    WORKER_CONCURRENCY: '1',
    TASK_RETENTION_DAYS: '1',
    TIERS: JSON.stringify(tiers),
  });
  reader = await library.reader('FREE');
});
afterAll(() => library?.[Symbol.asyncDispose]());

const file = { name: 'a.txt', bytes: 'Some words that are found.' };
const rowId = (task: { readonly id?: unknown }): string => decodeId('Task', String(task.id)) ?? '';

describe('the built-in node', UNHURRIED, () => {
  it('takes neither the one place of a worker nor the one of a user: a document and its parts run', async () => {
    const base = await reader.base('narrow');
    const tasks = await Promise.all([1, 2, 3].map((n) => reader.index(base, { ...file, name: `${n}.txt` })));
    expect(tasks.map(({ status }) => status)).toEqual(['SUCCEEDED', 'SUCCEEDED', 'SUCCEEDED']);
  });

  it('is on no list and offers no model to choose, but is named where it worked', async () => {
    const operator = await library.reader('VIP', 'OPERATOR');
    const { gpuNodes, models, stats } = await operator.ask(
      '{ gpuNodes { name } models { kind } stats { nodes { slots healthy } workers { idle } } }',
    );
    expect(gpuNodes).toEqual([{ name: 'embedder-1' }]);
    expect(models).toEqual([{ kind: 'EMBEDDING' }]);
    expect(stats).toEqual({ nodes: { slots: 2, healthy: 1 }, workers: { idle: 1 } });
    const { feed, nodes } = library.app.services;
    const told = new Set<string>();
    for await (const { id, name, slotCount } of feed.nodes()) {
      told.add(name);
      if (slotCount === 3) break;
      // Of two changes the later one is told.
      await nodes.update(LOCAL_NODE_ID, { slots: 7 });
      await nodes.update(id, { slots: 3 });
    }
    expect(told).toEqual(new Set(['embedder-1']));
  });

  it('can be drained and given other slots, and nothing else', async () => {
    const { nodes } = library.app.services;
    await expect(nodes.remove(LOCAL_NODE_ID)).rejects.toThrow('the built-in node stays');
    await expect(nodes.update(LOCAL_NODE_ID, { url: 'http://127.0.0.1:9' })).rejects.toThrow(
      /url: can not change/,
    );
    expect(await nodes.update(LOCAL_NODE_ID, { slots: 9 })).toMatchObject({ slotCount: 9 });
    const other = {
      name: 'x',
      url: 'http://127.0.0.1:9',
      protocol: 'local',
      offers: [{ kind: 'DOCUMENT', models: ['builtin'] }],
    };
    await expect(nodes.register(other)).rejects.toThrow(/protocol: must be one of/);
    await nodes.registerLocal();
    const row = await library.app.services.database.prisma.gpuNode.findUniqueOrThrow({
      where: { id: LOCAL_NODE_ID },
    });
    expect(row).toMatchObject({ name: 'local', slotCount: 9, healthy: true });
  });
});

describe('a document', UNHURRIED, () => {
  it('whose deadline comes before its turn has failed', async () => {
    const { nodes, database } = library.app.services;
    const base = await reader.base('late');
    await nodes.drain(LOCAL_NODE_ID);
    const deadline = new Date(Date.now() + 3_600_000).toISOString();
    const task = await reader.add(base, file, { deadline });
    expect(await reader.documents(base)).toMatchObject([{ status: 'VALIDATING' }]);
    await database.pool.query("UPDATE task SET deadline = now() - interval '1 ms' WHERE id = $1", [
      rowId(task),
    ]);
    expect(await reader.ended(String(task.id))).toMatchObject({ status: 'FAILED' });
    await nodes.resume(LOCAL_NODE_ID);
    expect(await reader.documents(base)).toMatchObject([
      { status: 'FAILED', error: { code: 'DEADLINE_EXCEEDED' } },
    ]);
  });

  it('that a lost attempt had indexed already is not embedded again', async () => {
    const { nodes, database } = library.app.services;
    const base = await reader.base('indexed, not settled');
    await nodes.drain(LOCAL_NODE_ID);
    const task = await reader.add(base, file);
    await database.pool.query(
      "UPDATE document SET stage = 'INDEXED', edition = 1, chunk_count = 1 WHERE id = $1",
      [rowId(task)],
    );
    const calls = library.nodes[0]?.history.length;
    await nodes.resume(LOCAL_NODE_ID);
    expect(await reader.ended(String(task.id))).toMatchObject({ status: 'SUCCEEDED', attempt: 1 });
    expect(library.nodes[0]?.history.length).toBe(calls);
  });

  it('is resumed where its lost attempt was, and shown by its own attempt only', async () => {
    const { database } = library.app.services;
    const base = await reader.base('lost in between');
    const [node] = library.nodes;
    node?.set({ latencyMs: 60_000 });
    const begun = nextAtWork(library.nodes);
    const task = await reader.add(base, { ...file, bytes: 'Words that are embedded once.' });
    await begun;
    // For its next attempt, which may begin at any moment.
    node?.set({ latencyMs: 0 });
    expect(await reader.documents(base, ['EMBEDDING'])).toHaveLength(1);
    const parts = () => database.prisma.documentPart.findMany({ where: { documentId: rowId(task) } });
    await vi.waitFor(async () => expect(await parts()).toHaveLength(1), { timeout: 10_000 });
    // As after a pause of the whole process: the worker hears that it has lost what it ran.
    await database.pool.query("UPDATE worker SET lease_until = now() - interval '1 s'");
    const outcomes = async () =>
      (await database.prisma.taskAttempt.findMany({ where: { taskId: rowId(task), number: 1 } })).map(
        ({ outcome }) => outcome,
      );
    await vi.waitFor(async () => expect(await outcomes()).toEqual(['WORKER_LOST']), { timeout: 15_000 });
    expect(await reader.ended(String(task.id))).toMatchObject({ status: 'SUCCEEDED', attempt: 2 });
    const edition = {
      documentId: rowId(task),
      knowledgeBaseId: decodeId('KnowledgeBase', base) ?? '',
      edition: 1,
    };
    await expect(
      createDocuments(database).publish(edition, { chunkCount: 9, dimensions: 128 }),
    ).rejects.toThrow('the attempt had ended before its document was indexed');
    expect(await reader.documents(base)).toMatchObject([{ chunkCount: 1, status: 'INDEXED' }]);
    await vi.waitFor(async () => expect(await parts()).toEqual([]), { timeout: 10_000 });
  });

  it('that waits for its parts holds no drain up, and goes on elsewhere without a try spent', async () => {
    await using shelf = await openLibrary([{}], { DRAIN_TIMEOUT_MS: '600000' }, 'api');
    const { nodes, database } = shelf.app.services;
    const owner = await shelf.reader();
    const embedder = await database.prisma.gpuNode.findFirstOrThrow({ where: { name: 'embedder-1' } });
    await nodes.drain(embedder.id);
    const worker = await shelf.app.sibling('worker');
    const base = await owner.base();
    const task = await owner.add(base, file, { maxAttempts: 1 });
    await vi.waitFor(async () => expect(await owner.documents(base, ['EMBEDDING'])).toHaveLength(1), {
      timeout: 20_000,
    });
    await worker.close();
    const handedBack = await database.prisma.task.findUniqueOrThrow({ where: { id: rowId(task) } });
    expect(handedBack).toMatchObject({ status: 'QUEUED', attempt: 1 });
    await shelf.app.sibling('worker');
    await nodes.resume(embedder.id);
    expect(await owner.ended(String(task.id))).toMatchObject({ status: 'SUCCEEDED', attempt: 2 });
  });

  it('keeps its task beyond the time that tasks are kept', async () => {
    const { database, tasks } = library.app.services;
    const base = await reader.base('for long');
    const kept = await reader.index(base, file);
    const { submitTask: other } = await reader.ask(
      'mutation { submitTask(input: { task: { embedding: { texts: ["a"] } }, waitMs: 20000 }) { ... on Task { id } } }',
    );
    const ids = [rowId(kept), rowId(other ?? {})];
    await database.pool.query("UPDATE task SET finished_at = now() - interval '2 days' WHERE id = ANY ($1)", [
      ids,
    ]);
    await tasks.applyRetention();
    expect(await database.prisma.task.findMany({ where: { id: { in: ids } }, select: { id: true } })).toEqual(
      [{ id: ids[0] }],
    );
    expect(await reader.search(base, 'words')).toHaveLength(1);
  });

  it('with vectors of another length than its knowledge base has is refused, and embedded anew in the next try', async () => {
    const base = await reader.base('another model');
    await reader.index(base, { ...file, name: 'first.txt' });
    const data = [{ index: 0, embedding: [3, 4] }];
    library.nodes[0]?.failNext({ type: 'status', status: 200, body: JSON.stringify({ data }) });
    const task = await reader.index(base, file);
    expect(task).toMatchObject({
      status: 'FAILED',
      error: {
        code: 'NODE_REJECTED',
        message: expect.stringContaining(
          'the node "embedder-1" answered vectors of 2 numbers, where the others of this knowledge base have 128',
        ),
      },
    });
    await reader.ask('mutation ($id: ID!) { retryTask(id: $id) { __typename } }', { id: task.id });
    expect(await reader.ended(String(task.id))).toMatchObject({ status: 'SUCCEEDED' });
    expect(await reader.documents(base, ['INDEXED'])).toHaveLength(2);
  });
});

describe('a knowledge base', UNHURRIED, () => {
  it('has a name of its own and a model that is offered', async () => {
    const create = `mutation ($input: CreateKnowledgeBaseInput!) { createKnowledgeBase(input: $input) {
      __typename ... on KnowledgeBase { name } ... on Error { message } ... on NoSuchModelError { nearest } } }`;
    const answer = async (input: object) => (await reader.ask(create, { input })).createKnowledgeBase;
    expect(await answer({ name: ' recipes ' })).toEqual({ __typename: 'KnowledgeBase', name: 'recipes' });
    expect(await answer({ name: 'recipes' })).toEqual({
      __typename: 'AlreadyExistsError',
      message: 'you have a knowledge base named "recipes" already',
    });
    expect(await answer({ name: 'b', embeddingModel: 'words-129' })).toMatchObject({
      __typename: 'NoSuchModelError',
      nearest: ['words-128'],
    });
    expect(await answer({ name: ' ' })).toEqual({
      __typename: 'InvalidInputError',
      message: 'input.name: must not be empty',
    });
  });

  it('is what tasks can be filtered by, in lists and streams', async () => {
    const [one, two] = [await reader.base('one'), await reader.base('two')];
    const task = await reader.index(one, file);
    await reader.index(two, file);
    const list =
      'query ($id: ID!) { tasks(where: { knowledgeBaseId: $id }) { edges { node { id kind input } } } }';
    const { tasks } = await reader.ask(list, { id: one });
    expect(tasks).toEqual({
      edges: [
        {
          node: {
            id: task.id,
            kind: 'DOCUMENT',
            input: expect.objectContaining({ knowledgeBaseId: one, name: 'a.txt' }),
          },
        },
      ],
    });
    const wrong = await reader.send(list, { id: task.id });
    expect(wrong.errors).toMatchObject([
      { message: 'where.knowledgeBaseId: must be a knowledge base, kb_…' },
    ]);
  });
});
