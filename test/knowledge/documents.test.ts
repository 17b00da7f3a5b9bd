import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { docx, pdf } from './files.ts';
import { type Library, openLibrary, type Reader } from './library.ts';

let library: Library;
let reader: Reader;

beforeAll(async () => {
  library = await openLibrary();
  reader = await library.reader();
});
afterAll(() => library?.[Symbol.asyncDispose]());

const apples = 'The orchard grows apples and pears. Cider is pressed from apples in October.';
const trains = 'The night train leaves the station at eleven. Tickets are sold by the conductor.';

describe('a document', () => {
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
});
