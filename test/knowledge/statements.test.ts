import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeId, newId } from '../../src/ids.ts';
import { type Api, type Person, startApi } from '../http/support.ts';
import { fewestStatements } from '../support/statements.ts';

let api: Api;
beforeAll(async () => {
  // Without a worker: nothing else is asked of the database meanwhile.
  api = await startApi();
});
afterAll(() => api?.[Symbol.asyncDispose]());

const submit = `mutation ($id: ID!, $url: URL!) {
  submitTask(input: { task: { document: { knowledgeBaseId: $id, file: { url: $url } } } }) { ... on Task { id } } }`;

/** Somebody with knowledge bases of two documents each: one is indexed, and the other one waits. */
async function personWithBases(count: number): Promise<Person> {
  const person = await api.person('USER', 'VIP');
  const { prisma, pool } = api.services.database;
  const make = async (n: number): Promise<void> => {
    const data = { id: newId(), userId: person.user.id, name: `base ${n}`, embeddingModel: 'words' };
    const id = encodeId('KnowledgeBase', (await prisma.knowledgeBase.create({ data })).id);
    const send = (file: string) =>
      api.send(submit, { as: person, variables: { id, url: `https://example.org/${file}.pdf` } });
    await Promise.all(['a', 'b'].map(send));
  };
  await Promise.all(Array.from({ length: count }, (_, n) => make(n)));
  const indexed = "SELECT id FROM document WHERE user_id = $1 AND name = 'a.pdf'";
  await pool.query(`UPDATE document SET stage = 'INDEXED', edition = 1 WHERE id IN (${indexed})`, [
    person.user.id,
  ]);
  await pool.query(`UPDATE task SET status = 'SUCCEEDED' WHERE id IN (${indexed})`, [person.user.id]);
  await pool.query(
    `UPDATE task_data SET result = jsonb_build_object('documentId', task_id) WHERE task_id IN (${indexed})`,
    [person.user.id],
  );
  return person;
}

const everything = `{ knowledgeBases(first: 100) { edges { node { id name documents(first: 5) { edges { node {
  name status mimeType error { code } task { status result { ... on DocumentResult { document { name status } } } }
} } } } } } }`;

async function measure(person: Person): Promise<{ bases: number; documents: number; statements: number }> {
  const seen = { bases: 0, documents: 0 };
  const statements = await fewestStatements(async () => {
    const { data, errors } = await api.send(everything, { as: person });
    expect(errors).toEqual([]);
    const bases = Object.values(data.knowledgeBases?.edges ?? {});
    const documents = bases.flatMap(({ node }) => Object.values(node?.documents?.edges ?? {}));
    const results = documents.filter(({ node }) => node?.task?.result !== null);
    expect(results).toHaveLength(bases.length);
    Object.assign(seen, { bases: bases.length, documents: documents.length });
  });
  return { ...seen, statements };
}

it('a page of knowledge bases takes the same number of statements for one and for many, documents included', async () => {
  const [one, many] = [await personWithBases(1), await personWithBases(12)];
  const few = await measure(one);
  const most = await measure(many);
  expect(few).toMatchObject({ bases: 1, documents: 2 });
  expect(most).toMatchObject({ bases: 12, documents: 24, statements: few.statements });
  expect(most.statements).toBeLessThan(15);
});
