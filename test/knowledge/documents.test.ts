import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeId } from '../../src/ids.ts';
import { docx, lockedPdf, pdf, UNHURRIED } from './files.ts';
import { type Json, type Library, nextAtWork, openLibrary, type Reader, textsSent } from './library.ts';

let library: Library;
let reader: Reader;

beforeAll(async () => {
  library = await openLibrary();
  reader = await library.reader();
});
afterAll(() => library?.[Symbol.asyncDispose]());

const apples = 'The orchard grows apples and pears. Cider is pressed from apples in October.';
const trains = 'The night train leaves the station at eleven. Tickets are sold by the conductor.';

/** The tasks that embed its parts. */
function partsOf(task: Json): Promise<{ status: string }[]> {
  const prefix = `document/${decodeId('Task', String(task.id))}/`;
  return library.app.services.database.prisma.task.findMany({
    where: { idempotencyKey: { startsWith: prefix } },
    select: { status: true },
  });
}

describe('a document', UNHURRIED, () => {
  it.each([
    ['PDF', 'fruit.pdf', pdf([[{ heading: 'Fruit' }, apples], [trains]]), 'application/pdf'],
    ['DOCX', 'fruit.docx', docx([{ heading: 'Fruit' }, apples, trains]), 'wordprocessingml.document'],
    [
      'HTML',
      'fruit.html',
      `<html><head><title>Fruit</title></head><body><p>${apples}</p><p>${trains}</p></body></html>`,
      'text/html',
    ],
    ['Markdown', 'fruit.md', `# Fruit\n\n${apples}\n\n## Trains\n\n${trains}`, 'text/markdown'],
    ['text', 'fruit.txt', `${apples}\n\n${trains}`, 'text/plain'],
  ])('of the type %s is read, embedded and found', async (type, name, bytes, mimeType) => {
    const base = await reader.base(`a base for ${type}`);
    const task = await reader.index(
      base,
      { name, bytes },
      { document: { chunkSize: 100, chunkOverlap: 20 } },
    );
    expect(task).toMatchObject({
      status: 'SUCCEEDED',
      progress: 1,
      model: 'builtin',
      gpuNode: { name: 'local' },
    });
    const [document, ...others] = await reader.documents(base);
    expect(others).toEqual([]);
    expect(document).toMatchObject({
      name,
      status: 'INDEXED',
      sizeBytes: Buffer.byteLength(bytes),
      error: null,
    });
    expect(document?.mimeType).toContain(mimeType);
    expect(Number(document?.chunkCount)).toBeGreaterThanOrEqual(2);
    const [first] = await reader.search(base, 'when does the train leave?');
    expect(first?.text).toContain('night train');
    expect(first?.document).toEqual({ id: document?.id, name });
  });

  it('may be large without having much text', async () => {
    const base = await reader.base('a large file');
    const bytes = `<html><!--${'filler '.repeat(100_000)}--><p>${apples}</p></html>`;
    const task = await reader.index(base, { name: 'large.html', bytes });
    expect(task).toMatchObject({
      status: 'SUCCEEDED',
      result: { document: { sizeBytes: bytes.length, chunkCount: 1 } },
    });
  });

  it('is embedded in parts, side by side on all nodes, and its task waits without a slot of theirs', async () => {
    const base = await reader.base('a large one');
    // None ends before both have begun: however quick they were before, each is needed.
    const slots = library.nodes.map(({ settings }) => settings.slots);
    for (const node of library.nodes) node.set({ slots: 0 });
    const before = library.nodes.map(({ history }) => history.length);
    const texts = textsSent(library.nodes);
    const bytes = Array.from(
      { length: 3_000 },
      (_, n) => `Sentence number ${n} is about topic ${n % 97}.`,
    ).join(' ');
    const options = { document: { chunkSize: 200, chunkOverlap: 40 } };
    const { id } = await reader.add(base, { name: 'large.txt', bytes }, options);
    await Promise.all(library.nodes.map((node, n) => node.received((before[n] ?? 0) + 1)));
    for (const [n, node] of library.nodes.entries()) node.set({ slots: slots[n] ?? 0 });
    const task = await reader.ended(String(id));
    expect(task.status).toBe('SUCCEEDED');
    const [document] = await reader.documents(base);
    expect(Number(document?.chunkCount)).toBeGreaterThan(700);
    expect(textsSent(library.nodes) - texts).toBe(document?.chunkCount);
    await vi.waitFor(async () => expect(await partsOf(task)).toEqual([]), { timeout: 10_000 });
    const [hit] = await reader.search(base, 'sentence number 2718', 1);
    expect(hit?.text).toContain('number 2718');
  });

  it('fails alone, with a reason, where it can not be read', async () => {
    const base = await reader.base('with a poisoned one');
    const [bad, good] = await Promise.all([
      reader.index(base, { name: 'locked.pdf', bytes: lockedPdf(), type: 'text/plain' }),
      reader.index(base, { name: 'good.txt', bytes: apples }),
    ]);
    const message = 'the document could not be read: it is protected with a password: save it without one';
    expect(bad).toMatchObject({
      status: 'FAILED',
      error: { code: 'NODE_REJECTED', message, retryable: false, attempt: 1 },
    });
    expect(good.status).toBe('SUCCEEDED');
    expect(await reader.documents(base, ['FAILED'])).toMatchObject([
      { name: 'locked.pdf', error: { message } },
    ]);
    expect(await reader.documents(base, ['INDEXED', 'CHUNKING'])).toMatchObject([
      { name: 'good.txt', error: null },
    ]);
    expect(await reader.documents(base)).toHaveLength(2);
    const nodes = await library.app.services.database.prisma.gpuNode.findFirstOrThrow({
      where: { name: 'local' },
    });
    expect(nodes).toMatchObject({ healthy: true, failures: 0 });
  });

  it('has a name that can be stored, whatever its file is called', async () => {
    const base = await reader.base('with strange names');
    const names = ['zero\0.txt', `${'🦊'.repeat(150)}.txt`];
    for (const name of names) await reader.index(base, { name, bytes: apples });
    const SUBMIT = `mutation ($id: ID!, $url: URL!) {
      submitTask(input: { task: { document: { knowledgeBaseId: $id, file: { url: $url } } } }) { __typename ... on Task { id input } } }`;
    const url = 'http://192.0.2.1/100%25%zz%00.txt';
    const { submitTask } = await reader.ask(SUBMIT, { id: base, url });
    expect(submitTask).toMatchObject({ input: { name: '100%%zz.txt' } });
    await reader.ended(String(submitTask?.id));
    const [, long, zero] = (await reader.documents(base)).map(({ name }) => String(name));
    expect(zero).toBe('zero.txt');
    expect(long).toHaveLength(255);
    expect(long?.isWellFormed()).toBe(true);
  });

  it('replaces the one of its name at once, and stays where the newer one fails', async () => {
    const base = await reader.base('with a newer edition');
    const name = 'report.txt';
    await reader.index(base, { name, bytes: 'The first edition speaks of walnuts.' });
    const failed = await reader.index(base, { name, bytes: pdf([[]]) });
    expect(failed.status).toBe('FAILED');
    expect((await reader.documents(base)).map(({ status }) => status)).toEqual(['FAILED', 'INDEXED']);
    expect(await reader.search(base, 'walnuts')).toHaveLength(1);

    const newer = await reader.add(base, { name, bytes: 'The second edition speaks of hazelnuts.' });
    const seen = new Set<string>();
    let isOver = false;
    const ended = reader.ended(String(newer.id)).then((task) => {
      isOver = true;
      return task;
    });
    while (!isOver)
      seen.add((await reader.search(base, 'edition walnuts hazelnuts')).map(({ text }) => text).join('|'));
    expect(await ended).toMatchObject({ status: 'SUCCEEDED' });
    seen.delete('The first edition speaks of walnuts.');
    seen.delete('The second edition speaks of hazelnuts.');
    expect([...seen]).toEqual([]);
    expect(await reader.documents(base)).toMatchObject([{ name, status: 'INDEXED' }]);
    expect((await reader.search(base, 'walnuts'))[0]?.text).toBe('The second edition speaks of hazelnuts.');
    const chunks = await library.app.services.database.prisma.chunk.count({
      where: { knowledgeBaseId: decodeId('KnowledgeBase', base) ?? '' },
    });
    expect(chunks).toBe(1);
  });

  it('is tried again with retryTask, when its parts could not be embedded', async () => {
    const base = await reader.base('with a failing node');
    const refusal = { type: 'status', status: 400, body: '{"error":{"message":"not today"}}' } as const;
    const before = library.nodes.map(({ history }) => history.length);
    for (const node of library.nodes) node.failNext(refusal);
    const task = await reader.index(base, { name: 'a.txt', bytes: trains }, { maxAttempts: 1 });
    expect(task).toMatchObject({ status: 'FAILED', error: { code: 'NODE_REJECTED', retryable: false } });
    expect(String((task.error as unknown as { message: string }).message)).toMatch(
      /^a part of the document could not be embedded: .*not today/,
    );
    // Where the one call did not go, the next one fails instead.
    const others = library.nodes.filter(({ history }, n) => history.length === before[n]);
    for (const { url } of others) await fetch(`${url}/v1/embeddings`, { method: 'POST', body: '{}' });
    await reader.ask(`mutation ($id: ID!) { retryTask(id: $id) { __typename } }`, { id: task.id });
    expect(await reader.ended(String(task.id))).toMatchObject({ status: 'SUCCEEDED', attempt: 2 });
    expect(await reader.documents(base)).toMatchObject([{ status: 'INDEXED', chunkCount: 1 }]);
  });

  it('needs a knowledge base of the caller, sizes that make sense, and a file', async () => {
    const base = await reader.base('to be asked wrongly');
    const stranger = await library.reader();
    const file = { name: 'a.txt', bytes: apples };
    const issues = async (who: Reader, id: string, document = {}) =>
      ((await who.add(id, file, { document })) as unknown as { issues: object }).issues;
    const path = 'task.document.knowledgeBaseId';
    expect(await issues(stranger, base)).toEqual([
      { path, message: 'no knowledge base of yours has this id' },
    ]);
    expect(await issues(reader, 'kb_1')).toEqual([
      { path, message: 'must be the id of a knowledge base, kb_…' },
    ]);
    expect(await issues(reader, base, { chunkSize: 50, chunkOverlap: 0 })).toEqual([
      { path: 'task.document.chunkSize', message: 'must be at least 100' },
    ]);
    expect(await issues(reader, base, { chunkSize: 200, chunkOverlap: 150 })).toEqual([
      { path: 'task.document.chunkOverlap', message: 'must be at most half of chunkSize' },
    ]);
    expect(await reader.documents(base)).toEqual([]);
  });
});

describe('what goes away', UNHURRIED, () => {
  it('a document is found no more, its task stays without a result, and can be deleted then', async () => {
    const base = await reader.base('to lose a document');
    const task = await reader.index(base, { name: 'a.txt', bytes: apples });
    const [document] = await reader.documents(base);
    const remove = 'mutation ($id: ID!) { deleteTask(id: $id) { __typename ... on Error { message } } }';
    expect(await reader.ask(remove, { id: task.id })).toEqual({
      deleteTask: {
        __typename: 'InvalidStateError',
        message: 'the task belongs to a generation or a document: delete that',
      },
    });
    expect(
      await reader.ask('mutation ($id: ID!) { deleteDocument(id: $id) { ... on DeletePayload { id } } }', {
        id: document?.id,
      }),
    ).toEqual({
      deleteDocument: { id: document?.id },
    });
    expect(await reader.search(base, 'apples')).toEqual([]);
    expect(await reader.documents(base)).toEqual([]);
    expect(await reader.ended(String(task.id))).toMatchObject({ status: 'SUCCEEDED', result: null });
    expect(await reader.ask(remove, { id: task.id })).toEqual({
      deleteTask: { __typename: 'DeleteTaskPayload' },
    });
  });

  it('a knowledge base goes with all that is under way for it, parts included', async () => {
    const base = await reader.base('to be deleted');
    for (const node of library.nodes) node.set({ latencyMs: 60_000 });
    // Some of them wait for a place on the built-in node.
    const names = Array.from({ length: 16 }, (_, n) => `${n}.txt`);
    const tasks = await Promise.all(names.map((name) => reader.add(base, { name, bytes: trains })));
    await vi.waitFor(
      async () => expect((await reader.documents(base, ['EMBEDDING'])).length).toBeGreaterThan(0),
      { timeout: 10_000 },
    );
    await reader.ask('mutation ($id: ID!) { deleteKnowledgeBase(id: $id) { __typename } }', { id: base });
    for (const node of library.nodes) node.set({ latencyMs: 0 });
    const ended = await Promise.all(tasks.map(({ id }) => reader.ended(String(id))));
    expect(ended.map(({ status }) => status)).toEqual(names.map(() => 'CANCELED'));
    expect(await reader.ask('query ($id: ID!) { knowledgeBase(id: $id) { id } }', { id: base })).toEqual({
      knowledgeBase: null,
    });
    await vi.waitFor(
      async () => expect((await Promise.all(tasks.map((task) => partsOf(task)))).flat()).toEqual([]),
      { timeout: 10_000 },
    );
  });

  it('a canceled task ends the reading and its parts; the document says FAILED, and they go with it', async () => {
    const base = await reader.base('to be canceled');
    for (const node of library.nodes) node.set({ latencyMs: 60_000 });
    const begun = nextAtWork(library.nodes);
    const task = await reader.add(base, { name: 'a.txt', bytes: trains });
    await begun;
    expect(await reader.documents(base, ['EMBEDDING'])).toHaveLength(1);
    const cancel = () =>
      reader.ask('mutation ($id: ID!) { cancelTask(id: $id) { ... on CancelTaskPayload { outcome } } }', {
        id: task.id,
      });
    // Half a second is waited for it; repeated, it is told again.
    await expect.poll(cancel).toEqual({ cancelTask: { outcome: 'STOPPED_ON_NODE' } });
    for (const node of library.nodes) node.set({ latencyMs: 0 });
    expect(await reader.documents(base)).toMatchObject([{ status: 'FAILED', error: null }]);
    await vi.waitFor(async () => expect(await partsOf(task)).toEqual([{ status: 'CANCELED' }]), {
      timeout: 10_000,
    });
    await library.app.services.knowledge.clearParts();
    const [document] = await reader.documents(base);
    await reader.ask('mutation ($id: ID!) { deleteDocument(id: $id) { __typename } }', { id: document?.id });
    expect(await partsOf(task)).toEqual([]);
  });
});
