import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newId } from '../../src/ids.ts';
import { createChunks } from '../../src/knowledge/chunks.ts';
import type { VectorIndex } from '../../src/knowledge/vector-index.ts';
import { normalized, product } from '../../src/knowledge/vectors.ts';

type Pool = Parameters<typeof createChunks>[0]['pool'];

export interface OpenIndex extends AsyncDisposable {
  readonly index: VectorIndex;
  readonly pool: Pool;
  /** Several statements without values. */
  exec(sql: string): Promise<unknown>;
}

const DIMENSIONS = 8;

/** Always the same numbers. */
function* numbers(): Generator<number, never> {
  for (let state = 1; ; ) {
    state = (state * 16_807) % 2_147_483_647;
    yield state / 2_147_483_647 - 0.5;
  }
}

const random = numbers();
const anyVector = (): Float32Array =>
  normalized(Float32Array.from({ length: DIMENSIONS }, () => random.next().value));

/** What every way to find vectors does. */
export function describeVectorIndex(name: string, open: () => Promise<OpenIndex>): void {
  describe(name, () => {
    let opened: OpenIndex;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened?.[Symbol.asyncDispose]());

    /** A document with a chunk for each vector; without what a document belongs to. */
    async function add(
      knowledgeBaseId: string,
      vectors: readonly Float32Array[],
      edition = 1,
    ): Promise<string> {
      const documentId = newId();
      await opened.exec(`
        SET session_replication_role = replica;
        INSERT INTO document (id, knowledge_base_id, user_id, name, mime_type, size_bytes, stage, edition, chunk_count)
        VALUES ('${documentId}', '${knowledgeBaseId}', '${newId()}', 'a', 'text/plain', 1, 'INDEXED', ${edition}, ${vectors.length});
        RESET session_replication_role`);
      const chunks = vectors.map((_, ordinal) => ({
        ordinal,
        start: ordinal,
        end: ordinal + 1,
        text: 'a word',
      }));
      const store = createChunks(opened).store;
      await store({ documentId, knowledgeBaseId, edition }, chunks, vectors);
      return documentId;
    }

    it('finds the nearest first, as many as are asked for', async () => {
      const knowledgeBaseId = newId();
      const vectors = Array.from({ length: 50 }, anyVector);
      const documentId = await add(knowledgeBaseId, vectors);
      const vector = anyVector();
      const expected = vectors
        .map((other, ordinal) => ({ ordinal, score: product(vector, other) }))
        .sort((a, b) => b.score - a.score)
        .slice(0, 7)
        .map(({ ordinal }) => ({ documentId, ordinal }));
      expect(await opened.index.nearest({ knowledgeBaseId, vector, limit: 7 })).toMatchObject(expected);
    });

    it('sees the edition that a document names, and nothing of other knowledge bases', async () => {
      const [knowledgeBaseId, other] = [newId(), newId()];
      const documentId = await add(knowledgeBaseId, [anyVector()], 2);
      await add(other, [anyVector()]);
      const edition = { documentId, knowledgeBaseId, edition: 1 };
      const chunk = { ordinal: 7, start: 0, end: 1, text: 'a word' };
      await createChunks(opened).store(edition, [chunk], [anyVector()]);
      const found = await opened.index.nearest({ knowledgeBaseId, vector: anyVector(), limit: 10 });
      expect(found).toMatchObject([{ documentId, ordinal: 0 }]);
      expect(found).toHaveLength(1);
    });

    it('compares all of many', async () => {
      const knowledgeBaseId = newId();
      const [few, many] = [3, 4_500];
      await add(knowledgeBaseId, Array.from({ length: few }, anyVector));
      const vectors = Array.from({ length: many }, anyVector);
      const documentId = await add(knowledgeBaseId, vectors);
      for (const ordinal of [0, 3_998, many - 1]) {
        const vector = vectors[ordinal] ?? anyVector();
        const [first] = await opened.index.nearest({ knowledgeBaseId, vector, limit: 1 });
        expect(first).toMatchObject({ documentId, ordinal });
      }
    });

    it('finds nothing in an empty knowledge base', async () => {
      expect(await opened.index.nearest({ knowledgeBaseId: newId(), vector: anyVector(), limit: 5 })).toEqual(
        [],
      );
    });
  });
}
