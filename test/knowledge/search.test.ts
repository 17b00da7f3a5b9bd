import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeId } from '../../src/ids.ts';
import { createSearch, fuse } from '../../src/knowledge/search.ts';
import { createExactIndex } from '../../src/knowledge/vector-index.ts';
import { testLog } from '../support/log.ts';
import { UNHURRIED } from './files.ts';
import { type Library, openLibrary, type Reader } from './library.ts';

let library: Library;
let reader: Reader;
let base: string;

const animals = [
  'Foxes live in forests and hunt at night.',
  'The lighthouse keeper climbs the stairs every evening.',
  'Bread is baked from flour, water and salt.',
  '蒸汽机车在铁路上运行。北京是中国的首都。',
  'The invoice number is INV-4711, to be paid in May.',
  'An invoice. One more invoice, and the next invoice: nothing but invoices and invoices.',
  'МОСКВА — столица. “Über den Wolken”: 12\u00a0km hoch, re\u0301sume\u0301, auf\u00adgabe, of\ufb01ce.',
];

beforeAll(async () => {
  library = await openLibrary([{}]);
  reader = await library.reader();
  base = await reader.base();
  await Promise.all(animals.map((bytes, n) => reader.index(base, { name: `${n}.txt`, bytes })));
}, UNHURRIED.timeout);
afterAll(() => library?.[Symbol.asyncDispose]());

describe('a search', UNHURRIED, () => {
  it.each([
    ['a word in another form', 'hunting fox', 0],
    ['a question', 'What is bread made of?', 2],
    ['a number that stands nowhere else', 'INV-4711', 4],
    ['what has all the words, before what has one of them often', 'invoice in May', 4],
    ['words without spaces', '中国首都', 3],
    ['parts of words, which only the vectors know', 'lighthouses keepers', 1],
  ])('finds %s', async (_what, query, expected) => {
    const hits = await reader.search(base, query, 3);
    expect(hits[0]?.text).toBe(animals[expected]);
    expect(hits.length).toBeLessThanOrEqual(3);
    const scores = hits.map(({ score }) => Number(score));
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    for (const score of scores) expect(score > 0 && score <= 1).toBe(true);
  });

  it.each(['москва', 'über', 'Wolken', 'ÜBER', 'km', 'résumé', 'Aufgabe', 'OFFICE'])(
    'finds a word however it is written, and by the word alone: %s',
    async (query) => {
      const [hit] = await reader.search(base, query, 1);
      expect(hit?.text).toBe(animals[6]);
      // Neither of the two ways gives more than half.
      expect(Number(hit?.score)).toBeGreaterThan(0.5);
    },
  );

  it('tells where in the text a hit stands, and leaves no task behind', async () => {
    const [hit] = await reader.search(base, 'foxes in forests', 1);
    expect(hit).toMatchObject({
      startOffset: 0,
      endOffset: animals[0]?.length,
      score: 1,
      document: { name: '0.txt' },
    });
    const left = await library.app.services.database.prisma.task.count({
      where: { data: { labels: { path: ['purpose'], equals: 'search' } } },
    });
    expect(left).toBe(0);
  });

  it('of a process that was lost leaves its task to housekeeping', async () => {
    const { services } = library.app;
    const { prisma, pool } = services.database;
    let taskId = '';
    const search = createSearch({
      ...services,
      index: createExactIndex(services.database),
      tasks: {
        ...services.tasks,
        submit: async (...given) => {
          const submitted = await services.tasks.submit(...given);
          taskId = submitted.taskId;
          return submitted;
        },
        remove: async () => undefined,
      },
      log: testLog,
    });
    const where = { id: decodeId('KnowledgeBase', base) ?? '' };
    const row = await prisma.knowledgeBase.findUniqueOrThrow({ where });
    await search(row, { query: 'foxes', first: 1, viewer: { userId: reader.userId, tier: 'VIP' } });
    const left = () => prisma.task.count({ where: { id: taskId } });
    await services.knowledge.clearParts();
    expect(await left()).toBe(1);
    await pool.query("UPDATE task SET finished_at = now() - interval '1 minute' WHERE id = $1", [taskId]);
    await vi.waitFor(async () => expect(await left()).toBe(0), { timeout: 10_000 });
  });

  it('refuses what asks for nothing or for too much', async () => {
    const query =
      'query ($id: ID!, $q: String!, $n: Int) { knowledgeBase(id: $id) { search(query: $q, first: $n) { text } } }';
    const codes = async (q: string, n: number) =>
      (await reader.send(query, { id: base, q, n })).errors.map(({ message, extensions }) => [
        extensions.code,
        message,
      ]);
    expect(await codes(' ', 1)).toEqual([['BAD_USER_INPUT', 'query: must not be empty']]);
    expect(await codes('fox', 0)).toEqual([['BAD_USER_INPUT', 'first: must be at least 1']]);
    expect(await codes('fox', 101)).toEqual([['BAD_USER_INPUT', 'first: must be at most 100']]);
    expect(await reader.search(await reader.base('empty'), 'fox')).toEqual([]);
  });

  it('finds a document as it was when the search began, whole, though a newer one replaces it meanwhile', async () => {
    const { services } = library.app;
    const handbook = await reader.base('handbook');
    const version = (n: number) => ({
      name: 'alarm.txt',
      bytes: Array.from({ length: 8 }, (_, part) => `Alarm, version ${n}, part ${part}.`).join(
        `\n\n${' '.repeat(90)}`,
      ),
    });
    const options = { document: { chunkSize: 100, chunkOverlap: 0 } };
    await reader.index(handbook, version(1), options);
    const exact = createExactIndex(services.database);
    const search = createSearch({
      ...services,
      index: {
        async nearest(query, view) {
          // A transaction that nothing is asked in would end after a while.
          await view?.query('SET LOCAL idle_in_transaction_session_timeout = 0');
          await reader.index(handbook, version(2), options);
          return exact.nearest(query, view);
        },
      },
      log: testLog,
    });
    const where = { id: decodeId('KnowledgeBase', handbook) ?? '' };
    const row = await services.database.prisma.knowledgeBase.findUniqueOrThrow({ where });
    const viewer = { userId: reader.userId, tier: 'VIP' } as const;
    const hits = await search(row, { query: 'alarm', first: 10, viewer });
    expect(hits).toHaveLength(8);
    for (const { text, score, document } of hits) {
      expect(text).toContain('version 1');
      expect(score).toBeGreaterThan(0.5);
      expect(document).toMatchObject({ name: 'alarm.txt', stage: 'INDEXED', task: { status: 'SUCCEEDED' } });
    }
    const later = await reader.search(handbook, 'alarm', 10);
    expect(later.filter(({ text }) => String(text).includes('version 2'))).toHaveLength(8);
  });

  it('goes by words alone where no node embeds the query in time', async () => {
    const { services } = library.app;
    const where = { id: decodeId('KnowledgeBase', base) ?? '' };
    const row = await services.database.prisma.knowledgeBase.findUniqueOrThrow({ where });
    const search = createSearch({
      ...services,
      index: createExactIndex(services.database),
      waitMs: 300,
      log: testLog,
    });
    const viewer = { userId: reader.userId, tier: 'VIP' } as const;
    for (const node of library.nodes) node.set({ latencyMs: 60_000 });
    const hits = await search(row, { query: 'foxes', first: 5, viewer });
    for (const node of library.nodes) node.set({ latencyMs: 0 });
    expect(hits.map(({ text }) => text)).toEqual([animals[0]]);
    const other = await search({ ...row, dimensions: 7 }, { query: 'bread', first: 5, viewer });
    expect(other.map(({ text }) => text)).toEqual([animals[2]]);
  });
});

describe('a ranking of several', () => {
  const key = (ordinal: number) => ({ documentId: 'd', ordinal });
  const order = (...rankings: number[][]) =>
    fuse(rankings.map((ranking) => ranking.map(key))).map(({ ordinal }) => ordinal);

  it('puts first what stands high in all of them', () => {
    expect(order([1, 2, 3], [3, 2, 4])).toEqual([3, 2, 1, 4]);
    expect(order([1, 2], [])).toEqual([1, 2]);
    expect(fuse([[key(1)], [key(1)]])).toEqual([{ ...key(1), score: 1 }]);
    expect(fuse([])).toEqual([]);
  });
});
